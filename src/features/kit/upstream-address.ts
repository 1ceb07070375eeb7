import { isIPv4, isIPv6 } from 'node:net';
import type { Parsed } from './parsed.ts';

/** Where Serin itself sends requests on behalf of those it serves: a Service port, or a host and a port. */
export type UpstreamAddress =
  | {
      readonly kind: 'service';
      readonly namespace: string;
      readonly service: string;
      /** Text of a number or name. */
      readonly port: string;
    }
  | {
      readonly kind: 'host';
      /** A DNS name in lower case, without final dot, or an IP address without brackets. */
      readonly host: string;
      readonly port: number;
    };

const NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** Parses the `host[:port]` of a URL; the scheme gives the port where none is written. */
export function parseAuthority(
  authority: string,
  scheme: 'http' | 'https',
): Parsed<Extract<UpstreamAddress, { kind: 'host' }>> {
  const [, bracketed, plain = '', portText] =
    /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(authority) ?? [];
  const name = (plain.endsWith('.') ? plain.slice(0, -1) : plain).toLowerCase();
  const isName = bracketed === undefined && (isIPv4(name) || (NAME.test(name) && !/(?:^|\.)\d+$/.test(name)));
  if (!isName && !(bracketed !== undefined && isIPv6(bracketed)))
    return { ok: false, problem: `has "${authority}" where a host should be` };
  const port = portText === undefined || portText === '' ? (scheme === 'https' ? 443 : 80) : Number(portText);
  if (port < 1 || port > 65_535) return { ok: false, problem: `has a port that is none: ${port}` };
  return { ok: true, value: { kind: 'host', host: bracketed?.toLowerCase() ?? name, port } };
}

/** Identity of an upstream that an address stands for; no Service port that an Ingress names has such a one. */
export function idOfAddress(address: UpstreamAddress): string {
  if (address.kind === 'service') return `${address.service}.${address.namespace}.svc:${address.port}`;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const SERVICE_NAME =
  /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.svc(?:\.cluster\.local)?$/;

/** The Service that a host is the cluster's own name of: `name.namespace.svc`, `name.namespace.svc.cluster.local`. */
export function serviceOfHost(
  host: string,
): { readonly namespace: string; readonly service: string } | undefined {
  const [, service, namespace] = SERVICE_NAME.exec(host) ?? [];
  return service === undefined || namespace === undefined ? undefined : { namespace, service };
}
