import { describe, expect, test } from 'vitest';
import { createFindings, findingMessage } from '../../model/finding.ts';
import { toSettings } from './settings.ts';

function read(data: Readonly<Record<string, string>>) {
  const findings = createFindings();
  const { compression } = toSettings({
    data: new Map(Object.entries(data)),
    source: { kind: 'ConfigMap', namespace: 'a', name: 'settings' },
    flags: { httpsPort: 443, healthPath: '/healthz', undefinedHosts: 'uncounted', ticketKeys: [] },
    featureKeys: new Set(),
    headerMaps: () => undefined,
    secretOf: () => undefined,
    geoFiles: new Map(),
    findings,
  });
  return { compression, messages: findings.list().map(findingMessage) };
}

test('nothing is on by default, whatever else is set', () =>
  expect(read({ 'gzip-level': '6', 'use-gzip': 'false', 'enable-brotli': 'false' })).toEqual({
    compression: { codings: [] },
    messages: [],
  }));

test('what is on has ingress-nginx’s defaults', () => {
  const { compression } = read({ 'use-gzip': 'true', 'enable-brotli': 'true', 'enable-zstd': 'true' });
  expect(compression.codings).toMatchObject([
    { name: 'br', level: 4, minLength: 20 },
    { name: 'zstd', level: 3, minLength: 256 },
    { name: 'gzip', level: 1, minLength: 256 },
  ]);
  const [br, , gzip] = compression.codings;
  expect(gzip!.types).toHaveLength(17);
  expect(br!.types).toEqual(['application/xml+rss', ...gzip!.types]);
});

test('each may be set', () => {
  expect(
    read({
      'use-gzip': 'true',
      'gzip-level': '9',
      'gzip-min-length': '0',
      'gzip-types': ' text/plain  Application/JSON\n*',
      'gzip-disable': 'old',
      'enable-brotli': 'true',
      'brotli-level': '0',
      'brotli-min-length': '1',
      'brotli-types': '',
    }),
  ).toEqual({
    compression: {
      codings: [
        { name: 'br', level: 0, minLength: 1, types: [] },
        { name: 'gzip', level: 9, minLength: 0, types: ['text/plain', 'application/json', '*'] },
      ],
      agentsWithoutGzip: '~*old',
    },
    messages: [],
  });
});

describe('what is refused leaves the default', () => {
  const cases: [key: string, value: string, problem: string][] = [
    ['use-gzip', 'maybe', 'is not a boolean'],
    ['gzip-level', '10', 'is not a level from 1 to 9'],
    ['gzip-level', '0', 'is not a level from 1 to 9'],
    ['brotli-level', '12', 'is not a level from 0 to 11'],
    ['zstd-level', '20', 'is not a level from 1 to 19'],
    ['gzip-min-length', '-1', 'is not a number of bytes'],
    ['gzip-types', 'text', 'is not a list of at most 256 media types'],
    ['gzip-types', 'a/b '.repeat(257).trim(), 'is not a list of at most 256 media types'],
    ['gzip-disable', '(', 'is not a usable regular expression'],
    ['gzip-disable', 'a(?:x{1000}){1000}', 'is too large a regular expression'],
  ];
  for (const [key, value, problem] of cases) {
    test(`${key}: ${value.slice(0, 20)}`, () => {
      const { compression, messages } = read({ 'enable-zstd': 'true', [key]: value });
      expect(messages).toHaveLength(1);
      expect(messages[0]).toContain(problem);
      expect(compression).toEqual(read({ 'enable-zstd': 'true' }).compression);
    });
  }
});

test('msie6 is nginx’s own name for some agents', () =>
  expect(read({ 'gzip-disable': 'msie6' })).toMatchObject({
    compression: { agentsWithoutGzip: '~MSIE [4-6]\\.' },
    messages: [],
  }));
