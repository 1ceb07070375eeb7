import { describe, expect, test } from 'vitest';
import { canaryModel, hostModel, modelOf, routeModel, upstreamModel } from '../../../test/fixtures/models.ts';
import { terminated } from '../../../test/fixtures/terminated.ts';
import type { HostModel, Model } from '../../model/model.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import type { HostEntry } from '../../table/table.ts';
import { compile, createCompiler } from './compile.ts';

function compileHost(host: HostModel, over: Partial<Model> = {}): HostEntry {
  return compile(modelOf([host], [], over), DEFAULT_SETTINGS, 1).hosts[0]!;
}

const digest = (over: Partial<HostModel>, path = '/a') =>
  compileHost(hostModel('h', [routeModel(path), routeModel('/b')], over)).digest;
const secured = (name: string, over: Partial<HostModel> = {}) =>
  hostModel(name, [], { certificateId: 'c', ...over });

describe('compile', () => {
  test('orders hosts, upstreams and certificates, whatever the model does', () => {
    const table = compile(
      modelOf(
        [hostModel('b', []), hostModel('*.a', []), hostModel('_', [])],
        [upstreamModel('z'), upstreamModel('a')],
      ),
      DEFAULT_SETTINGS,
      7,
    );
    expect(table.generation).toBe(7);
    expect(table.hosts.map(({ name }) => name)).toEqual(['*.a', '_', 'b']);
    expect(table.upstreams.map(({ id }) => id)).toEqual(['a', 'z']);
  });

  test('a route carries its place, labels and first canary', () => {
    const route = routeModel('/a', {
      pathType: 'exact',
      canaries: [canaryModel('first'), canaryModel('second')],
      deniedStatus: 503,
    });
    const [entry] = compileHost(hostModel('h', [route])).routes;
    expect(entry).toMatchObject({
      id: 'h|exact|/a',
      match: { kind: 'exact', value: '/a' },
      upstreamId: 'test-/a-80',
      canary: { upstreamId: 'first' },
      deniedStatus: 503,
      labels: { namespace: 'test', ingress: 'web', host: 'h', path: '/a' },
    });
  });

  test('a route that asks for more than a path is left out', () => {
    const host = hostModel('h', [routeModel('/a'), routeModel('/b'), routeModel('/c')]);
    const [a, b, c] = host.routes;
    const parts = [{ upstreamId: 'x', weight: 1 }];
    const routes = [
      a!,
      { ...b!, match: { ...b!.match, method: 'GET' } },
      { ...c!, backend: { kind: 'weighted', parts } as const },
    ];
    expect(compileHost({ ...host, routes }).routes.map(({ path }) => path)).toEqual(['/a']);
  });

  test('what is the same object in the next model is not compiled again', () => {
    const compiler = createCompiler();
    const kept = hostModel('kept', [routeModel('/')]);
    const upstream = upstreamModel('u');
    const first = compiler.compile(modelOf([kept, hostModel('gone', [])], [upstream]), DEFAULT_SETTINGS, 1);
    const second = compiler.compile(modelOf([hostModel('new', []), kept], [upstream]), DEFAULT_SETTINGS, 2);
    expect(second.hosts.find(({ name }) => name === 'kept')).toBe(
      first.hosts.find(({ name }) => name === 'kept'),
    );
    expect(second.upstreams[0]).toBe(first.upstreams[0]);
  });

  test('equal hosts have equal digests, any difference another one', () => {
    const plain = digest({});
    expect(digest({})).toBe(plain);
    const others = [
      digest({}, '/c'),
      digest({ aliases: ['x'] }),
      digest({ policies: { 'app-root': { path: '/x' } } }),
      digest({ routes: [routeModel('/a', { policies: { cors: { isEnabled: true } } }), routeModel('/b')] }),
      digest({ certificateId: 'c' }),
    ];
    expect(new Set([plain, ...others]).size).toBe(others.length + 1);
  });

  test('of the source of a host its Ingress counts for the digest, as requests are counted by it, and nothing else', () => {
    const source = { kind: 'Ingress', namespace: 'test', name: 'web', field: 'spec.rules[1]', uid: 'u' };
    const other = { ...source, name: 'x' };
    expect(compileHost(hostModel('h', [], { source: other })).digest).not.toBe(
      compileHost(hostModel('h', [])).digest,
    );
    expect(compileHost(hostModel('h', [], { source })).digest).toBe(compileHost(hostModel('h', [])).digest);
  });

  test('a regex path that cannot be used is left out alone, and the host stays one of regexes', () => {
    const policies = { rewrite: { isRegex: true } };
    const host = compileHost(
      hostModel('h', [routeModel('/a(', { policies }), routeModel('/b', { policies })]),
    );
    expect(host.isRegex).toBe(true);
    expect(host.routes.map(({ path }) => path)).toEqual(['/b']);
  });

  test('regex aliases are converted, those that cannot be are left out', () => {
    const host = compileHost(hostModel('h', [], { aliases: ['~^(?P<x>a)\\.', '~(', 'plain'] }));
    expect(host.aliases).toEqual(['~^(?<x>[Aa])\\.', 'plain']);
  });
});

