import { redactBytes } from '../../../src/lib/redacted-bytes.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canaryModel, hostModel, modelOf, routeModel, upstreamModel } from '../../fixtures/models.ts';
import { naiveMatch } from '../../fixtures/naive-matcher.ts';
import { linkDeps, printMatch, wholeDelta } from '../../fixtures/routers.ts';
import type { CertificateModel, Model } from '../../../src/model/model.ts';
import { link } from '../../../src/proxy/router/link.ts';
import type { Change, TableDelta } from '../../../src/table/messages.ts';
import { DEFAULT_SETTINGS } from '../../../src/table/settings.ts';
import type { RouteTable } from '../../../src/table/table.ts';
import { compile, createCompiler } from '../../../src/controller/compile/compile.ts';
import { diffTables } from '../../../src/controller/publish/table-diff.ts';

const SOURCE = { kind: 'Secret', namespace: 'test', name: 'tls' };

function certificateModel(id: string): CertificateModel {
  const facts = {
    names: [],
    notBeforeMs: 0,
    notAfterMs: 0,
    serial: '',
    issuerCommonName: '',
    issuerOrganization: '',
    publicKeyAlgorithm: '',
  };
  return {
    id,
    certificate: `certificate ${id}`,
    key: redactBytes(Buffer.from(`key ${id}`)),
    source: SOURCE,
    facts,
  };
}

const path = fc.constantFrom('/', '/a', '/a/b', '/a/', '/b[0-9]');
const upstreamId = fc.constantFrom('u', 'v', 'w');
const route = fc
  .record({
    path,
    upstreamId,
    isCanaried: fc.boolean(),
    isRegex: fc.boolean(),
    readTimeoutMs: fc.constantFrom(1, 2),
  })
  .map(({ path, upstreamId, isCanaried, isRegex, readTimeoutMs }) =>
    routeModel(path, {
      upstreamId,
      canaries: isCanaried ? [canaryModel('w')] : [],
      policies: {
        rewrite: { isRegex },
        timeouts: { connectTimeoutMs: 1, sendTimeoutMs: 1, readTimeoutMs },
      },
    }),
  );
const host = fc
  .record({
    name: fc.constantFrom('_', 'a.t', 'b.t', 'c.t', '*.t'),
    routes: fc.uniqueArray(route, { selector: (item) => item.path, maxLength: 4 }),
    certificateId: fc.constantFrom(undefined, 'x', 'y'),
    aliases: fc.subarray(['z.t', '*.z.t']),
    policies: fc.constantFrom({}, {
      'auth-tls': { id: 'x', ca: 'x', verify: 'on', depth: 1, isCertificatePassed: false },
    } as const),
  })
  .map(({ name, routes, ...over }) => hostModel(name, routes, { ...over, certificateNames: over.aliases }));
const source = { kind: 'Controller', namespace: '', name: 'flags' };
const model: fc.Arbitrary<Model> = fc
  .record({
    hosts: fc.uniqueArray(host, { selector: ({ name }) => name, maxLength: 4 }),
    upstreams: fc.uniqueArray(
      fc.record({ id: upstreamId, algorithm: fc.constantFrom('round_robin', 'ewma') }),
      { selector: ({ id }) => id },
    ),
    certificates: fc.subarray(['x', 'y']),
    defaultCertificateId: fc.constantFrom('x', 'y'),
    tcpPorts: fc.subarray([5432, 6379]),
  })
  .map(({ hosts, upstreams, certificates, defaultCertificateId, tcpPorts }) =>
    modelOf(
      hosts,
      upstreams.map(({ id, algorithm }) => upstreamModel(id, { 'load-balance': { algorithm } })),
      {
        certificates: certificates.map(certificateModel),
        defaultCertificateId,
        listeners: tcpPorts.map((port) => ({ kind: 'tcp', name: `tcp-${port}`, host: '::', port, source })),
        streams: tcpPorts.map((port) => ({
          kind: 'tcp',
          listener: `tcp-${port}`,
          upstreamId: 'u',
          isProxyProtocolRead: false,
          isProxyProtocolSent: port === 6379,
          source,
        })),
      },
    ),
  );
