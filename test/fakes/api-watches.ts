import type { ServerResponse } from 'node:http';
import type { ApiObjects, Change, StoredObject } from './api-objects.ts';
import type { Call } from './api-call.ts';

/** The open watches of the double. */
export interface Watches {
  add(response: ServerResponse, call: Call): void;
  /** Sends every watch what it has not seen yet, unless the server hangs. */
  flush(): void;
  bookmark(): void;
  end(): void;
  /** Writes half an event, then cuts the connection. */
  break(): void;
  count(resource?: string): number;
}

interface Watch {
  readonly call: Call;
  readonly response: ServerResponse;
  position: number;
}

export function createWatches(objects: ApiObjects, isHung: () => boolean, changed: () => void): Watches {
  const open = new Set<Watch>();

  const write = (watch: Watch, type: string, object: object) =>
    void watch.response.write(`${JSON.stringify({ type, object })}\n`);

  function fail(watch: Watch, code: number, reason: string, message: string): void {
    write(watch, 'ERROR', { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message });
    watch.response.end();
    open.delete(watch);
  }

  function flushOne(watch: Watch): void {
    const changes = objects.changesAfter(watch.position);
    if (changes === undefined) {
      const message = `too old resource version: ${watch.position} (${objects.compactedVersion})`;
      return fail(watch, 410, 'Expired', message);
    }
    for (const change of changes) {
      watch.position = change.version;
      const event = eventOf(change, watch.call);
      if (event !== undefined) write(watch, event.type, event.object);
    }
  }

  return {
    add(response, call) {
      const asked = Number(call.query.get('resourceVersion') ?? 0);
      const watch: Watch = { call, response, position: asked };
      response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
      response.flushHeaders();
      open.add(watch);
      response.on('close', () => {
        open.delete(watch);
        clearTimeout(timer);
        changed();
      });
      const seconds = Number(call.query.get('timeoutSeconds') ?? 1_800);
      const timer = setTimeout(() => response.end(), seconds * 1_000);
      timer.unref();
      if (asked > objects.version) return fail(watch, 504, 'Timeout', 'Too large resource version');
      if (asked === 0) {
        watch.position = objects.version;
        const present = objects.list(call.type, call.seen.namespace).filter(call.isWanted);
        for (const object of present) write(watch, 'ADDED', object);
      }
      flushOne(watch);
    },
    flush() {
      if (isHung()) return;
      for (const watch of open) flushOne(watch);
    },
    bookmark() {
      if (isHung()) return;
      for (const watch of open) {
        const { call } = watch;
        if (call.query.get('allowWatchBookmarks') !== 'true') continue;
        flushOne(watch);
        watch.position = objects.version;
        const { kind, apiVersion } = call.type;
        const metadata = { resourceVersion: String(objects.version), creationTimestamp: null };
        if (open.has(watch)) write(watch, 'BOOKMARK', { kind, apiVersion, metadata });
      }
    },
    end() {
      for (const { response } of open) response.end();
      open.clear();
    },
    break() {
      for (const { response } of open) {
        response.write('{"type":"MODIFIED","object":{"metad');
        response.socket?.end();
      }
      open.clear();
    },
    count: (resource) =>
      [...open].filter(({ call }) => resource === undefined || call.seen.resource === resource).length,
  };
}

/** What a change is to a watch with selectors: objects come and go as they match. */
function eventOf(change: Change, call: Call): { type: string; object: StoredObject } | undefined {
  if (change.type !== call.type) return undefined;
  const { before, after } = change;
  const { namespace } = call.seen;
  const isSeen = (object: StoredObject | undefined): object is StoredObject =>
    object !== undefined &&
    (namespace === '' || object.metadata.namespace === namespace) &&
    call.isWanted(object);
  if (isSeen(after)) return { type: isSeen(before) ? 'MODIFIED' : 'ADDED', object: after };
  if (!isSeen(before)) return undefined;
  // An object that stopped to match is shown as it was, with the version of the change.
  const metadata = { ...before.metadata, resourceVersion: String(change.version) };
  return { type: 'DELETED', object: { ...before, metadata } };
}
