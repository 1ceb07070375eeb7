import { expect, test } from 'vitest';
import { byText, withEdits } from '../../lib/edited-list.ts';
import type { CertificateReader } from '../certificates/certificate-reader.ts';
import { createAliasSettler } from './aliases.ts';
import type { HostResult } from './hosts.ts';

const reader = { covers: () => false } as unknown as CertificateReader;
const byName = byText(({ name }: HostResult) => name);
const NEW = (name: string, aliases: readonly string[]) => ({
  before: undefined,
  after: resultOf(name, aliases),
});

/** Names of hosts whose aliases were looked at. */
let looked: string[] = [];

function resultOf(name: string, aliases: readonly string[]): HostResult {
  const source = { kind: 'Ingress' as const, namespace: 'shop', name: `of-${name}` };
  const written = { names: aliases, entry: { source } as never, field: 'server-alias' };
  const result = {
    name,
    model: { name, aliases: [], certificateNames: [], policies: {}, routes: [], source },
    implied: [],
    upstreamIds: [],
    vainWithoutCertificate: [],
    findings: [],
    dependencies: [],
  };
  return Object.defineProperty(result as HostResult, 'written', {
    get() {
      looked.push(name);
      return written;
    },
  });
}

const many = Array.from({ length: 50 }, (_, index) =>
  resultOf(`h${String(index).padStart(2, '0')}.test`, [`a${index}.test`]),
);

const cases = [
  {
    name: 'another alias, and no other host is looked at',
    edits: [{ before: many[7], after: resultOf('h07.test', ['b.test']) }],
    aliases: { 'h07.test': ['b.test'] },
    lookedAt: ['h07.test'],
  },
  {
    name: 'a host that comes with an alias',
    edits: [NEW('x.test', ['y.test'])],
    aliases: { 'x.test': ['y.test'] },
    lookedAt: ['x.test'],
  },
  {
    name: 'an alias that moves from one host to another',
    edits: [
      { before: many[7], after: resultOf('h07.test', []) },
      { before: many[9], after: resultOf('h09.test', ['a7.test']) },
    ],
    aliases: { 'h07.test': [], 'h09.test': ['a7.test'] },
    lookedAt: ['h07.test', 'h09.test'],
  },
  {
    name: 'a host whose name is an alias of another takes it back',
    edits: [NEW('a7.test', [])],
    aliases: { 'h07.test': [] },
  },
  {
    name: 'an alias that two hosts ask for is that of the first by name',
    edits: [NEW('b.test', ['a7.test'])],
    aliases: { 'b.test': ['a7.test'], 'h07.test': [] },
  },
];

for (const { name, edits, aliases, lookedAt } of cases)
  test(`aliases are settled anew for what changed: ${name}`, () => {
    const settler = createAliasSettler('none');
    settler.settle(many, reader);
    looked = [];
    const { models } = settler.settle(withEdits(many, edits, byName), reader);
    const of = (host: string) => models.find((model) => model.name === host)?.aliases;
    for (const [host, wanted] of Object.entries(aliases)) expect(of(host)).toEqual(wanted);
    expect(of('h30.test')).toEqual(['a30.test']);
    if (lookedAt !== undefined) expect([...new Set(looked)].toSorted()).toEqual(lookedAt);
  });
