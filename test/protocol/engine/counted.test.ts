import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCompiler } from '../../../src/controller/compile/compile.ts';
import { link } from '../../../src/proxy/router/link.ts';
import { DEFAULT_SETTINGS, type UndefinedHosts } from '../../../src/table/settings.ts';
import { hostModel, modelOf, routeModel } from '../../fixtures/models.ts';
import { linkDeps, wholeDelta } from '../../fixtures/routers.ts';
import { Bench } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const MODEL = modelOf([
  hostModel('a.test', [routeModel('/app/'), routeModel('/x')]),
  hostModel('_', [routeModel('/all')]),
]);

const cases: readonly {
  name: string;
  request: string;
  undefinedHosts?: UndefinedHosts;
  want: readonly string[];
}[] = [
  {
    name: 'an unmatched path of a known host: the host’s first Ingress, and the path /',
    request: 'GET /nowhere HTTP/1.1\r\nHost: a.test',
    want: ['404 test web - / a.test'],
  },
  {
    name: 'the redirect to the slash: no Ingress',
    request: 'GET /app HTTP/1.1\r\nHost: a.test',
    want: ['301 - - - - a.test'],
  },
  {
    name: 'a declared length above the limit: no Ingress',
    request: 'POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1048577',
    want: ['413 - - - - a.test'],
  },
  {
    name: 'a Service without endpoints: its Ingress',
    request: 'GET /x HTTP/1.1\r\nHost: a.test',
    want: ['503 test web web /x a.test'],
  },
  {
    name: 'a host that nobody configured: not at all',
    request: 'GET /all HTTP/1.1\r\nHost: b.test',
    want: [],
  },
  {
    name: 'a host that nobody configured, with --metrics-per-undefined-host: as the catch-all',
    request: 'GET /all HTTP/1.1\r\nHost: b.test',
    undefinedHosts: 'counted',
    want: ['503 test web web /all _'],
  },
  {
    name: 'a host that nobody configured, with --metrics-per-host=false: no Ingress',
    request: 'GET /all HTTP/1.1\r\nHost: b.test',
    undefinedHosts: 'nameless',
    want: ['503 - - - - _'],
  },
  {
    name: 'no host at all: as the catch-all',
    request: 'GET /all HTTP/1.0',
    want: ['503 test web web /all _'],
  },
];

describe('what a request is counted as (docs/reference/operation.md §2)', () => {
  for (const { name, request, undefinedHosts = 'uncounted', want } of cases) {
    test(name, async () => {
      const counted: string[] = [];
      const deps = linkDeps({
        metrics: {
          routeSeries: ({ namespace, ingress, service, path, host }) => ({
            observe: ({ status }) => {
              const names = [namespace, ingress, service, path, host].map((text) => text || '-');
              counted.push([status, ...names].join(' '));
            },
          }),
        },
      });
      const settings = { ...DEFAULT_SETTINGS, undefinedHosts };
      const router = link(wholeDelta(createCompiler().compile(MODEL, settings, 1)), undefined, deps);
      const served = await bench.serve(() => router);
      const client = await served.connect();
      client.send(`${request}\r\nConnection: close\r\n\r\n`);
      await client.ended();
      expect(counted).toEqual(want);
    });
  }
});