describe('certificates (docs/reference/routing.md §7, docs/reference/annotations.md §2.2)', () => {
  test('names of hosts and covered aliases, a host before an alias, never the bare catch-all', () => {
    const { tls } = compile(
      modelOf([
        secured('a.t', { aliases: ['b.t', 'z.t'], certificateNames: ['b.t'] }),
        secured('b.t', { certificateId: 'd' }),
        secured('_', { aliases: ['q.t'], certificateNames: ['q.t'] }),
        hostModel('plain.t', []),
      ]),
      DEFAULT_SETTINGS,
      1,
    );
    expect(tls).toEqual({
      names: terminated([
        ['a.t', 'c'],
        ['b.t', 'd'],
        ['q.t', 'c'],
      ]),
      defaultCertificateId: 'default',
    });
  });

  test('every name of the host has its certificate, and a name that is passed through has none', () => {
    const model = modelOf([
      secured('a.t', { aliases: ['b.t'], certificateNames: ['b.t'] }),
      hostModel('p.t', []),
    ]);
    const { tls, hosts } = compile(
      { ...model, tlsNames: [...model.tlsNames, { kind: 'passthrough', name: 'p.t' }] },
      DEFAULT_SETTINGS,
      1,
    );
    expect(tls.names).toEqual([
      { kind: 'terminate', name: 'a.t', certificateId: 'c' },
      { kind: 'terminate', name: 'b.t', certificateId: 'c' },
      { kind: 'passthrough', name: 'p.t' },
    ]);
    expect(hosts.map(({ hasCertificate }) => hasCertificate)).toEqual([true, false]);
  });

  test('a name has a certificate by itself or by its wildcard form', () => {
    const model = modelOf([
      secured('*.w.t'),
      hostModel('x.w.t', [], { aliases: ['y.w.t', 'other.t'] }),
      hostModel('x.y.w.t', []),
      secured('_'),
    ]);
    const { hosts } = compile(model, DEFAULT_SETTINGS, 1);
    expect(
      hosts.map(({ name, hasCertificate, certificateNames }) => [name, hasCertificate, certificateNames]),
    ).toEqual([
      ['*.w.t', true, []],
      ['_', false, []],
      ['x.w.t', true, ['y.w.t']],
      ['x.y.w.t', false, []],
    ]);
  });

  test('a host is compiled anew when its certificate comes from elsewhere', () => {
    const compiler = createCompiler();
    const host = hostModel('x.w.t', []);
    const hasCertificate = (others: HostModel[]) =>
      compiler
        .compile(modelOf([host, ...others]), DEFAULT_SETTINGS, 1)
        .hosts.find(({ name }) => name === 'x.w.t')!.hasCertificate;
    expect([hasCertificate([]), hasCertificate([secured('*.w.t')]), hasCertificate([])]).toEqual([
      false,
      true,
      false,
    ]);
  });
});
