import { CATCH_ALL } from './catch-all.ts';

const WWW = 'www.';

/** The name with `www.` in front, or without it where it is there; undefined for the catch-all and for patterns. */
export function wwwTwin(host: string): string | undefined {
  if (host === CATCH_ALL || host.startsWith('*') || host.startsWith('~')) return undefined;
  return host.startsWith(WWW) ? host.slice(WWW.length) : WWW + host;
}
