import { isIP } from 'node:net';

/** Why a list of networks cannot be used, naming the first bad item; undefined when all are addresses or CIDRs. */
export function compileNetworksProblem(networks: readonly string[]): string | undefined {
  const bad = networks.find((network) => !isNetwork(network));
  return bad === undefined ? undefined : `has an item that is no address and no network: ${bad}`;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
