import type { ProxyErrorCode } from './proxy-errors.ts';
import { normaliseHost } from './host.ts';
import { normalisePath, scanPath } from './path.ts';

/** What a request is routed by, reused from request to request. */
export interface ResolvedTarget {
  /** Origin form to send upstream when nothing rewrites it: as received (absolute form: its path and query). */
  originTarget: string;
  /** Normalised path (docs/reference/routing.md §5). */
  path: string;
  /** Without `?`; empty when none. */
  query: string;
  /** Lower-case, no port, no trailing dot; empty when the request has no Host (HTTP/1.0). */
  host: string;
  /** Host as received, or the authority of an absolute-form target; empty when none. */
  hostHeader: string;
}

const SLASH = 47;

export function createResolvedTarget(): ResolvedTarget {
  return { originTarget: '', path: '', query: '', host: '', hostHeader: '' };
}

/**
 * Reads what a request is routed by from its target and Host header (RFC 9112 §3.2, docs/reference/routing.md §5-6) into `into`. Answers the error
 * to refuse it with, else undefined. The method is needed because TRACE is not served and CONNECT and `*` have forms of their own.
 */
export function resolveTarget(
  method: string,
  target: string,
  hostHeader: string | undefined,
  into: ResolvedTarget,
): ProxyErrorCode | undefined {
  if (method === 'TRACE') return 'method_not_allowed';
  // A connection mostly names one host again and again; what was read for the same text still holds.
  if (hostHeader === undefined || hostHeader !== into.hostHeader) {
    into.hostHeader = '';
    into.host = '';
    if (hostHeader !== undefined) {
      const host = normaliseHost(hostHeader);
      if (host === undefined) return 'bad_host';
      into.hostHeader = hostHeader;
      into.host = host;
    }
  } else if (hostHeader === '') {
    return 'bad_host';
  }
  if (method === 'CONNECT') return refuseConnect(target);
  if (target.charCodeAt(0) === SLASH) return readOrigin(target, into);
  return readAbsolute(target, into);
}

function readOrigin(target: string, into: ResolvedTarget): ProxyErrorCode | undefined {
  const scanned = scanPath(target);
  const pathEnd = scanned < 0 ? ~scanned : scanned;
  const received = pathEnd === target.length ? target : target.slice(0, pathEnd);
  const path = scanned < 0 ? normalisePath(received) : received;
  if (path === undefined) return 'bad_path';
  into.originTarget = target;
  into.path = path;
  into.query = pathEnd === target.length ? '' : queryOf(target, pathEnd);
  return undefined;
}

/** `http://authority/path?query`; anything else that does not begin with a slash is refused, `*` too. */
function readAbsolute(target: string, into: ResolvedTarget): ProxyErrorCode | undefined {
  const scheme = /^https?:\/\//i.exec(target)?.[0];
  if (scheme === undefined) return 'bad_target';
  const rest = target.slice(scheme.length);
  const authorityEnd = rest.search(/[/?#]/);
  const authority = authorityEnd < 0 ? rest : rest.slice(0, authorityEnd);
  // Userinfo is refused with the rest: `@` is no host character (RFC 9110 §4.2.4).
  const host = normaliseHost(authority);
  if (host === undefined) return 'bad_target';
  // What Host says is of no account then, and the upstream gets to see the authority in its place (RFC 9112 §3.2.2).
  into.host = host;
  into.hostHeader = authority;
  const origin = authorityEnd < 0 ? '/' : rest.slice(authorityEnd);
  return readOrigin(origin.charCodeAt(0) === SLASH ? origin : `/${origin}`, into);
}

/** This is no forward proxy: CONNECT in its proper form is a bad request, in another a method that is not allowed (docs/reference/routing.md §6). */
function refuseConnect(target: string): ProxyErrorCode {
  return target.charCodeAt(0) === SLASH || /^[a-z][a-z0-9+.-]*:\/\//i.test(target)
    ? 'method_not_allowed'
    : 'connect_refused';
}

function queryOf(target: string, pathEnd: number): string {
  if (target.charCodeAt(pathEnd) !== 63) return '';
  const fragment = target.indexOf('#', pathEnd);
  return fragment < 0 ? target.slice(pathEnd + 1) : target.slice(pathEnd + 1, fragment);
}
