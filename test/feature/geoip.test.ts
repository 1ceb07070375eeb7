import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { writeMmdb } from '../fixtures/mmdb-writer.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* Databases of addresses, from their files to the access log. */

const folder = mkdtempSync(join(tmpdir(), 'serin-geoip-'));
const log = join(folder, 'access.log');
let serin: SerinProcess;

/** As a tool that brings new databases does: the new file takes the old one's name. */
function writeCity(bytes: Buffer): void {
  writeFileSync(join(folder, 'new'), bytes);
  renameSync(join(folder, 'new'), join(folder, 'GeoLite2-City.mmdb'));
}

const cityOf = (name: string): Buffer =>
  writeMmdb({
    networks: { '192.0.2.0/24': { country: { iso_code: 'NL' }, city: { names: { en: name } } } },
  });

function writeManifest(data: Record<string, string>): void {
  const metadata = { namespace: 'a', name: 'settings' };
  const text = stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
  writeFileSync(join(folder, 'manifest.yaml'), text);
}

const DATA = {
  'use-geoip2': 'true',
  'use-forwarded-headers': 'true',
  'proxy-real-ip-cidr': '127.0.0.0/8',
  'enable-access-log-for-default-backend': 'true',
  'access-log-path': log,
  'log-format-upstream': '$remote_addr [$geoip2_city_country_code] [$geoip2_city] [$geoip2_asn]',
};

let count = 0;

/** What is logged of a request from an address. */
async function lineOf(address: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const headers = { 'x-forwarded-for': address, host: 'a.test' };
    get({ host: '127.0.0.1', port: serin.httpPort, path: '/', headers, agent: false }, (response) => {
      response.resume().on('end', resolve);
    }).on('error', reject);
  });
  count++;
  await expect.poll(() => linesOf().length, { timeout: 5_000, interval: 5 }).toBe(count);
  return linesOf().at(-1)!;
}

function linesOf(): string[] {
  try {
    return readFileSync(log, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

beforeAll(async () => {
  writeCity(cityOf('Old"town\n'));
  writeManifest(DATA);
  serin = await startSerin([
    'serve',
    folder + '/manifest.yaml',
    '--configmap=a/settings',
    '--workers=2',
    `--geoip-directory=${folder}`,
    '--maxmind-license-key=secret-key',
  ]);
});

afterAll(async () => {
  await serin?.stop();
  rmSync(folder, { recursive: true });
});

test('the access log names places, escaped, and a database that is not there is told', async () => {
  expect(await lineOf('192.0.2.7')).toBe('192.0.2.7 [NL] [Old\\x22town\\x0A] [-]');
  expect(await lineOf('203.0.113.7')).toBe('203.0.113.7 [-] [-] [-]');
  await serin.waitFor(/needs GeoLite2-ASN\.mmdb, which cannot be read \(ENOENT\)/);
  await serin.waitFor(/--maxmind-license-key is refused: No database is fetched/);
  expect(serin.stderr()).not.toContain('secret-key');
});

test('a new file is read while requests are served, and a broken one leaves it', async () => {
  await serin.afterTable(() => writeCity(cityOf('Newtown')));
  expect(await lineOf('192.0.2.7')).toBe('192.0.2.7 [NL] [Newtown] [-]');
  writeCity(Buffer.from('no database'));
  await serin.waitFor(/needs GeoLite2-City\.mmdb, which is malformed/);
  expect(await lineOf('192.0.2.7')).toBe('192.0.2.7 [NL] [Newtown] [-]');
});

test('without use-geoip2 nothing is told of addresses', async () => {
  await serin.afterTable(() => writeManifest({ ...DATA, 'use-geoip2': 'false' }));
  expect(await lineOf('192.0.2.7')).toBe('192.0.2.7 [-] [-] [-]');
  await serin.waitFor(/has variables of databases that are not used/);
});
