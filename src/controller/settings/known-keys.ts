import { parseGoBool } from '../../lib/nginx-values.ts';

type Names = string;

/** ConfigMap keys of ingress-nginx that Serin does not honour, by what happens instead. What reads a key takes it over. */
const ROWS: readonly (readonly [consequence: string, names: Names])[] = [
  ["Node's TLS has no early data: every handshake is whole", 'ssl-early-data'],
  [
    'no web application firewall looks at the requests',
    'enable-modsecurity enable-owasp-modsecurity-crs modsecurity-snippet',
  ],
  ['the file is not read', 'opentelemetry-config'],
  [
    'snippets are never evaluated; it is ignored',
    'main-snippet http-snippet server-snippet stream-snippet location-snippet global-auth-snippet',
  ],
];

/** Whether a value asks for nothing: for what is so without the key. */
export function asksForNothing(value: string): boolean {
  return value === '' || parseGoBool(value) === false;
}

/** What happens instead, by key. */
export const KNOWN_KEYS: ReadonlyMap<string, string> = new Map(
  ROWS.flatMap(([consequence, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name): [string, string] => [name, consequence]),
  ),
);
