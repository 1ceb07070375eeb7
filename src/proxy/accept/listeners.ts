import type { Listener } from '../../model/ports.ts';
import { createPortOpener, type ListenerContext, type OpenPort } from './listener.ts';

/** The ports of a worker, as its table says. */
export interface Listeners {
  /**
   * Opens what is not open yet and closes what is named no longer; connections that came in by a port that closes go on. Resolves when
   * each is bound, closed, or reported: one that cannot be bound leaves the others as they are.
   */
  apply(wanted: readonly Listener[]): Promise<void>;
  /** Endpoints came or went: ports of streams open and close with them. Undefined: nothing is to be done. */
  refresh(): Promise<void> | undefined;
  /** Nothing is open before. `given` are the ports of other workers where a table says 0; may be called again with more. */
  begin(given: ReadonlyMap<string, number>): Promise<void>;
  /** Stops accepting for good; connections that are open stay. Resolves when the ports are closed. */
  close(): Promise<void>;
  /** Connections that are open, those included whose preamble or handshake is under way. */
  openCount(): number;
}

export interface ListenersContext extends ListenerContext {
  /** No connection comes in by it any more. */
  portClosed?(name: string, port: number): void;
}

/** How long after a port could not be bound it is tried again: whoever has it may be about to end. */
const RETRY_MS = 2_000;

/** Every worker binds the same ports (SO_REUSEPORT) and the kernel spreads connections over them. */
export function createListeners(context: ListenersContext): Listeners {
  const opener = createPortOpener(context);
  let wanted: readonly Listener[] = [];
  let given: ReadonlyMap<string, number> | undefined;
  let open: OpenPort[] = [];
  let isClosed = false;
  /** Whether any of them leads to a stream. */
  let hasStreams = false;
  /** What is wrong with those that could not be bound, by name. */
  const failed = new Map<string, string>();
  let retry: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();

  /** A port without anywhere to go is closed. */
  function isServed(listener: Listener): boolean {
    const isOfStream = listener.kind === 'tcp' || listener.kind === 'udp';
    return !isOfStream || context.streams?.isServed(listener) === true;
  }

  async function openOne(listener: Listener): Promise<void> {
    const { kind, name } = listener;
    try {
      const port = await opener.open({ ...listener, port: listener.port || (given?.get(name) ?? 0) });
      open.push(port);
      failed.delete(name);
      context.post({ kind: 'listening', name, address: port.address, port: port.port });
    } catch (error) {
      const { message } = error as Error;
      // Told once, however often it is tried.
      if (failed.get(name) !== message) context.post({ kind: 'listen-failed', name, of: kind, message });
      failed.set(name, message);
      retry ??= setTimeout(() => {
        retry = undefined;
        void followNext();
      }, RETRY_MS).unref();
    }
  }

  async function closeOne(port: OpenPort): Promise<void> {
    await port.close();
    context.portClosed?.(port.listener.name, port.port);
    context.post({ kind: 'closed', name: port.listener.name });
  }

  async function follow(): Promise<void> {
    if (given === undefined || isClosed) return;
    const now = hasStreams ? wanted.filter(isServed) : wanted;
    const named = new Map(now.map((listener) => [listener.name, listener]));
    const left = new Set(open.filter((port) => !isSame(port, named.get(port.listener.name))));
    open = open.filter((port) => !left.has(port));
    await Promise.all(Array.from(left, closeOne));
    for (const name of failed.keys()) if (!named.has(name)) failed.delete(name);
    const isOpen = openNames();
    for (const listener of now) if (!isOpen.has(listener.name)) await openOne(listener);
  }

  function openNames(): ReadonlySet<string> {
    return new Set(open.map(({ listener }) => listener.name));
  }

  function followNext(): Promise<void> {
    last = last.then(follow);
    return last;
  }

  return {
    apply(next) {
      wanted = next;
      hasStreams = next.some(({ kind }) => kind === 'tcp' || kind === 'udp');
      return followNext();
    },
    refresh() {
      if (!hasStreams) return undefined;
      const isOpen = openNames();
      const isAsWanted = wanted.every(
        (listener) => failed.has(listener.name) || isServed(listener) === isOpen.has(listener.name),
      );
      return isAsWanted ? undefined : followNext();
    },
    begin(ports) {
      given = ports;
      return followNext();
    },
    async close() {
      isClosed = true;
      clearTimeout(retry);
      await last;
      await Promise.all(open.map((port) => port.close(true)));
    },
    openCount: () => opener.openCount(),
  };
}

/** Whether a port is open as the listener of its name wants it. */
function isSame({ listener, port }: OpenPort, wanted: Listener | undefined): boolean {
  if (wanted === undefined) return false;
  const { kind, host } = listener;
  const isPortRight = wanted.port === 0 || wanted.port === port;
  return isPortRight && kind === wanted.kind && host === wanted.host;
}
