import type { BodyPolicy, Policies, RetryPolicy } from '../../model/policy.ts';
import { plainWire, tlsWire, type WireKey } from '../upstream/wire-key.ts';

export interface RouteWires {
  /** For clients that came in without TLS, and with it. */
  readonly wire: WireKey;
  readonly secureWire: WireKey;
  readonly isGrpc: boolean;
}

/** What a route's upstream is spoken to in. */
export function wiresOf(policies: Policies, minorVersion: 0 | 1): RouteWires {
  const protocol = policies['backend-protocol']?.protocol ?? 'http';
  const isGrpc = protocol === 'grpc' || protocol === 'grpcs';
  const name = isGrpc ? 'h2' : minorVersion === 1 ? 'http/1.1' : 'http/1.0';
  const plain = plainWire(name);
  if (protocol === 'http' || protocol === 'grpc') return { wire: plain, secureWire: plain, isGrpc };
  const secure = tlsWire(name, policies['proxy-ssl']);
  return { wire: protocol === 'auto' ? plain : secure, secureWire: secure, isGrpc };
}

/** Decoded octets of a response head; ingress-nginx counts them as they come, in a page of memory. */
const MAX_GRPC_HEAD_BYTES = 16_384;

/** How bodies go where gRPC is spoken, whatever the annotations of HTTP say: as they come (docs/reference/annotations.md §3.1). */
export function grpcBodyOf({ maxBodyBytes }: BodyPolicy, policies: Policies): BodyPolicy {
  const { maxResponseHeadBytes = 0 } = policies['backend-protocol'] ?? {};
  return {
    maxBodyBytes,
    isRequestBuffered: false,
    maxResponseHeadBytes: Math.max(maxResponseHeadBytes, MAX_GRPC_HEAD_BYTES),
    upstreamHttpMinor: 1,
  };
}

/** When calls are tried again: as nginx does where nothing is said. */
export const GRPC_RETRY: RetryPolicy = {
  conditions: ['error', 'timeout'],
  isNonIdempotentRetried: false,
  tries: 3,
  timeoutMs: 0,
};
