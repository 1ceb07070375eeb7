import type { Http2Counters } from '../../observe/sinks.ts';
import type { UpstreamWire } from '../upstream/pooled-connection.ts';
import { Http2UpstreamConnection } from './upstream-connection.ts';
import type { WireShared } from './wire-shared.ts';

/** The client's side of HTTP/2: connections that the requests of many clients share. */
export function createHttp2Wire(shared: WireShared, counters: Pick<Http2Counters, 'ended'>): UpstreamWire {
  return {
    open: (home, connector, handler, connectTimeoutMs) => {
      const connection = new Http2UpstreamConnection(shared, counters, home, connector);
      const stream = connection.take(handler, connectTimeoutMs);
      connection.connect(connectTimeoutMs);
      return stream;
    },
  };
}
