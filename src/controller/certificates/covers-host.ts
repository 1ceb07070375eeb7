/**
 * Whether a certificate with these names is valid for a host: the same name, or a wildcard in place of its first label.
 * A wildcard host needs that very wildcard. Case does not count.
 */
export function coversHost(names: readonly string[], host: string): boolean {
  const lower = host.toLowerCase();
  const dot = lower.indexOf('.');
  const isWildcardHost = lower.startsWith('*');
  const wildcard = dot < 0 || isWildcardHost ? undefined : `*${lower.slice(dot)}`;
  return names.some((name) => {
    const candidate = name.toLowerCase();
    return candidate === lower || candidate === wildcard;
  });
}
