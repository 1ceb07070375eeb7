import { digestOf } from '../../lib/hash.ts';
import type { UpstreamTlsPolicy } from '../../model/policy.ts';

/** What a server may be spoken to in. */
export type WireName = 'http/1.0' | 'http/1.1' | 'h2';

/** How an endpoint is spoken to. Those of equal `text` share connections. */
export interface WireKey {
  readonly text: string;
  readonly wire: WireName;
  readonly isTls: boolean;
  /** What TLS is held to; undefined: nothing is verified. */
  readonly tls: UpstreamTlsPolicy | undefined;
  /** Name in the TLS hello; undefined: none is sent. */
  readonly serverName: string | undefined;
}

/** The key of a wire without TLS. */
export function plainWire(wire: WireName): WireKey {
  return PLAIN[wire];
}

/** The key of a wire over TLS. */
export function tlsWire(wire: WireName, policy: UpstreamTlsPolicy | undefined): WireKey {
  return {
    text: `${wire} tls:${policy === undefined ? '' : digestOf(policy)}`,
    wire,
    isTls: true,
    tls: policy,
    serverName: policy?.isSniSent === true ? policy.serverName : undefined,
  };
}

const PLAIN: Readonly<Record<WireName, WireKey>> = {
  'http/1.0': plainKey('http/1.0'),
  'http/1.1': plainKey('http/1.1'),
  h2: plainKey('h2'),
};

function plainKey(wire: WireName): WireKey {
  return { text: wire, wire, isTls: false, tls: undefined, serverName: undefined };
}
