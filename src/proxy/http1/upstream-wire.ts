import type { UpstreamWire } from '../upstream/pooled-connection.ts';
import { ResponseReaders } from './response-reader.ts';
import { type Http1Client, UpstreamConnection } from './upstream-connection.ts';

/** The client's side of HTTP/1. */
export function createHttp1Wire(client: Http1Client): UpstreamWire {
  const shared = { ...client, readers: new ResponseReaders() };
  return {
    open: (home, connector, handler, connectTimeoutMs) =>
      new UpstreamConnection(shared, home, connector, handler, connectTimeoutMs),
  };
}
