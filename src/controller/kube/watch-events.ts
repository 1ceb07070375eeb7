import type { KubeObject } from './kube-object.ts';

/** One line of a watch. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly status: WatchStatus };

/** What the server says in an ERROR event. */
export interface WatchStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

const NEWLINE = 0x0a;

/** Splits the body of a watch into its events. Throws on a line that is no event, and on what the body throws. */
export async function* readWatchEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent> {
  let pending: Uint8Array[] = [];
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const tail = chunk.subarray(start, end);
      const line = pending.length === 0 ? tail : Buffer.concat([...pending, tail]);
      pending = [];
      start = end + 1;
      if (line.length > 0) yield parseWatchEvent(line);
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  if (pending.length > 0) throw new Error('the watch ended in the middle of an event');
}

function parseWatchEvent(line: Uint8Array): WatchEvent {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8');
  const event = JSON.parse(text) as { type?: unknown; object?: unknown };
  const object = event.object as Record<string, unknown> | undefined;
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (typeof object?.metadata !== 'object') throw new Error('a watch event has no object');
      return { type: event.type, object: object as unknown as KubeObject };
    case 'ERROR':
      return {
        type: 'ERROR',
        status: {
          code: typeof object?.code === 'number' ? object.code : 500,
          reason: String(object?.reason ?? ''),
          message: String(object?.message ?? 'the watch failed'),
        },
      };
    default:
      throw new Error(`a watch event has the unknown type "${String(event.type)}"`);
  }
}
