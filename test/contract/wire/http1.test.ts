import { describeClientSide } from './client-side.ts';
import { plainWire } from '../../../src/proxy/upstream/wire-key.ts';
import { connectHttp1, listenHttp1 } from './http1-peers.ts';
import { describeUpstreamSide } from './upstream-side.ts';

describeUpstreamSide({
  name: 'HTTP/1.1',
  key: plainWire('http/1.1'),
  isShared: false,
  hasTunnels: true,
  open: listenHttp1,
});
describeClientSide({ name: 'HTTP/1.1', isInTurn: true, connect: (_context, port) => connectHttp1(port) });
