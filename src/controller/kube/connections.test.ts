import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Connections, keyOfCredentials, textOf } from './connections.ts';

let server: Server;
let connections: Connections;

afterEach(async () => {
  connections.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A server of one's own words, with what asks it. */
async function start(protocol: 'http' | 'https', answer: (text: string) => string | undefined, times = {}) {
  server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      const text = answer(bytes.toString('latin1'));
      if (text === undefined) socket.destroy();
      else socket.write(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  connections = new Connections(url, {}, { connectTimeoutMs: 5_000, answerTimeoutMs: 5_000, ...times });
  return (over: object = {}) =>
    connections.ask({
      method: 'GET',
      url: `${url}/`,
      headers: {},
      body: undefined,
      isWatch: false,
      signal: undefined,
      ...over,
    });
}

const head = (length: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`;

test('a server that takes the connection and never says hello is given up', async () => {
  const ask = await start('https', () => '', { connectTimeoutMs: 20 });
  await expect(ask()).rejects.toThrow('Connect Timeout');
});

test('an answer that stops in its middle is given up, a watch is not', async () => {
  const ask = await start('http', () => `${head(9)}part`, { answerTimeoutMs: 30 });
  await expect(ask().then(textOf)).rejects.toThrow('Body Timeout');
  const cut = new AbortController();
  const watch = await ask({ isWatch: true, signal: cut.signal });
  const pieces: string[] = [];
  const reading = (async () => {
    for await (const piece of watch.body) pieces.push(Buffer.from(piece).toString());
  })();
  await expect(ask().then(textOf)).rejects.toThrow('Body Timeout');
  expect(pieces).toEqual(['part']);
  cut.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
});

test('a connection cut in the middle of an answer is an error', async () => {
  let asked = 0;
  const ask = await start('http', () => (asked++ === 0 ? `${head(9)}part` : undefined));
  const answer = await ask();
  const reading = textOf(answer);
  connections.destroy();
  await expect(reading).rejects.toThrow();
  await expect(ask()).rejects.toThrow();
});

test('a body is sent whole, and connections are kept', async () => {
  const texts: string[] = [];
  const ask = await start('http', (text) => {
    texts.push(text);
    return `${head(2)}ok`;
  });
  let connected = 0;
  server.on('connection', () => connected++);
  for (let i = 0; i < 3; i++) expect(await textOf(await ask({ method: 'PUT', body: 'äö' }))).toBe('ok');
  expect(connected).toBe(1);
  expect(texts.join('')).toContain('Content-Length: 4');
});

test('they are in use from a question on, and until the last one is closed', async () => {
  const ask = await start('http', () => `${head(2)}ok`);
  expect(connections.isInUse).toBe(false);
  const asking = ask();
  expect(connections.isInUse).toBe(true);
  await textOf(await asking);
  expect(connections.isInUse).toBe(true);
  connections.destroy();
  await expect.poll(() => connections.isInUse).toBe(false);
});

test('credentials that are equal have the same key', () => {
  const ca = (text: string) => ({ ca: Buffer.from(text), servername: 'api' });
  expect(keyOfCredentials(ca('a'))).toBe(keyOfCredentials(ca('a')));
  expect(keyOfCredentials(ca('a'))).not.toBe(keyOfCredentials(ca('b')));
  expect(keyOfCredentials({ ca: 'a', cert: 'b' })).not.toBe(keyOfCredentials({ ca: 'ab' }));
});
