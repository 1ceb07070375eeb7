import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* Chains whose Secrets lack the intermediate certificate, from the server that has it to a client that trusts the root. */

const folder = mkdtempSync(join(tmpdir(), 'serin-chains-'));
const at = (name: string): string => join(folder, name);

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

function hasOpenssl(): boolean {
  try {
    return openssl('version').startsWith('OpenSSL 3');
  } catch {
    return false;
  }
}

let serin: SerinProcess;
let issuers: Server;
const asked: string[] = [];

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

function issue(name: string, issuer: string, ...extensions: readonly string[]): void {
  openssl(
    ...['req', '-x509', ...CURVE, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`],
    ...['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`],
    ...extensions.flatMap((extension) => ['-addext', extension]),
  );
}

const secretOf = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/tls',
  metadata: { namespace: 'a', name },
  data: {
    'tls.crt': readFileSync(at(`${name}.pem`)).toString('base64'),
    'tls.key': readFileSync(at(`${name}.key`)).toString('base64'),
  },
});

const ingressOf = (name: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { namespace: 'a', name },
  spec: {
    tls: [{ hosts: [name], secretName: name }],
    rules: [
      {
        host: name,
        http: {
          paths: [
            { path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } },
          ],
        },
      },
    ],
  },
});

beforeAll(async () => {
  if (!hasOpenssl()) return;
  issuers = createServer((request, response) => {
    asked.push(request.url!);
    response.end(request.url === '/middle' ? readFileSync(at('middle.der')) : readFileSync(at('root.pem')));
  });
  issuers.listen(0, '127.0.0.1');
  await once(issuers, 'listening');
  const { port } = issuers.address() as AddressInfo;
  openssl(
    'req',
    '-x509',
    ...CURVE,
    '-keyout',
    'root.key',
    '-out',
    'root.pem',
    '-subj',
    '/CN=Serin Test Root',
  );
  const url = (path: string) => `authorityInfoAccess=caIssuers;URI:http://127.0.0.1:${port}/${path}`;
  issue('middle', 'root', 'basicConstraints=critical,CA:TRUE', url('root'));
  openssl('x509', '-in', 'middle.pem', '-outform', 'der', '-out', 'middle.der');
  const isLeaf = 'basicConstraints=critical,CA:FALSE';
  issue('good.test', 'middle', isLeaf, 'subjectAltName=DNS:good.test', url('middle'));
  issue('bad.test', 'middle', isLeaf, 'subjectAltName=DNS:bad.test', url('root'));
  const objects = ['good.test', 'bad.test'].flatMap((name) => [secretOf(name), ingressOf(name)]);
  writeFileSync(at('manifest.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    at('manifest.yaml'),
    '--watch-ingress-without-class',
    '--workers=2',
    '--enable-ssl-chain-completion',
  ]);
});

afterAll(async () => {
  await serin?.stop();
  issuers?.close();
  rmSync(folder, { recursive: true });
});

/** Names of the certificates that are sent, and whether the root does for a client. */
async function shown(servername: string): Promise<{ names: string[]; isTrusted: boolean }> {
  const client = connect({
    host: '127.0.0.1',
    port: serin.httpsPort,
    servername,
    ca: readFileSync(at('root.pem')),
    rejectUnauthorized: false,
  });
  await once(client, 'secureConnect');
  const names: string[] = [];
  const leaf = client.getPeerCertificate(true);
  for (let one = leaf, last; one !== last; last = one, one = one.issuerCertificate ?? one)
    names.push(String(one.subject.CN));
  const isTrusted = client.authorized;
  client.destroy();
  return { names, isTrusted };
}

describe.skipIf(!hasOpenssl())('--enable-ssl-chain-completion (certificates by OpenSSL 3)', () => {
  test('a chain is completed from where its certificate says, up to the root', async () => {
    await serin.waitFor(/a new table is live generation=2 /);
    expect(await shown('good.test')).toMatchObject({ isTrusted: true });
    expect((await shown('good.test')).names.slice(0, 2)).toEqual(['good.test', 'middle']);
    expect(asked.filter((path) => path === '/middle')).toHaveLength(1);
  });

  test('a certificate that did not issue it is not sent, and that is told', async () => {
    await serin.waitFor(
      /cannot be completed.* names=\["bad\.test"\] problem="answers with another certificate"/,
    );
    expect(await shown('bad.test')).toEqual({ names: ['bad.test'], isTrusted: false });
  });
});
