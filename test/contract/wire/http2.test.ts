import { describeClientSide } from './client-side.ts';
import { plainWire } from '../../../src/proxy/upstream/wire-key.ts';
import { connectHttp2 } from './http2-client.ts';
import { listenHttp2 } from './http2-server.ts';
import { describeUpstreamSide } from './upstream-side.ts';

describeUpstreamSide({
  name: 'HTTP/2',
  key: plainWire('h2'),
  isShared: true,
  hasTunnels: false,
  open: listenHttp2,
});
describeClientSide({
  name: 'HTTP/2',
  isInTurn: false,
  connect: (_context, port) => connectHttp2(port),
});
