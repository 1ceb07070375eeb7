import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Connection, Transport } from '../../../src/proxy/transport/transport.ts';
import { Recorder } from './recorder.ts';
import { gone, KINDS, readToEnd, Rig } from './rig.ts';

/** What a connection promises, however it came to be. */
export function describeConnections(createTransport: () => Transport): void {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig(createTransport());
  });
  afterEach(() => rig.close());

  for (const kind of KINDS) {
    const isTls = kind.endsWith('TLS');

    describe(kind, () => {
      test('names both ends', async () => {
        const { connection, peer } = await rig.pair(kind);
        expect(connection).toMatchObject({
          remoteAddress: '127.0.0.1',
          remotePort: peer.localPort,
          localAddress: '127.0.0.1',
          localPort: peer.remotePort,
          isClosed: false,
          held: 0,
        });
        expect(connection.tls?.protocol).toBe(isTls ? 'TLSv1.3' : undefined);
      });

      test('text and bytes leave in order, and what is corked with them', async () => {
        const { connection, peer } = await rig.pair(kind);
        const received = readToEnd(peer);
        connection.write('head \xff ', Buffer.from('xbody x'), 1, 6);
        connection.cork();
        connection.write('a');
        connection.write('', Buffer.from('b'), 0, 1);
        connection.write('c', Buffer.from('d'), 0, 1, true);
        connection.uncork();
        connection.write('');
        connection.end();
        expect(await received).toBe('head \xff body abcd');
      });

      test('bytes are lent: what the writer does with them afterwards changes nothing', async () => {
        const { connection, peer } = await rig.pair(kind);
        const bytes = Buffer.alloc(65_536);
        for (let round = 0; round < 64; round++) {
          bytes.fill(round);
          connection.write('', bytes, 0, bytes.length);
        }
        bytes.fill(255);
        connection.end();
        const received = Buffer.from(await readToEnd(peer), 'latin1');
        expect(received.length).toBe(64 * bytes.length);
        for (let round = 0; round < 64; round++) {
          const part = received.subarray(round * bytes.length, (round + 1) * bytes.length);
          expect(part.every((byte) => byte === round)).toBe(true);
        }
      });

      test('our half ends, the peer goes on; when it ends as well the connection is closed', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        const received = readToEnd(peer);
        connection.write('question');
        connection.end();
        expect(await received).toBe('question');
        peer.end('answer');
        expect(await recorder.closed()).toBe('closed');
        expect(recorder.text).toBe('answer');
        expect(recorder.events).toEqual(['data', 'end', 'close']);
        expect(connection.isClosed).toBe(true);
      });

      test('the peer ends its half, we go on; when we end as well the connection is closed', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        const received = readToEnd(peer);
        peer.end('question');
        await recorder.until(() => recorder.count('end') === 1);
        expect(connection.isClosed).toBe(false);
        connection.write('answer');
        connection.end();
        expect(await received).toBe('answer');
        expect(await recorder.closed()).toBe('closed');
      });

      test('destroyed: closed once, however often, and nothing is brought any more', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        peer.write('x'.repeat(100_000));
        recorder.act = (name) => {
          if (name !== 'data') return;
          connection.destroy();
          connection.destroy();
          connection.reset();
          connection.write('too late');
          connection.end();
          connection.resume();
        };
        await recorder.closed();
        await gone(peer);
        expect(recorder.events).toEqual(['data', 'close']);
        expect(recorder.faults).toEqual([]);
      });

      test('reset by the peer', async () => {
        const { recorder, peer } = await rig.pair(kind);
        recorder.act = endWithPeer;
        cut(peer);
        expect(await recorder.closed()).toBe(isTls ? 'closed' : 'ECONNRESET');
        expect(recorder.count('close')).toBe(1);
        expect(recorder.faults).toEqual([]);
      });

      test('reset by us: what is cut does not look complete', async () => {
        const { connection, peer } = await rig.pair(kind);
        connection.write('half');
        await once(peer, 'data');
        const reason = gone(peer);
        connection.reset();
        if (isTls) await reason;
        else expect(await reason).toBe('ECONNRESET');
      });

      test('reset by the peer while paused: told when reading goes on, at the latest', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        recorder.act = endWithPeer;
        connection.pause();
        cut(peer);
        await once(peer, 'close');
        connection.resume();
        await recorder.closed();
        expect(recorder.events.filter((event) => event !== 'end')).toEqual(['close']);
      });

      test('a peer that went while paused: what it said comes first', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        connection.pause();
        peer.end('last words');
        await once(peer, 'finish');
        connection.resume();
        await recorder.until(() => recorder.count('end') === 1);
        expect(recorder.text).toBe('last words');
        connection.end();
        expect(await recorder.closed()).toBe('closed');
      });

      test('what is given back again and again comes whole, and before the end of the peer', async () => {
        const { connection, peer } = await rig.pair(kind);
        const told: string[] = [];
        const isOver = new Promise<void>((resolve) => {
          connection.handler = {
            onData(_connection, bytes, start, end) {
              told.push(bytes.toString('latin1', start, start + 1));
              if (start + 1 === end) return;
              connection.unread(bytes, start + 1, end);
              connection.pause();
              setImmediate(() => connection.resume());
            },
            onEnd() {
              told.push('end');
              connection.end();
            },
            onDrain() {},
            onClose: () => resolve(),
          };
        });
        connection.pause();
        peer.end('words');
        await once(peer, 'finish');
        connection.resume();
        await isOver;
        expect(told).toEqual(['w', 'o', 'r', 'd', 's', 'end']);
      });

      test('paused: nothing comes until reading goes on, and then all of it', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        recorder.act = (name) => {
          if (name === 'data' && recorder.text.startsWith('first')) connection.pause();
        };
        peer.write('first');
        await recorder.until(() => recorder.bytes === 5);
        peer.write('x'.repeat(300_000));
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        expect(recorder.bytes).toBe(5);
        recorder.act = () => {};
        connection.resume();
        await recorder.until(() => recorder.bytes === 300_005);
      });

      test('one drain for each time that it wanted no more', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        const piece = Buffer.alloc(65_536, 'd');
        let sent = 0;
        let received = 0;
        for (let round = 1; round <= 3; round++) {
          peer.pause();
          let isTaken = true;
          while (isTaken) {
            isTaken = connection.write('', piece, 0, piece.length);
            sent += piece.length;
          }
          connection.write('x');
          sent++;
          expect(connection.held).toBeGreaterThan(0);
          expect(recorder.count('drain')).toBe(round - 1);
          if (round === 1) peer.on('data', (chunk: Buffer) => (received += chunk.length));
          peer.resume();
          await recorder.until(() => recorder.count('drain') === round);
          expect(connection.held).toBe(0);
        }
        connection.end();
        await once(peer, 'end');
        expect(received).toBe(sent);
        expect(recorder.count('drain')).toBe(3);
      });

      test('texts that do not all leave at once are held, and arrive in order', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        peer.pause();
        let sent = '';
        let isTaken = true;
        for (let i = 0; isTaken; i++) {
          const text = `${i}`.padEnd(10_000, '.');
          isTaken = connection.write(text);
          sent += text;
        }
        expect(connection.held).toBeGreaterThan(0);
        const received = readToEnd(peer);
        peer.resume();
        await recorder.until(() => recorder.count('drain') === 1);
        expect(connection.held).toBe(0);
        connection.write('end');
        connection.end();
        expect(await received).toBe(`${sent}end`);
      });

      test('nothing that is called calls back before it returned', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        const reply = Buffer.alloc(200_000, 'r');
        recorder.act = (name) => {
          if (name === 'close') return;
          connection.pause();
          connection.write('text', reply, 0, reply.length);
          connection.resume();
          if (recorder.bytes >= 100_000) connection.end();
        };
        const received = readToEnd(peer);
        peer.end('x'.repeat(100_000));
        await received;
        await recorder.closed();
        expect(recorder.faults).toEqual([]);
        expect(recorder.count('close')).toBe(1);
      });

      test('the handler may change within a callback, and the holder hears of the end behind it', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        const second = new Recorder();
        const order: string[] = [];
        connection.holder = { onConnectionClosed: () => order.push('holder') };
        second.act = (name) => {
          if (name === 'close') order.push('handler');
        };
        recorder.act = () => (connection.handler = second);
        peer.write('one');
        await recorder.until(() => recorder.text === 'one');
        peer.end('two');
        await second.until(() => second.count('end') === 1);
        connection.end();
        await second.closed();
        expect(second.text).toBe('two');
        expect(recorder.events).toEqual(['data']);
        expect(order).toEqual(['handler', 'holder']);
      });

      test('bytes that were given back come once more, before others', async () => {
        const { connection, recorder, peer } = await rig.pair(kind);
        const second = new Recorder();
        recorder.act = () => {
          connection.unread(Buffer.from('again '));
          connection.handler = second;
          connection.pause();
        };
        peer.write('first ');
        await recorder.until(() => recorder.count('data') === 1);
        peer.end('then others');
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        expect(second.text).toBe('');
        connection.resume();
        await second.until(() => second.count('end') === 1);
        expect(second.text).toBe('again then others');
        expect(second.faults).toEqual([]);
      });
    });
  }

  describe('connecting', () => {
    test('refused', async () => {
      const port = await rig.server(() => {});
      const server = new Rig(rig.transport);
      const free = await server.listen(() => {});
      await server.close();
      const recorder = new Recorder();
      rig.connect(free, recorder);
      expect(recorder.events).toEqual([]);
      expect(await recorder.closed()).toBe('ECONNREFUSED');
      expect(recorder.events).toEqual(['close']);
      expect(port).not.toBe(free);
    });

    test('given up before it was there', async () => {
      const port = await rig.server(() => {});
      const recorder = new Recorder();
      rig.connect(port, recorder).destroy();
      expect(recorder.events).toEqual([]);
      expect(await recorder.closed()).toBe('closed');
      expect(recorder.events).toEqual(['close']);
    });

    test('what the server said before it cut the connection off is still read', async () => {
      const answer = 'early answer';
      const port = await rig.server((socket) => {
        socket.once('data', () => {
          socket.write(answer, () => cut(socket));
        });
      });
      const recorder = new Recorder();
      const piece = Buffer.alloc(65_536, 'b');
      recorder.act = (name) => {
        if (name === 'end') connection.destroy();
      };
      const connection = rig.connect(port, recorder);
      await recorder.until(() => recorder.count('connect') === 1);
      while (recorder.why === undefined) {
        connection.write('', piece, 0, piece.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(recorder.text).toBe(answer);
      expect(recorder.faults).toEqual([]);
      expect(recorder.count('close')).toBe(1);
    });
  });

  describe('listening', () => {
    test('IPv4 peers of all addresses are written as IPv4, and its own end too', async () => {
      const connections: string[] = [];
      const port = await rig.listen((connection) => {
        connections.push(`${connection.remoteAddress} to ${connection.localAddress}`);
        connection.destroy();
      }, '::');
      await gone(await rig.socket(port));
      await gone(await rig.socket(port, undefined, '::1'));
      expect(connections).toEqual(['127.0.0.1 to 127.0.0.1', '::1 to ::1']);
    });

    test('an address that is not this machine’s is refused with its code', async () => {
      await expect(rig.listen(() => {}, '203.0.113.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    });

    test('who refuses a connection before it is handled destroys it', async () => {
      const port = await rig.listen((connection) => connection.destroy());
      await gone(await rig.socket(port));
    });
  });
}

/** Ends without having said so: by RST, or over TLS without close_notify, which Node's sockets take for an end. */
function cut(peer: Socket): void {
  if ('encrypted' in peer) peer.destroy();
  else peer.resetAndDestroy();
}

function endWithPeer(name: string, connection: Connection): void {
  if (name === 'end') connection.end();
}
