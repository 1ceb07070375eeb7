import { expect, test } from 'vitest';
import { redactBytes } from '../../lib/redacted-bytes.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import type { RouteTable } from '../../table/table.ts';
import { completeChains } from './complete-chains.ts';

const key = redactBytes(Buffer.from('key'));
const table: RouteTable = {
  generation: 1,
  listeners: [],
  streams: [],
  hosts: [],
  upstreams: [],
  certificates: [
    { id: 'a', certificate: 'A', key },
    { id: 'b', certificate: 'B', key },
  ],
  tls: {
    names: [
      { kind: 'terminate', name: 'a.test', certificateId: 'a' },
      { kind: 'terminate', name: 'b.test', certificateId: 'b' },
      { kind: 'passthrough', name: 'c.test' },
    ],
    defaultCertificateId: 'b',
  },
  staples: [],
  settings: DEFAULT_SETTINGS,
};

test('a chain that is completed is another certificate, by whatever name', () => {
  const { certificates, tls } = completeChains(table, new Map([['b', 'MORE']]));
  const [whole, completed] = certificates;
  expect(whole).toBe(table.certificates[0]);
  expect(completed).toEqual({ id: expect.stringMatching(/^b-[0-9a-f]{16}$/), certificate: 'B\nMORE', key });
  expect(tls.names.map((name) => (name.kind === 'terminate' ? name.certificateId : ''))).toEqual([
    'a',
    completed!.id,
    '',
  ]);
  expect(tls.defaultCertificateId).toBe(completed!.id);
  const other = completeChains(table, new Map([['b', 'ELSE']]));
  expect(other.tls.defaultCertificateId).not.toBe(completed!.id);
});

test('where nothing is missing the table stays the same', () => {
  expect(completeChains(table, new Map())).toBe(table);
  expect(completeChains(table, new Map([['gone', 'MORE']]))).toBe(table);
});
