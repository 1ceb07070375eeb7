import { compileNetworks, type NetworkMatcher } from '../../lib/cidr.ts';
import type { ConnectionCounters } from '../../observe/sinks.ts';
import type { Listener as PortListener } from '../../model/ports.ts';
import type { FromWorker } from '../../table/messages.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import { Accepted, type AcceptContext } from './accepted.ts';
import { createConnectionLimits } from './connection-limits.ts';
import type { StreamServices } from '../l4/stream-services.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import type { Handshake } from './tls-client.ts';
import type { CertificateStore } from './certificate-store.ts';
import type { Address, Connection, Listener, ListenOptions, Transport } from '../transport/transport.ts';

export interface ListenerContext {
  readonly transport: Transport;
  /** Settings of the table in force; read for every connection. */
  settings(): DataPlaneSettings;
  readonly certificates: CertificateStore;
  /** What the table says of a handshake for that server name; without it no client is asked for anything. */
  handshakeFor?(serverName: string | undefined): Handshake;
  readonly counters: ConnectionCounters;
  /** Without it there are no ports but those of HTTP. */
  readonly streams?: StreamServices | undefined;
  /** Takes over a connection that is ready for HTTP. */
  serve(connection: Connection, info: ConnectionInfo): void;
  /** Gets `listening` or `listen-failed` per listener, and `fault` when accepting fails. */
  post(message: FromWorker): void;
  readonly now: () => number;
}

/** A port that accepts. */
export interface OpenPort {
  readonly listener: PortListener;
  readonly address: string;
  /** The real one. */
  readonly port: number;
  /** Stops accepting; connections that are open stay. Resolves when the port is closed; `mayWait`: for what is under way, which has no connection. */
  close(mayWait?: boolean): Promise<void>;
}

/** Opens ports that share ceilings, trusted networks and the count of connections. */
export interface PortOpener {
  /** Rejects when it cannot be bound. */
  open(listener: PortListener): Promise<OpenPort>;
  /** Connections that are open, those included whose preamble or handshake is under way. */
  openCount(): number;
}

/** Longest queue of connections not accepted yet; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4096;
const NO_QUESTION: Handshake = { hostName: undefined, clientAuth: undefined, ciphers: undefined };
/** Turns of the event loop without a new connection before a port closes (the first may be half over), and how many it may take. */
const QUIET_TURNS = 2;
const MAX_CLOSING_TURNS = 100;

export function createPortOpener(context: ListenerContext): PortOpener {
  const limits = createConnectionLimits();
  const isTrusted = createTrust(context.settings);
  let serial = 0;
  const nextSerial = () => ++serial;
  return {
    async open(listener) {
      const onFault = (error: Error): void =>
        context.post({
          kind: 'fault',
          message: `accepting on ${listener.name}: ${error.message}`,
          stack: error.stack ?? '',
        });
      if (listener.kind === 'udp') return openUdp(listener, context.streams, onFault);
      let accepted = 0;
      const accept = createAcceptor(listener, { ...context, limits, isTrusted, nextSerial });
      const bound = await listen(context.transport, listener, {
        backlog: BACKLOG,
        accept: (connection) => {
          accepted++;
          accept(connection);
        },
        onFault,
      });
      return {
        listener,
        address: bound.address,
        port: bound.port,
        async close() {
          // The kernel resets what waits in the queue of a port that closes: the port closes right after a whole turn that brought nothing.
          for (let turns = 0, quiet = 0; quiet < QUIET_TURNS && turns < MAX_CLOSING_TURNS; turns++) {
            const before = accepted;
            await turn();
            quiet = accepted === before ? quiet + 1 : 0;
          }
          await bound.close();
        },
      };
    },
    openCount: () => limits.count(),
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

type AcceptorContext = ListenerContext & Pick<AcceptContext, 'limits' | 'isTrusted' | 'nextSerial'>;

function createAcceptor({ kind, name }: PortListener, context: AcceptorContext): ListenOptions['accept'] {
  const { limits, counters, certificates, settings } = context;
  const acceptContext: AcceptContext = {
    listener: name,
    isTls: kind === 'https' || kind === 'passthrough',
    stream: kind === 'tcp' ? context.streams : undefined,
    passthrough: kind === 'passthrough' ? context.streams : undefined,
    limits,
    certificates,
    handshakeFor: (serverName) => context.handshakeFor?.(serverName) ?? NO_QUESTION,
    isTrusted: context.isTrusted,
    serve: (connection, info) => context.serve(connection, info),
    onClosed: () => counters.closed(),
    now: context.now,
    nextSerial: context.nextSerial,
  };
  return (connection) => {
    const current = settings();
    if (!limits.enter(current.maxConnections)) {
      connection.destroy();
      return;
    }
    counters.accepted();
    new Accepted(connection, current, acceptContext).start();
  };
}

async function openUdp(
  listener: PortListener,
  streams: StreamServices | undefined,
  onFault: (error: Error) => void,
): Promise<OpenPort> {
  if (streams === undefined) throw new Error('nobody takes datagrams here');
  const port = await onFamilies(listener, (at) => streams.openUdp({ ...listener, ...at }, onFault));
  return {
    listener,
    address: port.address,
    port: port.port,
    close: (mayWait = false) => port.close(mayWait),
  };
}

/** Matches against the trusted networks in force, compiled anew only when they change. */
function createTrust(settings: () => DataPlaneSettings): (peerAddress: string) => boolean {
  let networks: readonly string[] = [];
  let matches: NetworkMatcher = compileNetworks(networks);
  return (peerAddress) => {
    const { trustedNetworks } = settings();
    if (trustedNetworks !== networks) {
      networks = trustedNetworks;
      matches = compileNetworks(networks);
    }
    return matches(peerAddress);
  };
}

function listen(transport: Transport, listener: PortListener, options: ListenOptions): Promise<Listener> {
  return onFamilies(listener, (at) => transport.listen(at, options));
}

async function onFamilies<T>(
  { host, port }: PortListener,
  bind: (address: Address) => Promise<T>,
): Promise<T> {
  try {
    return await bind({ host, port });
  } catch (error) {
    // A node without IPv6 has no `::`; all addresses are then those of IPv4.
    const { code } = error as NodeJS.ErrnoException;
    if (host !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    return await bind({ host: '0.0.0.0', port });
  }
}
