import { redactBytes } from '../../../src/lib/redacted-bytes.ts';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseClientHello } from '../../../src/proxy/accept/client-hello.ts';
import type {
  Connection,
  ConnectionHandler,
  TlsFacts,
  TlsServerContext,
  Transport,
} from '../../../src/proxy/transport/transport.ts';
import { makeAuthority, makeCertificate } from '../../fixtures/certificates.ts';
import { Recorder } from './recorder.ts';
import { authority, clientOptions, gone, Rig, serverOptions, startsTls } from './rig.ts';

const client = makeCertificate([], { commonName: 'client', issuer: authority });
const stranger = makeCertificate([], { commonName: 'stranger', issuer: makeAuthority('Others') });
/** Record types of TLS 1.2, which shows them. */
const ALERT = 21;

/** What handshakes promise, on both sides. */
export function describeTls(createTransport: () => Transport): void {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig(createTransport());
  });
  afterEach(() => rig.close());

  /** Listens, and answers the facts of every handshake that was done. */
  async function listening(
    context: () => TlsServerContext,
    protocols?: readonly string[],
  ): Promise<{ port: number; facts: TlsFacts[]; recorder: Recorder }> {
    const facts: TlsFacts[] = [];
    const recorder = new Recorder();
    recorder.act = (name, connection) => {
      if (name === 'secure') facts.push(connection.tls!);
      if (name === 'data') connection.write('ok');
      if (name === 'end') connection.end();
    };
    const port = await rig.listen((connection) => {
      connection.handler = startsTls(context(), recorder, protocols);
    });
    return { port, facts, recorder };
  }

  const contextOf = (change?: Parameters<typeof serverOptions>[0]): TlsServerContext =>
    rig.transport.createServerContext(serverOptions(change));

  async function exchange(socket: Socket): Promise<string> {
    socket.write('hello');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return String(answer);
  }

  describe('as the server', () => {
    test('a hello in one-byte pieces: its name is read before the handshake begins with it', async () => {
      const recorder = new Recorder();
      const names: (string | undefined)[] = [];
      const context = contextOf();
      const port = await rig.listen((connection) => {
        connection.handler = peeks((name, secured) => {
          names.push(name);
          secured.handler = recorder;
          secured.startTls(context, ['http/1.1']);
        });
      });
      const through = await bytewise(rig, port);
      const socket = connectTls({ socket: through, ca: authority.certificate, servername: 'a.test' });
      rig.keep(socket);
      await once(socket, 'secureConnect');
      socket.end('bytes');
      await recorder.until(() => recorder.count('end') === 1);
      expect(names).toEqual(['a.test']);
      expect(recorder.text).toBe('bytes');
      expect(recorder.events).toEqual(['secure', 'data', 'end']);
    });

    test('who sees the hello may pass it on as it is', async () => {
      const { port: behind } = await listening(() => contextOf());
      const port = await rig.listen((connection) => {
        connection.handler = peeks((_name, seen) =>
          passThrough(seen, (handler) => rig.connect(behind, handler)),
        );
      });
      const socket = await rig.socket(port, {});
      expect(await exchange(socket)).toBe('ok');
    });

    test('facts: name, protocols in the order of the server, version and cipher', async () => {
      const { port, facts } = await listening(() => contextOf(), ['h2', 'http/1.1']);
      for (const offer of [['http/1.1', 'h2'], ['http/1.1']]) {
        const socket = await rig.socket(port, { ALPNProtocols: offer });
        expect(await exchange(socket)).toBe('ok');
      }
      expect(facts.map(({ alpn }) => alpn)).toEqual(['h2', 'http/1.1']);
      expect(facts[0]).toMatchObject({
        serverName: 'a.test',
        protocol: 'TLSv1.3',
        cipher: 'TLS_AES_256_GCM_SHA384',
        isResumed: false,
        clientVerification: 'none',
        clientCertificate: undefined,
      });
    });

    test('a client without ALPN and without a name has neither', async () => {
      const { port, facts } = await listening(() => contextOf());
      await exchange(await rig.socket(port, { servername: '', checkServerIdentity: () => undefined }));
      expect(facts[0]).toMatchObject({ alpn: undefined, serverName: undefined });
    });

    test('no protocol in common: no connection', async () => {
      const { port, facts, recorder } = await listening(() => contextOf(), ['h2']);
      await expect(rig.socket(port, { ALPNProtocols: ['http/1.1'] })).rejects.toMatchObject({
        code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
      });
      await recorder.closed();
      expect(facts).toEqual([]);
    });

    test('what is no handshake closes, with the reason', async () => {
      const { port, recorder } = await listening(() => contextOf());
      const socket = await rig.socket(port);
      socket.write(Buffer.from('160301000401000000', 'hex'));
      const reason = gone(socket);
      expect(await recorder.closed()).toMatch(/^ERR_SSL_/);
      await reason;
      expect(recorder.events).toEqual(['close']);
    });

    test('destroyed within the handshake: closed once', async () => {
      const recorder = new Recorder();
      const context = contextOf();
      const port = await rig.listen((connection) => {
        connection.handler = peeks((_name, seen) => {
          seen.handler = recorder;
          seen.startTls(context, ['http/1.1']);
          seen.destroy();
        });
      });
      await rig.socket(port, {}).catch(() => {});
      expect(await recorder.closed()).toBe('closed');
      expect(recorder.events).toEqual(['close']);
    });

    for (const [what, pair, verification] of [
      ['one that the authority issued', client, 'ok'],
      ['one of another authority', stranger, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      ['none', undefined, 'none'],
    ] as const) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        test(`client certificates, ${maxVersion}: ${what}`, async () => {
          const { port, facts } = await listening(() => contextOf({ clientCa: authority.certificate }));
          const options: ConnectionOptions = { maxVersion };
          if (pair !== undefined) Object.assign(options, { cert: pair.certificate, key: pair.key });
          expect(await exchange(await rig.socket(port, options))).toBe('ok');
          expect(facts[0]!.clientVerification).toBe(verification);
          expect(facts[0]!.clientCertificate === undefined).toBe(pair === undefined);
        });
      }
    }

    test('sessions resume under their scope, and no other', async () => {
      const ticketKey = Buffer.alloc(48, 7);
      let scope = 'one';
      const { port, facts } = await listening(() => contextOf({ ticketKey, sessionScope: scope }));
      const first = (await rig.socket(port, { maxVersion: 'TLSv1.2' })) as TLSSocket;
      expect(await exchange(first)).toBe('ok');
      const session = first.getSession();
      expect(await exchange(await rig.socket(port, { maxVersion: 'TLSv1.2', session }))).toBe('ok');
      scope = 'two';
      expect(await exchange(await rig.socket(port, { maxVersion: 'TLSv1.2', session }))).toBe('ok');
      expect(facts.map(({ isResumed }) => isResumed)).toEqual([false, true, false]);
    });

    test('a certificate changed under load: each handshake has one of them, and none is disturbed', async () => {
      const next = makeCertificate(['a.test'], { issuer: authority, hasOwnKey: true });
      const contexts = [
        contextOf(),
        contextOf({ certificate: next.certificate, key: redactBytes(Buffer.from(next.key)) }),
      ];
      let turn = 0;
      const { port } = await listening(() => contexts[turn++ % 2]!);
      const shown = new Set<string>();
      await Promise.all(
        Array.from({ length: 40 }, async () => {
          const socket = (await rig.socket(port, {})) as TLSSocket;
          shown.add(socket.getPeerCertificate().fingerprint256);
          expect(await exchange(socket)).toBe('ok');
          expect(await exchange(socket)).toBe('ok');
        }),
      );
      expect(shown.size).toBe(2);
    });

    for (const [how, hasNotify] of [
      ['end', true],
      ['reset', false],
      ['destroy', false],
    ] as const) {
      test(`${how}: ${hasNotify ? 'close_notify comes before the end' : 'no close_notify, so that it cannot look complete'}`, async () => {
        const records: number[] = [];
        const { port, recorder } = await listening(() => contextOf({ maxVersion: 'TLSv1.2' }));
        let secure: Connection | undefined;
        const { act } = recorder;
        recorder.act = (name, connection) => {
          secure = connection;
          act(name, connection);
        };
        const through = await watching(rig, port, records);
        const socket = await rig.socket(through, { maxVersion: 'TLSv1.2' });
        expect(await exchange(socket)).toBe('ok');
        const ended = gone(socket);
        secure![how]();
        await ended;
        expect(records.includes(ALERT)).toBe(hasNotify);
      });
    }

    test('a certificate that does not go with its key is refused when the context is made', () => {
      expect(() => contextOf({ certificate: 'hello' })).toThrow();
    });
  });

  describe('as the client', () => {
    test('a certificate for another name, or of nobody that is believed, is refused as the handshake’s failure', async () => {
      const port = await rig.server(() => {}, true);
      for (const change of [{ verified: { name: 'b.test', depth: 1 } }, { ca: stranger.certificate }]) {
        const recorder = new Recorder();
        rig.connect(port, recorder, clientOptions(change));
        expect(await recorder.closed()).toMatch(/^tls:/);
        expect(recorder.events).toEqual(['close']);
      }
    });

    test('any certificate will do where none is verified', async () => {
      const port = await rig.server((socket) => socket.end('ok'), true);
      const recorder = new Recorder();
      rig.connect(
        port,
        recorder,
        clientOptions({ verified: undefined, serverName: undefined, ca: undefined }),
      );
      await recorder.until(() => recorder.text === 'ok');
    });

    test('records that were read together wait while paused, behind what was given back', async () => {
      const texts = Array.from({ length: 40 }, (_, i) => `${i}`.padStart(1_000, '.'));
      const port = await rig.server((socket) => {
        for (const text of texts) socket.write(text);
      }, true);
      let calls = 0;
      let whilePaused = 0;
      let isPaused = false;
      let got = '';
      const { promise: whole, resolve } = Promise.withResolvers<void>();
      const ignore = (): void => {};
      const handler: ConnectionHandler = {
        onData(connection, bytes, start, end) {
          if (isPaused) whilePaused++;
          // By turns: taken with a pause behind, given back, and taken.
          const turn = calls++ % 3;
          if (turn !== 1) got += bytes.toString('latin1', start, end);
          if (got.length === 40_000) resolve();
          if (turn === 2) return;
          isPaused = true;
          connection.pause();
          if (turn === 1) connection.unread(bytes, start, end);
          // Meanwhile more comes, and is read together.
          setTimeout(() => {
            isPaused = false;
            connection.resume();
          }, 5);
        },
        onEnd: ignore,
        onDrain: ignore,
        onClose: ignore,
      };
      rig.connect(port, handler, clientOptions());
      await whole;
      expect(whilePaused).toBe(0);
      expect(got).toBe(texts.join(''));
    });

    test('sessions resume with the next connection of a context', async () => {
      const { port, facts } = await listening(() => contextOf({ ticketKey: Buffer.alloc(48, 7) }));
      const context = rig.transport.createClientContext(clientOptions());
      for (let round = 0; round < 2; round++) {
        const recorder = new Recorder();
        recorder.act = (name, connection) => {
          if (name === 'connect') connection.write('hello');
        };
        rig.transport.connect({ host: '127.0.0.1', port }, context, recorder);
        await recorder.until(() => recorder.text === 'ok');
      }
      expect(facts.map(({ isResumed }) => isResumed)).toEqual([false, true]);
    });

    test('refused by the port is no failure of the handshake', async () => {
      const other = new Rig(rig.transport);
      const port = await other.listen(() => {});
      await other.close();
      const recorder = new Recorder();
      rig.connect(port, recorder, clientOptions());
      expect(await recorder.closed()).toBe('ECONNREFUSED');
    });

    test('what speaks no TLS is', async () => {
      const port = await rig.server((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      const recorder = new Recorder();
      rig.connect(port, recorder, clientOptions());
      expect(await recorder.closed()).toMatch(/^tls:/);
    });

    test('tells the server which protocols it speaks, and shows its certificate', async () => {
      const { port, facts } = await listening(() => contextOf({ clientCa: authority.certificate }), ['h2']);
      const recorder = new Recorder();
      recorder.act = (name, connection) => {
        if (name === 'connect') connection.write('hello');
      };
      const { certificate } = client;
      const key = redactBytes(Buffer.from(client.key));
      const connection = rig.connect(port, recorder, clientOptions({ protocols: ['h2'], certificate, key }));
      await recorder.until(() => recorder.text === 'ok');
      expect(connection.tls).toMatchObject({ alpn: 'h2', protocol: 'TLSv1.3' });
      expect(facts[0]).toMatchObject({ alpn: 'h2', clientVerification: 'ok' });
    });
  });
}

/** Collects a hello, gives it back, and tells its name. */
function peeks(done: (serverName: string | undefined, connection: Connection) => void): ConnectionHandler {
  let seen = Buffer.alloc(0);
  return {
    onData(connection, bytes, start, end) {
      seen = Buffer.concat([seen, bytes.subarray(start, end)]);
      const hello = parseClientHello(seen);
      if (hello.kind === 'incomplete') return;
      connection.unread(seen);
      done(hello.kind === 'hello' ? hello.serverName : undefined, connection);
    },
    onEnd: (connection) => connection.destroy(),
    onDrain() {},
    onClose() {},
  };
}

/** Bytes both ways, the hello that was given back first. */
function passThrough(seen: Connection, connect: (handler: ConnectionHandler) => Connection): void {
  seen.pause();
  const towards = (other: () => Connection): ConnectionHandler => ({
    onConnect: () => seen.resume(),
    onData: (_connection, bytes, start, end) => void other().write('', bytes, start, end),
    onEnd: () => other().end(),
    onDrain() {},
    onClose() {},
  });
  const upstream = connect(towards(() => seen));
  seen.handler = towards(() => upstream);
}

/** A socket to the port whose writes leave one byte at a time. */
async function bytewise(rig: Rig, port: number): Promise<Socket> {
  const socket = await rig.socket(port);
  const write = socket.write.bind(socket);
  socket.write = ((bytes: Buffer, ...rest: never[]) => {
    for (const byte of bytes.subarray(0, -1)) write(Buffer.of(byte));
    return write(bytes.subarray(-1), ...rest);
  }) as Socket['write'];
  return socket;
}

/** A port that leads to another one; the types of the TLS records that come back are kept. */
function watching(rig: Rig, port: number, records: number[]): Promise<number> {
  return rig.server((socket) => {
    const behind = connectTcp({ host: '127.0.0.1', port });
    rig.keep(behind);
    socket.pipe(behind);
    let bytes = Buffer.alloc(0);
    behind.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt16BE(3)) {
        records.push(bytes[0]!);
        bytes = bytes.subarray(5 + bytes.readUInt16BE(3));
      }
      socket.write(chunk);
    });
    behind.on('end', () => socket.end());
    behind.on('close', () => socket.destroy());
  });
}
