/** The oldest major version of Node that Serin runs on, as `engines` in package.json has it. */
export const OLDEST_NODE = 24;

/** Why Serin does not run on this Node; undefined: it does. */
export function refuseNode(version: string): string | undefined {
  const major = Number.parseInt(version.replace(/^v/, ''), 10);
  return major >= OLDEST_NODE ? undefined : `Serin needs Node ${OLDEST_NODE} or later; this is ${version}`;
}
