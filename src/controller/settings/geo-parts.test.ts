import { expect, test } from 'vitest';
import { createFindings, findingMessage } from '../../model/finding.ts';
import type { GeoFile } from '../store/geo-file.ts';
import { toGeoDatabases, wantedEditions } from './geo-parts.ts';

const EDITIONS = ['GeoLite2-City', 'GeoLite2-ASN'];
const source = { kind: 'ConfigMap', namespace: 'ingress-nginx', name: 'controller' };

const read = (edition: string, version: number): GeoFile => ({
  database: { edition, version, bytes: new SharedArrayBuffer(1) },
  problem: '',
});

function databasesOf(files: Readonly<Record<string, GeoFile>>, logFormat = '', wanted = EDITIONS) {
  const findings = createFindings();
  const input = { wanted, files: new Map(Object.entries(files)), logFormat, source, findings };
  const versions = toGeoDatabases(input).map(({ version }) => version);
  return { versions, messages: findings.list().map(findingMessage) };
}

test('databases are asked for by use-geoip2 alone', () => {
  const asked = (data?: Record<string, string>) =>
    wantedEditions(data && new Map(Object.entries(data)), EDITIONS);
  expect(asked({ 'use-geoip2': ' true ' })).toEqual(EDITIONS);
  expect(asked()).toEqual([]);
  for (const [key, value] of [
    ['use-geoip2', 'false'],
    ['use-geoip2', 'maybe'],
    ['use-geoip', 'true'],
  ] as const)
    expect(asked({ [key]: value })).toEqual([]);
});

test('they are in the order in which they are named', () => {
  const files = { 'GeoLite2-ASN': read('GeoLite2-ASN', 1), 'GeoLite2-City': read('GeoLite2-City', 2) };
  expect(databasesOf(files)).toEqual({ versions: [2, 1], messages: [] });
});

test('what is not read yet is nothing to tell of', () => {
  expect(databasesOf({})).toEqual({ versions: [], messages: [] });
});

test('a file that cannot be used is a finding, and the last good one stays', () => {
  const { database } = read('GeoLite2-ASN', 7);
  const files = {
    'GeoLite2-City': { database: undefined, problem: 'cannot be read (ENOENT)' },
    'GeoLite2-ASN': { database, problem: 'is malformed: it is shorter than its tree' },
  };
  expect(databasesOf(files)).toEqual({
    versions: [7],
    messages: [
      'data.use-geoip2: "true" needs GeoLite2-City.mmdb, which cannot be read (ENOENT); the variables of it have no value',
      'data.use-geoip2: "true" needs GeoLite2-ASN.mmdb, which is malformed: it is shorter than its tree; what was read of it before stays in force',
    ],
  });
});

test('a log format with variables of databases that are not used is a finding', () => {
  const { messages } = databasesOf({}, '$host $geoip2_city $GEOIP2_ASN $geoip2_isp', ['GeoLite2-City']);
  expect(messages).toEqual([
    'data.log-format-upstream: "$host $geoip2_city $GEOIP2_ASN $geoip2_isp" has variables of databases that are not used: $GEOIP2_ASN, $geoip2_isp; they are logged as missing values; use-geoip2 and --maxmind-edition-ids say which are used',
  ]);
});
