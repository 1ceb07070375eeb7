import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../../test/fixtures/certificates.ts';
import { startFakeApi, type FakeApiOptions, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import { createKubeClient, isKubeError, type KubeClient } from './client.ts';
import type { ApiAccess } from './api-access.ts';
import { loadApiAccess } from './config.ts';
import { parseApiAccess } from './kubeconfig.ts';
import { openOwnAccount } from './own-account.ts';
import { SERVICES } from './resources.ts';
import { readWatchEvents } from './watch-events.ts';

const NOWHERE = { kubeconfig: '', apiserverHost: '', certificateAuthority: '' };
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function start(options: FakeApiOptions = {}): Promise<FakeApiServer> {
  const api = await startFakeApi(options);
  ends.push(() => api.stop());
  return api;
}

function open(access: ApiAccess, more: object = {}): KubeClient {
  const client = createKubeClient({ access, userAgent: 'test', ...more });
  ends.push(() => client.close());
  return client;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'serin-test-'));
  ends.push(() => rm(path, { recursive: true }));
  return path;
}

const ALL = { namespace: '' };

test('finds the API server by flag, file and environment, in this order', async () => {
  const [api, other] = [await start(), await start()];
  const path = await folder();
  await writeFile(join(path, 'a'), api.kubeconfig());
  await writeFile(join(path, 'b'), other.kubeconfig());
  const env = { KUBECONFIG: join(path, 'b') };
  const serverOf = async (...given: Parameters<typeof loadApiAccess>) =>
    (await loadApiAccess(...given)).server;
  expect(await serverOf({ ...NOWHERE, kubeconfig: join(path, 'a') }, env)).toBe(api.url);
  expect(await serverOf({ ...NOWHERE, apiserverHost: `${api.url}/` }, {})).toBe(api.url);
  const both = { ...NOWHERE, kubeconfig: join(path, 'b'), apiserverHost: api.url };
  expect(await serverOf(both, {})).toBe(api.url);
  await expect(loadApiAccess(NOWHERE, {})).rejects.toThrow('no API server');
  await open(await loadApiAccess(both, {})).list(SERVICES, ALL);
});

test('speaks TLS and trusts only the CA it was given', async () => {
  const authority = makeCertificate([], { commonName: 'ca', isAuthority: true });
  const leaf = makeCertificate(['127.0.0.1'], { issuer: authority });
  const stranger = makeCertificate([], { commonName: 'ca', isAuthority: true, hasOwnKey: true });
  const tls = { key: leaf.key, cert: leaf.certificate, ca: authority.certificate };
  const api = await start({ tls });
  await open(parseApiAccess(api.kubeconfig())).list(SERVICES, ALL);
  const path = join(await folder(), 'ca.pem');
  await writeFile(path, stranger.certificate);
  const mistrusting = await loadApiAccess(
    { ...NOWHERE, apiserverHost: api.url, certificateAuthority: path },
    {},
  );
  await expect(open(mistrusting).list(SERVICES, ALL)).rejects.toThrow(/certificate/);
});

test('sends the bearer token, which the server may cease to take', async () => {
  const api = await start({ token: 'first' });
  const client = open(parseApiAccess(api.kubeconfig()));
  await client.list(SERVICES, ALL);
  api.setToken('second');
  const refusal = await client.list(SERVICES, ALL).catch((error: unknown) => error);
  expect(isKubeError(refusal, 401)).toBe(true);
});

test('reads a token from its file, without the newline at its end', async () => {
  const api = await start({ token: 'from-file' });
  const path = await folder();
  await writeFile(join(path, 'token'), 'from-file\n');
  const user = `user: {auth-provider: {name: tokenFile, config: {tokenFile: ${join(path, 'token')}}}}`;
  const client = open(parseApiAccess(api.kubeconfig().replace(/user:\n\s+token: from-file/, user)));
  await client.list(SERVICES, ALL);
});

