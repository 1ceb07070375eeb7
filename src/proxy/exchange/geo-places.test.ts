import { expect, test } from 'vitest';
import { writeMmdb, type Writable } from '../../../test/fixtures/mmdb-writer.ts';
import { geoVariable } from '../../lib/variables/geo.ts';
import type { GeoDatabase } from '../../table/geo.ts';
import { geoText } from './geo-places.ts';

let version = 0;

function databaseOf(edition: string, networks: Readonly<Record<string, Writable>>): GeoDatabase {
  return shared(edition, writeMmdb({ networks, type: edition }));
}

function shared(edition: string, file: Buffer): GeoDatabase {
  const bytes = new SharedArrayBuffer(file.length);
  file.copy(Buffer.from(bytes));
  return { edition, version: ++version, bytes };
}

const read = (databases: readonly GeoDatabase[], name: string, address = '192.0.2.1') =>
  geoText(databases, geoVariable(name)!, address);

const CITY = databaseOf('GeoLite2-City', {
  '192.0.2.0/24': {
    country: { iso_code: 'NL', names: { de: 'Niederlande', en: 'The Netherlands' }, geoname_id: 2_750_405 },
    city: { names: { en: 'Nieuw-\u00c9\u00e9n' } },
    location: { latitude: 52.5, longitude: 4.75, metro_code: 7 },
    subdivisions: [{ iso_code: 'NH' }, { iso_code: 'X', names: { en: 'Second' } }],
  },
  '2001:db8::/32': { country: { iso_code: 'DE' } },
});

const VALUES: readonly (readonly [name: string, want: string | undefined])[] = [
  ['geoip2_city_country_code', 'NL'],
  ['geoip2_city_country_name', 'The Netherlands'],
  ['geoip2_city_country_geoname_id', '2750405'],
  ['geoip2_city', 'Nieuw-\u00c3\u0089\u00c3\u00a9n'],
  ['geoip2_latitude', '52.50000'],
  ['geoip2_longitude', '4.75000'],
  ['geoip2_dma_code', '7'],
  ['geoip2_region_code', 'NH'],
  ['geoip2_region_name', undefined],
  ['geoip2_subregion_name', 'Second'],
  ['geoip2_postal_code', undefined],
  ['geoip2_country_code', undefined],
];

for (const [name, want] of VALUES) {
  test(`$${name} as nginx writes it`, () => expect(read([CITY], name)).toBe(want));
}

test('addresses of both families, and one that no network holds', () => {
  expect(read([CITY], 'geoip2_city_country_code', '2001:db8::7')).toBe('DE');
  expect(read([CITY], 'geoip2_city_country_code', '203.0.113.1')).toBeUndefined();
  expect(read([], 'geoip2_city_country_code')).toBeUndefined();
});

test('of two databases that tell the same the last one named counts', () => {
  const asn = databaseOf('GeoLite2-ASN', { '192.0.2.0/24': { autonomous_system_number: 1 } });
  const isp = databaseOf('GeoIP2-ISP', { '192.0.2.0/24': { autonomous_system_number: 2 } });
  expect(read([asn, isp], 'geoip2_asn')).toBe('2');
  expect(read([isp, asn], 'geoip2_asn')).toBe('1');
});

test('claims of an anonymous network are 0 where nothing is told', () => {
  const networks = { '192.0.2.0/24': { is_anonymous: true } };
  const databases = [databaseOf('GeoIP2-Anonymous-IP', networks)];
  expect(read(databases, 'geoip2_is_anonymous')).toBe('1');
  expect(read(databases, 'geoip2_is_tor_exit_node')).toBe('0');
  expect(read(databases, 'geoip2_is_anonymous', '203.0.113.1')).toBe('0');
  expect(read(databases, 'geoip2_is_anon', '203.0.113.1')).toBeUndefined();
});

test('more addresses than are remembered are still told', () => {
  const codes = Array.from({ length: 10_000 }, (_, i) =>
    read([CITY], 'geoip2_city_country_code', `192.0.${i >> 8}.${i & 255}`),
  );
  expect(codes.filter((code) => code === 'NL')).toHaveLength(256);
});

test('a file that no worker can open has no values', () => {
  expect(read([shared('GeoLite2-City', Buffer.from('x'))], 'geoip2_city')).toBeUndefined();
});
