import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { createHttpCheck } from './http-check.ts';

test('a path that would write lines of its own is not asked for', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = { key: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  const check = createHttpCheck();
  for (const path of ['/a\r\nX-Evil: 1', '/a b', '/\u010d\u010a']) {
    const policy = { path, scheme: 'http', intervalMs: 1, timeoutMs: 1_000 } as const;
    expect(await check(endpoint as never, policy)).toMatch(/invalid request path/);
  }
  expect(connections).toBe(0);
  server.close();
});
