import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClientHelloReader, isTlsByte, parseClientHello } from './client-hello.ts';

/** The hello that Node's own client sends. */
async function helloOf(servername: string, maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3'): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, servername, maxVersion });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [import('node:net').Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

/** The same message in records of at most `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let start = 0; start < message.length; start += size) {
    const part = message.subarray(start, start + size);
    records.push(Buffer.of(22, 3, 1, part.length >> 8, part.length & 255), part);
  }
  return Buffer.concat(records);
}

describe('the server name', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`of a ${version} hello, incomplete at every byte before its last`, async () => {
      const hello = await helloOf('a.example.test', version);
      for (let length = 0; length < hello.length; length++) {
        expect(parseClientHello(hello.subarray(0, length)).kind, `${length} bytes`).toBe('incomplete');
      }
      expect(parseClientHello(hello)).toEqual({ kind: 'hello', serverName: 'a.example.test' });
    });
  }

  test('is undefined when none is sent', async () => {
    expect(parseClientHello(await helloOf(''))).toEqual({ kind: 'hello', serverName: undefined });
  });

  test('is found when the hello is cut into records', async () => {
    const hello = await helloOf('a.example.test');
    for (const size of [1, 3, 100]) {
      expect(parseClientHello(inRecords(hello, size)), `${size}`).toMatchObject({
        serverName: 'a.example.test',
      });
    }
  });
});

describe('a hello in many pieces', () => {
  test('is read from where the reader stood, whatever is brought when', async () => {
    const hello = inRecords(await helloOf('a.example.test'), 7);
    const reader = new ClientHelloReader();
    for (let length = 0; length < hello.length; length++) {
      expect(reader.read(hello.subarray(0, length)).kind, `${length} bytes`).toBe('incomplete');
    }
    expect(reader.read(hello)).toEqual({ kind: 'hello', serverName: 'a.example.test' });
  });

  test('thousands of records of one byte cost one look each', () => {
    // A hello that says it is 30,000 bytes long, of which one comes at a time.
    const message = Buffer.alloc(10_000);
    message.set([1, 0, 30_000 >> 8, 30_000 & 255]);
    const bytes = inRecords(Buffer.concat([Buffer.alloc(5), message]), 1);
    let looks = 0;
    const counted = new Proxy(bytes, {
      get(target, name) {
        if (name === 'readUInt16BE') looks++;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const reader = new ClientHelloReader();
    expect(reader.read(counted).kind).toBe('incomplete');
    expect(reader.read(counted).kind).toBe('incomplete');
    expect(looks).toBe(10_000);
  });

  test('that is longer than any real one is foreign', () => {
    const message = Buffer.alloc(20_000);
    message.set([1, 0, 30_000 >> 8, 30_000 & 255]);
    const bytes = inRecords(Buffer.concat([Buffer.alloc(5), message]), 1);
    expect(parseClientHello(bytes.subarray(0, 65_536)).kind).toBe('incomplete');
    expect(parseClientHello(bytes).kind).toBe('foreign');
  });
});

describe('foreign bytes', () => {
  const cases: readonly { name: string; bytes: Buffer }[] = [
    { name: 'a request', bytes: Buffer.from('GET / HTTP/1.1\r\n') },
    { name: 'an alert', bytes: Buffer.from('15030300020228', 'hex') },
    { name: 'SSL 2', bytes: Buffer.from('802e0100020015', 'hex') },
    { name: 'an empty record', bytes: Buffer.from('1603010000', 'hex') },
    { name: 'a record too long', bytes: Buffer.from('1603014001', 'hex') },
    { name: 'another message', bytes: Buffer.from('16030100040200000a', 'hex') },
    { name: 'a message beyond measure', bytes: Buffer.from('160301000401ffffff', 'hex') },
    { name: 'a hello without content', bytes: Buffer.from('160301000401000000', 'hex') },
  ];
  for (const { name, bytes } of cases) {
    test(name, () => expect(parseClientHello(bytes)).toEqual({ kind: 'foreign' }));
  }

  test('a damaged hello never makes it throw', async () => {
    const hello = await helloOf('a.example.test');
    fc.assert(
      fc.property(fc.nat(hello.length - 1), fc.nat(255), (index, byte) => {
        const damaged = Buffer.from(hello);
        damaged[index] = byte;
        expect(['hello', 'foreign', 'incomplete']).toContain(parseClientHello(damaged).kind);
      }),
      { numRuns: 2000 },
    );
  });
});

test('TLS is told from HTTP by its first byte', () => {
  expect(isTlsByte(22)).toBe(true);
  expect(isTlsByte(0x80)).toBe(true);
  for (const method of ['GET', 'POST', 'OPTIONS', 'PRI', '\r\n', ' '])
    expect(isTlsByte(method.charCodeAt(0))).toBe(false);
});
