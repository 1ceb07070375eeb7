import { describe } from 'vitest';
import { createSocketTransport } from '../../../src/proxy/transport/socket-transport.ts';
import { describeConnections } from './connections.ts';
import { describeFlows } from './flows.ts';
import { describeTls } from './tls.ts';

/** Every transport that there is passes the same suite. */
const TRANSPORTS = { sockets: createSocketTransport };

for (const [name, create] of Object.entries(TRANSPORTS)) {
  describe(name, () => {
    describeConnections(create);
    describe('flows', () => describeFlows(create));
    describe('TLS', () => describeTls(create));
  });
}
