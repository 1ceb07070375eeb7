import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* OCSP stapling, from OpenSSL's responder to OpenSSL's client. */

const folder = mkdtempSync(join(tmpdir(), 'serin-ocsp-'));
const run = promisify(execFile);
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
let responder: Server;
let asked = 0;

function writeManifest(isStapled: boolean): void {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { namespace: 'a', name: 'cert' },
    data: {
      'tls.crt': Buffer.from(
        readFileSync(at('leaf.pem'), 'utf8') + readFileSync(at('ca.pem'), 'utf8'),
      ).toString('base64'),
      'tls.key': readFileSync(at('leaf.key')).toString('base64'),
    },
  };
  const ingress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: 'a', name: 'web' },
    spec: {
      tls: [{ hosts: ['a.test'], secretName: 'cert' }],
      rules: [
        {
          host: 'a.test',
          http: {
            paths: [
              { path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  };
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'a', name: 'settings' },
    data: { 'enable-ocsp': String(isStapled) },
  };
  writeFileSync(at('new'), [secret, ingress, configMap].map((object) => stringify(object)).join('---\n'));
  renameSync(at('new'), at('manifest.yaml'));
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

beforeAll(async () => {
  if (!hasOpenssl()) return;
  responder = createServer((request, response) => {
    void (async () => {
      asked++;
      writeFileSync(at('request'), await buffer(request));
      await run(
        'openssl',
        'ocsp -reqin request -respout response -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -ndays 1'.split(
          ' ',
        ),
        { cwd: folder },
      );
      response.writeHead(200, { 'content-type': 'application/ocsp-response' });
      response.end(readFileSync(at('response')));
    })();
  });
  responder.listen(0, '127.0.0.1');
  await once(responder, 'listening');
  const { port } = responder.address() as AddressInfo;
  openssl('req', '-x509', ...CURVE, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Serin Test CA');
  openssl(
    ...['req', '-x509', ...CURVE, '-keyout', 'leaf.key', '-out', 'leaf.pem', '-subj', '/CN=a.test'],
    ...['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-addext', 'subjectAltName=DNS:a.test'],
    ...['-addext', `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}/`],
  );
  const serial = openssl('x509', '-in', 'leaf.pem', '-noout', '-serial').trim().split('=')[1]!;
  writeFileSync(at('index.txt'), `V\t991231235959Z\t\t${serial}\tunknown\t/CN=a.test\n`);
  writeManifest(true);
  serin = await startSerin([
    'serve',
    at('manifest.yaml'),
    '--configmap=a/settings',
    '--watch-ingress-without-class',
    '--workers=2',
  ]);
});

afterAll(async () => {
  await serin?.stop();
  responder?.close();
  rmSync(folder, { recursive: true });
});

/** What OpenSSL's client says of a handshake in which it asks for the status. */
async function statusOf(...args: readonly string[]): Promise<string> {
  const client = spawn('openssl', [
    ...['s_client', '-connect', `127.0.0.1:${serin.httpsPort}`, '-servername', 'a.test', '-status'],
    ...['-CAfile', at('ca.pem'), ...args],
  ]);
  client.stdin.end();
  const [out] = await Promise.all([buffer(client.stdout), once(client, 'close')]);
  return out.toString();
}

describe.skipIf(!hasOpenssl())('with OpenSSL 3 as responder and as client', () => {
  for (const version of ['-tls1_2', '-tls1_3']) {
    test(`a client that asks is told, ${version}`, async () => {
      // The first table does not wait for a responder.
      await serin.waitFor(/generation=2 /);
      const told = await statusOf(version);
      expect(told).toContain('OCSP Response Status: successful');
      expect(told).toContain('Cert Status: good');
      expect(told).toContain('Verify return code: 0 (ok)');
    });
  }

  test('the responder is asked once, whatever number of workers and clients there are', () => {
    expect(asked).toBe(1);
  });

  test('without enable-ocsp nobody is told, and nobody asked', async () => {
    await serin.afterTable(() => writeManifest(false));
    expect(await statusOf()).toContain('OCSP response: no response sent');
    expect(asked).toBe(1);
  });

  test('a certificate that its authority took back is not vouched for', async () => {
    const serial = openssl('x509', '-in', 'leaf.pem', '-noout', '-serial').trim().split('=')[1]!;
    writeFileSync(at('index.txt'), `R\t991231235959Z\t261101000000Z\t${serial}\tunknown\t/CN=a.test\n`);
    await serin.afterTable(() => writeManifest(true));
    await serin.waitFor(/no OCSP response to staple .*problem="says that the certificate is revoked"/);
    expect(await statusOf()).toContain('OCSP response: no response sent');
  });
});
