import { describeClientSide } from './client-side.ts';
import { connectHttp2 } from './http2-client.ts';

describeClientSide({
  name: 'HTTP/2',
  isInTurn: false,
  connect: (_context, port) => connectHttp2(port),
});