describe('the account of a Pod', () => {
  const env = (url: string) => {
    const { hostname, port } = new URL(url);
    return { KUBERNETES_SERVICE_HOST: hostname.replace(/[[\]]/g, ''), KUBERNETES_SERVICE_PORT: port };
  };

  test('is read anew for each request: token and CA rotate', async () => {
    const authority = makeCertificate([], { commonName: 'ca', isAuthority: true });
    const leaf = makeCertificate(['127.0.0.1'], { issuer: authority });
    const api = await start({
      token: 'first',
      tls: { key: leaf.key, cert: leaf.certificate, ca: authority.certificate },
    });
    const account = await folder();
    await writeFile(join(account, 'token'), 'first\n');
    await writeFile(join(account, 'ca.crt'), authority.certificate);
    await writeFile(join(account, 'namespace'), 'ingress-nginx');
    const access = openOwnAccount(NOWHERE, env(api.url), account);
    expect([access.server, access.namespace]).toEqual([api.url, 'ingress-nginx']);
    const client = open(access);
    await client.list(SERVICES, ALL);
    api.setToken('second');
    await expect(client.list(SERVICES, ALL)).rejects.toThrow();
    await writeFile(join(account, 'token'), 'second\n');
    await client.list(SERVICES, ALL);
  });

  test('is where the environment says, unless a flag says otherwise', async () => {
    const account = await folder();
    await writeFile(join(account, 'token'), 't');
    const at = (host: string, port: string, apiserverHost = '') =>
      openOwnAccount(
        { apiserverHost, certificateAuthority: '' },
        { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port },
        account,
      ).server;
    expect(at('10.0.0.1', '443')).toBe('https://10.0.0.1:443');
    expect(at('fd00::1', '6443')).toBe('https://[fd00::1]:6443');
    expect(at('10.0.0.1', '8080')).toBe('http://10.0.0.1:8080');
    expect(at('10.0.0.1', '443', 'https://api.test/')).toBe('https://api.test');
  });

  test('that is not there is an error that names its file', async () => {
    const account = await folder();
    expect(() => openOwnAccount(NOWHERE, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, account)).toThrow(/token/);
  });
});

test('tells refusals of the server by status, reason and wait', async () => {
  const api = await start();
  const client = open(parseApiAccess(api.kubeconfig()));
  const missing = await client
    .get(SERVICES, { namespace: 'lab', name: 'x' })
    .catch((error: unknown) => error);
  expect(missing).toMatchObject({ status: 404, reason: 'NotFound', message: 'services "x" not found' });
  api.failNext(1, 429, 7);
  const busy = await client.list(SERVICES, ALL).catch((error: unknown) => error);
  expect(busy).toMatchObject({ status: 429, retryAfterMs: 7_000 });
});

test('does not wait for ever for an answer', async () => {
  const api = await start();
  const client = open(parseApiAccess(api.kubeconfig()), { answerTimeoutMs: 50 });
  api.hang();
  await expect(client.list(SERVICES, ALL)).rejects.toThrow('Headers Timeout');
});

test('many watches run beside requests, and an abort ends one at once', async () => {
  const api = await start();
  const client = open(parseApiAccess(api.kubeconfig()));
  const cut = new AbortController();
  const query = { namespace: '', resourceVersion: '', timeoutSeconds: 60 };
  const streams = await Promise.all(
    Array.from({ length: 20 }, () => client.watch(SERVICES, query, cut.signal)),
  );
  await client.list(SERVICES, ALL);
  expect(api.watchCount()).toBe(20);
  const reading = streams.map(async (stream) => {
    for await (const event of stream) throw new Error(`unexpected ${event.type}`);
  });
  cut.abort(new Error('enough'));
  for (const end of await Promise.allSettled(reading))
    expect(end).toMatchObject({ reason: { message: 'enough' } });
  await api.until(() => api.watchCount() === 0);
});

const line = (type: string, name: string) => `${JSON.stringify({ type, object: { metadata: { name } } })}\n`;

async function read(...chunks: string[]): Promise<string[]> {
  const names: string[] = [];
  const body = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
  })();
  for await (const event of readWatchEvents(body)) {
    names.push(
      event.type === 'ERROR' ? `error ${event.status.code}` : `${event.type} ${event.object.metadata.name}`,
    );
  }
  return names;
}

test('watch events are the same however the bytes are split', async () => {
  const text = Buffer.from(line('ADDED', 'ä') + line('DELETED', 'b') + line('BOOKMARK', '')).toString(
    'latin1',
  );
  for (let at = 0; at <= text.length; at++) {
    expect(await read(text.slice(0, at), text.slice(at))).toEqual(['ADDED ä', 'DELETED b', 'BOOKMARK ']);
  }
  expect(await read(...text)).toHaveLength(3);
});

test('half an event, an event of no known type and text that is no event are errors', async () => {
  await expect(read(line('ADDED', 'a').slice(0, -1))).rejects.toThrow('in the middle of an event');
  await expect(read(line('NOISE', 'a'))).rejects.toThrow('unknown type "NOISE"');
  await expect(read('<html>\n')).rejects.toThrow();
  expect(await read('{"type":"ERROR","object":{"code":410,"reason":"Expired"}}\n')).toEqual(['error 410']);
});
