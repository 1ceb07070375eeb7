import type { UpstreamWire } from '../upstream/pooled-connection.ts';
import { Http2UpstreamConnection } from './upstream-connection.ts';
import type { WireShared } from './wire-shared.ts';

/** The client's side of HTTP/2: connections that the requests of many clients share. */
export function createHttp2Wire(shared: WireShared): UpstreamWire {
  return {
    open: (home, connector, handler, connectTimeoutMs) => {
      const connection = new Http2UpstreamConnection(shared, home, connector);
      const stream = connection.take(handler, connectTimeoutMs);
      connection.connect(connectTimeoutMs);
      return stream;
    },
  };
}
