import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Connection, ConnectionHandler, Transport } from '../../../src/proxy/transport/transport.ts';
import { clientOptions, Rig, serverOptions, startsTls } from './rig.ts';

const TOTAL = 64 * 1024 * 1024;
const PIECE = 100_003;
/** More than a relay may hold: what one write refuses, and what one read brings. */
const MOST_HELD = 512 * 1024;

/** 64 MiB through one connection into another, as a proxy passes them on, with a reader that takes its time. */
export function describeFlows(createTransport: () => Transport): void {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig(createTransport());
  });
  afterEach(() => rig.close());

  for (const [from, to] of [
    ['plain', 'plain'],
    ['plain', 'TLS'],
    ['TLS', 'plain'],
    ['TLS', 'TLS'],
  ] as const) {
    test(`64 MiB from ${from} to ${to} with a slow reader arrive as they were sent`, async () => {
      const sent = createHash('sha256');
      const source = await rig.server((socket) => pump(socket, sent), from === 'TLS');
      const context = to === 'TLS' ? rig.transport.createServerContext(serverOptions()) : undefined;
      let mostHeld = 0;
      const port = await rig.listen((connection) => {
        const relay = new Relay((held) => (mostHeld = Math.max(mostHeld, held)));
        const begin = (): void =>
          relay.begin(connection, (handler) =>
            rig.connect(source, handler, from === 'TLS' ? clientOptions() : undefined),
          );
        if (context === undefined) {
          connection.handler = relay.downstream;
          begin();
        } else {
          connection.handler = startsTls(context, { ...relay.downstream, onSecure: begin });
        }
      });
      const reader = await rig.socket(port, to === 'TLS' ? {} : undefined);
      const received = createHash('sha256');
      let bytes = 0;
      let reads = 0;
      reader.on('data', (chunk: Buffer) => {
        received.update(chunk);
        bytes += chunk.length;
        if (++reads === 1) {
          // Nothing more is read until what the kernel does not take is held back.
          reader.pause();
          const resumeLate = (): void => void (mostHeld > 0 ? reader.resume() : setImmediate(resumeLate));
          resumeLate();
          return;
        }
        if (reads % 32 !== 0) return;
        reader.pause();
        setImmediate(() => setImmediate(() => reader.resume()));
      });
      await once(reader, 'end');
      expect(bytes).toBe(TOTAL);
      expect(received.digest('hex')).toBe(sent.digest('hex'));
      expect(mostHeld).toBeGreaterThan(0);
      expect(mostHeld).toBeLessThan(MOST_HELD);
    });
  }

  describe('what is passed on to two', () => {
    test('reaches both, though one takes its time', async () => {
      const sent = createHash('sha256');
      const source = await rig.server((socket) => pump(socket, sent, 8 * 1024 * 1024));
      const readers: Connection[] = [];
      const port = await rig.listen((connection) => {
        readers.push(connection);
        connection.handler = { ...QUIET, onDrain: () => upstream?.resume() };
        if (readers.length === 2) begin();
      });
      let upstream: Connection | undefined;
      const begin = (): void => {
        upstream = rig.connect(source, {
          ...QUIET,
          onData(connection, bytes, start, end) {
            connection.isMuchExpected = true;
            for (const reader of readers) if (!reader.write('', bytes, start, end)) connection.pause();
          },
          onEnd: () => readers.forEach((reader) => reader.end()),
        });
      };
      const digests = await Promise.all(
        [1, 64].map(async (pausesEvery) => {
          const socket = await rig.socket(port);
          const received = createHash('sha256');
          let reads = 0;
          socket.on('data', (chunk: Buffer) => {
            received.update(chunk);
            if (++reads % pausesEvery !== 0) return;
            socket.pause();
            setImmediate(() => socket.resume());
          });
          await once(socket, 'end');
          return received.digest('hex');
        }),
      );
      const wanted = sent.digest('hex');
      expect(digests).toEqual([wanted, wanted]);
    });
  });
}

const QUIET: ConnectionHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** Sends pieces that differ, as fast as they are taken, and ends. */
function pump(socket: Socket, hash: ReturnType<typeof createHash>, total = TOTAL): void {
  const random = randomBytes(2 * PIECE);
  let sent = 0;
  const send = (): void => {
    while (sent < total) {
      const offset = sent % PIECE;
      const piece = random.subarray(offset, offset + Math.min(PIECE, total - sent));
      hash.update(piece);
      sent += piece.length;
      if (!socket.write(piece)) return void socket.once('drain', send);
    }
    socket.end();
  };
  send();
}

/** Passes on what one connection brings to another. */
class Relay {
  readonly downstream: ConnectionHandler;
  readonly #onHeld: (held: number) => void;
  #upstream: Connection | undefined = undefined;

  constructor(onHeld: (held: number) => void) {
    this.#onHeld = onHeld;
    this.downstream = { ...QUIET, onDrain: () => this.#upstream!.resume() };
  }

  begin(downstream: Connection, connect: (handler: ConnectionHandler) => Connection): void {
    this.#upstream = connect({
      ...QUIET,
      onData: (connection, bytes, start, end) => {
        connection.isMuchExpected = true;
        if (!downstream.write('', bytes, start, end)) connection.pause();
        this.#onHeld(downstream.held);
      },
      onEnd: () => downstream.end(),
    });
  }
}
