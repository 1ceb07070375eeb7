import type { Policies } from '../../model/policy.ts';

/** How the Location of a redirect that the proxy makes is written (nginx: absolute_redirect, port_in_redirect). */
export interface LocationForm {
  /** relative-redirects: a path stays one. */
  readonly isRelative: boolean;
  /** use-port-in-redirects: the port of the listener follows the host, unless it is the scheme's own. */
  readonly isPortShown: boolean;
}

const PLAIN: LocationForm = { isRelative: false, isPortShown: false };

/** What the policies of a route say of it. */
export function locationFormOf(policies: Policies | undefined): LocationForm {
  const isRelative = policies?.redirect?.isRelative === true;
  const isPortShown = policies?.['ssl-redirect']?.isPortShown === true;
  return isRelative || isPortShown ? { isRelative, isPortShown } : PLAIN;
}

/** The Location for a path, query included, of the host that was asked for. */
export function toLocation(
  path: string,
  { isRelative, isPortShown }: LocationForm,
  request: { readonly connectionScheme: 'http' | 'https'; readonly host: string; readonly localPort: number },
): string {
  if (isRelative) return path;
  const { connectionScheme, host, localPort } = request;
  const isShown = isPortShown && localPort !== (connectionScheme === 'https' ? 443 : 80);
  return `${connectionScheme}://${host}${isShown ? `:${localPort}` : ''}${path}`;
}