const staples = fc
  .subarray(['c1', 'c2', 'c3'])
  .chain((ids) =>
    fc.tuple(
      ...ids.map((certificateId) =>
        fc
          .uint8Array({ minLength: 1, maxLength: 1, max: 2 })
          .map((response) => ({ certificateId, response, endsAtMs: response[0]! })),
      ),
    ),
  );
const table = fc
  .record({ model, generation: fc.nat(), httpsPort: fc.constantFrom(443, 8443), staples })
  .map(({ model, generation, httpsPort, staples }) => ({
    ...compile(model, { ...DEFAULT_SETTINGS, httpsPort }, generation),
    staples,
  }));

function applyChange<T>(entries: readonly T[], change: Change<T>, keyOf: (entry: T) => string): T[] {
  const next = new Map(entries.map((entry) => [keyOf(entry), entry]));
  for (const key of change.removed) expect(next.delete(key), `${key} was there`).toBe(true);
  for (const entry of change.set) next.set(keyOf(entry), entry);
  return [...next.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function applyDelta(from: RouteTable, delta: TableDelta): RouteTable {
  return {
    generation: delta.generation,
    hosts: applyChange(from.hosts, delta.hosts, ({ name }) => name),
    upstreams: applyChange(from.upstreams, delta.upstreams, ({ id }) => id),
    certificates: applyChange(from.certificates, delta.certificates, ({ id }) => id),
    staples:
      delta.staples === undefined
        ? from.staples
        : applyChange(from.staples, delta.staples, ({ certificateId }) => certificateId),
    listeners: delta.listeners ?? from.listeners,
    streams: delta.streams ?? from.streams,
    tls: delta.tls ?? from.tls,
    settings: delta.settings ?? from.settings,
  };
}

describe('diffTables', () => {
  test('what differs, applied to the one, is the other', () => {
    fc.assert(
      fc.property(table, table, (from, to) => {
        const delta = diffTables(from, to);
        if (delta === undefined) expect({ ...from, generation: to.generation }).toEqual(to);
        else expect(applyDelta(from, structuredClone(delta))).toEqual(to);
      }),
      { numRuns: 500 },
    );
  });

  test('equal models need nothing, whichever compiler made the tables', () => {
    fc.assert(
      fc.property(model, (from) => {
        const copy: Model = structuredClone(from);
        const before = compile(from, DEFAULT_SETTINGS, 1);
        expect(diffTables(before, compile(copy, { ...DEFAULT_SETTINGS }, 2))).toBeUndefined();
      }),
    );
  });

  test('a router brought there by deltas matches as one made at once', () => {
    fc.assert(
      fc.property(fc.array(model, { minLength: 2, maxLength: 5 }), (models) => {
        const compiler = createCompiler();
        const deps = linkDeps();
        const tables = models.map((each, i) => compiler.compile(each, DEFAULT_SETTINGS, i));
        let router = link(wholeDelta(tables[0]!), undefined, deps);
        for (let i = 1; i < tables.length; i++) {
          const delta = diffTables(tables[i - 1], tables[i]!);
          if (delta === undefined) continue;
          const before = router;
          router = link(structuredClone(delta), before, deps);
          const set = new Set(delta.hosts.set.map(({ name }) => name));
          for (const [name, host] of router.hosts) {
            const isKept =
              host.entry.digest !== '' &&
              !set.has(name) &&
              delta.upstreams.set.length === 0 &&
              before.hosts.has(name);
            if (isKept) expect(host).toBe(before.hosts.get(name));
          }
        }
        const last = models.at(-1)!;
        for (const name of ['a.t', 'b.t', 'q.t', 'z.t', 'q.z.t', 'other']) {
          for (const asked of ['/', '/a', '/a/', '/a/b', '/b1', '/B1x']) {
            const found = router.hostOf(name);
            const got = `${found.entry.name} ${printMatch(found.match(asked))}`;
            expect(got, `${name} ${asked}`).toBe(naiveMatch(last, name, asked));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
