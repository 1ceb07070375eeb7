import type { DataPlaneSettings } from '../../table/settings.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';

/*
 * Scheme and port that the client used, as far as the hops in front tell (docs/reference/routing.md §11). The destination port of a PROXY header counts
 * whoever sent it; forwarded headers only with `use-forwarded-headers`.
 */

type Listener = Pick<ConnectionInfo, 'listener' | 'scheme' | 'localPort' | 'proxiedPort'>;
type OriginSettings = Pick<DataPlaneSettings, 'isForwardedTrusted' | 'httpsPort'>;

/** The scheme; a trusted X-Forwarded-Proto is taken as it stands, empty ones included. */
export function seenSchemeOf(
  { scheme, proxiedPort }: Listener,
  forwardedProto: string | undefined,
  { isForwardedTrusted }: OriginSettings,
): string {
  if (proxiedPort === 443) return 'https';
  return isForwardedTrusted && forwardedProto !== undefined ? forwardedProto : scheme;
}

/** The port as it was said, before the https listener's own becomes 443: `$pass_server_port`. */
export function saidPortOf(
  { localPort, proxiedPort }: Listener,
  forwardedPort: string | undefined,
  { isForwardedTrusted }: OriginSettings,
): string {
  return (isForwardedTrusted && forwardedPort) || String(proxiedPort ?? localPort);
}

/** The port for X-Forwarded-Port: where the https listener is behind a mapped port, clients know it as 443. */
export function seenPortOf(
  info: Listener,
  forwardedPort: string | undefined,
  settings: OriginSettings,
): string {
  const isTold = (settings.isForwardedTrusted && !!forwardedPort) || info.proxiedPort !== undefined;
  if (!isTold && info.listener === 'https') return '443';
  const port = saidPortOf(info, forwardedPort, settings);
  return port === String(settings.httpsPort) ? '443' : port;
}
