import type { Connection, ConnectionHandler, TlsClientOptions, Transport } from '../transport/transport.ts';
import type { Endpoint } from './upstream.ts';
import type { WireKey } from './wire-key.ts';

/** Opens connections to one endpoint, in one way. */
export interface Connector {
  readonly isTls: boolean;
  connect(handler: ConnectionHandler): Connection;
}

export function createConnector(transport: Transport, endpoint: Endpoint, key: WireKey): Connector {
  const address = { host: endpoint.address, port: endpoint.port };
  const tls = key.isTls ? transport.createClientContext(tlsOptionsOf(key)) : undefined;
  return { isTls: key.isTls, connect: (handler) => transport.connect(address, tls, handler) };
}

/** Name that ingress-nginx verifies when none is configured (docs/reference/annotations.md §3.8): no certificate carries it. */
const UNNAMED = 'upstream_balancer';

/** Without policy the certificate is not verified and no name is sent. */
function tlsOptionsOf({ wire, tls: policy, serverName }: WireKey): TlsClientOptions {
  return {
    certificate: policy?.certificate,
    key: policy?.key,
    ca: policy?.ca,
    minVersion: policy?.minVersion ?? 'TLSv1.2',
    maxVersion: policy?.maxVersion ?? 'TLSv1.3',
    ciphers: policy?.ciphers,
    serverName,
    verified:
      policy?.isVerified === true
        ? { name: policy.serverName ?? UNNAMED, depth: policy.verifyDepth }
        : undefined,
    protocols: [wire === 'h2' ? 'h2' : 'http/1.1'],
  };
}
