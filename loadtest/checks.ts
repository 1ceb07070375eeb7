// What checks of access and limits cost a request: CPU of Serin's process on routes with one each, beside a route without, in turn.
//   node loadtest/checks.ts [--rounds 7] [--seconds 2]
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { ingress, service } from './manifests.ts';
import { percentile } from './percentile.ts';
import { cpuMicros, LOAD_CORE, PROXY_CORE, run, start, waitForPort, type Started } from './processes.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, seconds: { type: 'string', default: '2' } },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
const PORT = 18_520;
const UPSTREAM_PORT = 18_530;
const HOST = 'checks.test';
const here = new URL('.', import.meta.url).pathname;

/** A check that is always passed, and remembered where that can be. */
interface Check {
  readonly annotations: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

const PASSWORD = { Authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` };
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(): string {
  const expiresAt = Math.floor(Date.now() / 1_000) + 3_600;
  const text = `${encode({ alg: 'RS256', kid: '1' })}.${encode({ iss: 'https://id.test', sub: 'ann', exp: expiresAt })}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), keys.privateKey).toString('base64url')}`;
}

function checksWith(authUrl: string): Record<string, Check> {
  const bearing = { Authorization: `Bearer ${token()}` };
  const external = { 'auth-url': authUrl, 'auth-cache-key': '$http_authorization' };
  return {
    basic: { annotations: { 'auth-type': 'basic', 'auth-secret': 'users' }, headers: PASSWORD },
    external: { annotations: external, headers: PASSWORD },
    headers: { annotations: { ...external, 'auth-response-headers': 'X-User, X-Groups' }, headers: PASSWORD },
    rate: { annotations: { 'limit-rps': '10000000' }, headers: PASSWORD },
    connections: { annotations: { 'limit-connections': '10000' }, headers: PASSWORD },
    token: {
      annotations: { 'serin.dev/jwt-issuer': 'https://id.test', 'serin.dev/jwt-jwks-secret': 'keys' },
      headers: bearing,
    },
  };
}

function ownPrefixes(object: object): object {
  const text = JSON.stringify(object).replaceAll('nginx.ingress.kubernetes.io/serin.dev/', 'serin.dev/');
  return JSON.parse(text) as object;
}

function writeManifests(folder: string, checks: Record<string, Check>): void {
  const secret = (name: string, stringData: object) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'load', name },
    stringData,
  });
  const jwk = { ...keys.publicKey.export({ format: 'jwk' }), kid: '1', alg: 'RS256' };
  const objects = [
    ...service('main', UPSTREAM_PORT),
    secret('users', { auth: 'ann:{PLAIN}secret\n' }),
    secret('keys', { 'jwks.json': JSON.stringify({ keys: [jwk] }) }),
    ingress('plain', HOST, '/plain', 'main'),
    ...Object.entries(checks).map(([name, { annotations }]) =>
      ownPrefixes(ingress(name, HOST, `/${name}`, 'main', { ...annotations })),
    ),
  ];
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
}

/** CPU microseconds of Serin for each request. */
async function load(pid: number, path: string, headers: Check['headers']): Promise<number> {
  const url = `http://127.0.0.1:${PORT}/${path}/512`;
  const options = { url, headers: { Host: HOST, ...headers }, connections: 64, seconds };
  const before = cpuMicros(pid);
  const args = [join(here, 'load.ts'), JSON.stringify(options)];
  const out = await run(LOAD_CORE, process.execPath, args, (seconds + 30) * 1_000);
  const { requests, other } = JSON.parse(out) as { requests: number; other: number };
  if (other > 0) throw new Error(`/${path}: ${other} requests were not answered with 200`);
  return (cpuMicros(pid) - before) / requests;
}

const folder = mkdtempSync(join(tmpdir(), 'serin-checks-'));
const started: Started[] = [];
const auth = createServer((_, response) => {
  response.writeHead(200, { 'X-User': 'ann', 'X-Groups': 'staff' }).end();
});
try {
  await once(auth.listen(0, '127.0.0.1'), 'listening');
  const checks = checksWith(`http://127.0.0.1:${(auth.address() as AddressInfo).port}/`);
  writeManifests(folder, checks);
  started.push(start(LOAD_CORE, process.execPath, [join(here, 'upstream.ts'), String(UPSTREAM_PORT)]));
  await waitForPort(UPSTREAM_PORT);
  const serin = start(PROXY_CORE, process.execPath, [
    ...[new URL('../src/main.ts', import.meta.url).pathname, 'serve', `--manifests=${folder}`],
    ...[`--http-port=${PORT}`, `--https-port=${PORT + 1}`, '--healthz-port=0', '--listen=127.0.0.1'],
    ...['--watch-ingress-without-class', '--workers=1'],
  ]);
  started.push(serin);
  await waitForPort(PORT, 30_000);
  await load(serin.pid, 'plain', PASSWORD);
  const more = new Map<string, number[]>(Object.keys(checks).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    const line: string[] = [];
    for (const [name, { headers }] of Object.entries(checks)) {
      // The neighbour in time, with the same headers, is what it is held against.
      const without = await load(serin.pid, 'plain', headers);
      const micros = await load(serin.pid, name, headers);
      more.get(name)!.push(micros - without);
      line.push(`${name} ${micros.toFixed(1)} (${without.toFixed(1)})`);
    }
    console.log(`round ${round}: ${line.join(', ')}`);
  }
  for (const [name, all] of more) {
    const sorted = all.toSorted((a, b) => a - b);
    const [least, most] = [sorted[0]!, sorted.at(-1)!].map((micros) => micros.toFixed(1));
    console.log(`${name}: ${percentile(sorted, 0.5, 2)} µs more a request (${least} to ${most})`);
  }
} finally {
  for (const process of started.toReversed()) await process.stop();
  auth.close();
  rmSync(folder, { recursive: true, force: true });
}
