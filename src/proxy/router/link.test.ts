import { describe, expect, test } from 'vitest';
import { canaryModel, hostModel, modelOf, routeModel } from '../../../test/fixtures/models.ts';
import { linkDeps, routerOf, wholeDelta } from '../../../test/fixtures/routers.ts';
import { createCompiler } from '../../controller/compile/compile.ts';
import { defineFeature, type Scope } from '../../features/kit/feature.ts';
import type { Filter } from '../../features/kit/filter.ts';
import type { RouteNames } from '../../lib/variables/source.ts';
import { Slots, type Slot } from '../../features/kit/slot.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import { link } from './link.ts';
import type { AnyFeature } from './link-route.ts';
import type { LinkedRoute, Router } from './linked.ts';

interface Named extends Filter {
  readonly of: string;
}

function feature(
  name: string,
  stage: 'host' | 'route' | 'access' | undefined,
  filter: Filter,
  scope: Scope = 'route',
) {
  return defineFeature({
    name,
    doc: '',
    scope,
    annotations: {},
    ...(stage === undefined ? {} : { stage }),
    translate: () => undefined,
    createFilter: (policy: { off?: boolean }): Named | undefined =>
      policy.off ? undefined : { of: name, ...filter },
  });
}

const onRequest = () => undefined;
const onResponse = () => {};

function routeOf(router: Router, host = 'h', path = '/'): LinkedRoute {
  const match = router.hostOf(host).match(path);
  if (match?.kind !== 'route') throw new Error(`no route for ${host}${path}`);
  return match;
}

function names(filters: readonly Filter[]): string[] {
  return filters.map((filter) => (filter as Named).of);
}

describe('link', () => {
  test('filters are in registry order in their stage, each hook in its own list', () => {
    const features: AnyFeature[] = [
      feature('host-wide', 'host', { onRequest }, 'host'),
      feature('access-first', 'access', { onRequest, onResponse }),
      feature('second', 'route', { onRequest, onResponse }),
      feature('unused', 'route', { onRequest }),
      feature('third', undefined, { onRequest, onDone: () => {} }),
      feature('absent', 'route', { onRequest }),
      feature('of-host', 'route', { onUpstreamRequest: () => {} }, 'host'),
    ];
    const route = routeModel('/', {
      policies: {
        third: {},
        second: {},
        'access-first': {},
        unused: { off: true },
        unknown: {},
        'host-wide': {},
      },
    });
    const model = modelOf([hostModel('h', [route], { policies: { 'host-wide': {}, 'of-host': {} } })]);
    const router = routerOf(model, linkDeps({ features }));
    const linked = routeOf(router);
    expect(names(router.hostOf('h').filters)).toEqual(['host-wide']);
    expect(names(linked.onRequest)).toEqual(['second', 'third']);
    expect(names(linked.onAccess)).toEqual(['access-first']);
    expect(names(linked.onResponse)).toEqual(['second', 'access-first']);
    expect(names(linked.onUpstreamRequest)).toEqual(['of-host']);
    expect(names(linked.onDone)).toEqual(['third']);
  });

  test('a route has its upstreams, decision and series resolved', () => {
    const asked: [RouteNames, string][] = [];
    const decide = defineFeature({
      name: 'canary',
      doc: '',
      scope: 'route',
      annotations: {},
      translate: () => undefined,
      createDecision: (policy: { weight: number }) => () => policy.weight === 0,
    });
    const deps = linkDeps({
      features: [decide],
      metrics: {
        routeSeries(labels, canary) {
          asked.push([labels, canary]);
          return { observe: () => {} };
        },
      },
    });
    const routes = [
      routeModel('/', { upstreamId: 'main', canaries: [canaryModel('next')] }),
      routeModel('/plain'),
    ];
    const router = routerOf(modelOf([hostModel('h', routes)]), deps);
    const linked = routeOf(router);
    expect(linked.upstream).toBe(deps.upstreamOf('main'));
    expect(linked.canaryUpstream).toBe(deps.upstreamOf('next'));
    expect(linked.decideCanary?.({} as never)).toBe(true);
    expect(linked.canarySeries).not.toBe(linked.series);
    const plain = routeOf(router, 'h', '/plain');
    expect([plain.canaryUpstream, plain.decideCanary]).toEqual([undefined, undefined]);
    expect(plain.canarySeries).toBe(plain.series);
    expect(asked.filter(([{ host }]) => host === 'h').map(([{ path }, canary]) => [path, canary])).toEqual([
      ['/plain', ''],
      ['/', ''],
      ['/', 'next'],
    ]);
  });

  test('equal ways to speak to an upstream share a wire key, others do not', () => {
    const tls = {
      isVerified: false,
      verifyDepth: 1,
      isSniSent: false,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
    } as const;
    const routes = [
      routeModel('/', { policies: { 'proxy-ssl': tls } }),
      routeModel('/a', { policies: { 'backend-protocol': { protocol: 'https' } } }),
      routeModel('/b', { policies: { 'backend-protocol': { protocol: 'https' }, 'proxy-ssl': { ...tls } } }),
      routeModel('/c', { policies: { 'backend-protocol': { protocol: 'auto' }, 'proxy-ssl': { ...tls } } }),
      routeModel('/d', {
        policies: { 'backend-protocol': { protocol: 'https' }, 'proxy-ssl': { ...tls, isSniSent: true } },
      }),
    ];
    const router = routerOf(modelOf([hostModel('h', routes)]));
    const [plain, bare, one, auto, sni] = ['/', '/a', '/b', '/c', '/d'].map((path) =>
      routeOf(router, 'h', path),
    );
    const http = { text: 'http/1.1', wire: 'http/1.1', isTls: false, tls: undefined, serverName: undefined };
    expect([plain!.wire, plain!.secureWire]).toEqual([http, http]);
    expect(auto!.wire).toEqual(http);
    expect(auto!.secureWire.text).toBe(one!.wire.text);
    expect(one!.wire.tls).toEqual(tls);
    expect(new Set([bare, one, sni].map((route) => route!.wire.text)).size).toBe(3);
  });

  test('gRPC is HTTP/2, with bodies as they come and without what is of HTTP alone', () => {
    const tls = {
      isVerified: true,
      verifyDepth: 1,
      isSniSent: false,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
    } as const;
    const filterOf = (name: string, isOfHttp?: true) =>
      defineFeature({
        name,
        doc: '',
        scope: 'route',
        annotations: {},
        ...(isOfHttp === undefined ? {} : { isOfHttp }),
        translate: () => undefined,
        createFilter: (): Filter => ({ onRequest }),
      });
    const features = [filterOf('any'), filterOf('http-only', true)];
    const more = { 'proxy-ssl': tls, any: {}, 'http-only': {} };
    const [plain, secure, http] = (['grpc', 'grpcs', 'http'] as const).map((protocol) => {
      const route = routeModel('/', { policies: { ...more, 'backend-protocol': { protocol } } });
      return routeOf(routerOf(modelOf([hostModel('h', [route])]), linkDeps({ features })));
    });
    expect([plain!.wire.text, plain!.secureWire.text]).toEqual(['h2', 'h2']);
    expect(secure!.wire).toBe(secure!.secureWire);
    expect(secure!.wire).toMatchObject({ wire: 'h2', isTls: true, tls });
    expect(plain!.body).toMatchObject({ isRequestBuffered: false, upstreamHttpMinor: 1 });
    expect(plain!.body.connectionHeader).toBeUndefined();
    expect(plain!.retry).toMatchObject({ conditions: ['error', 'timeout'], tries: 3 });
    expect([plain, secure, http].map((route) => route!.onRequest.length)).toEqual([1, 1, 2]);
  });

  test('filters of one request never share a slot, those of its host included', () => {
    const slots: Slot<string>[] = [];
    const keeper = (name: string, stage: 'host' | 'route', scope: Scope) =>
      defineFeature({
        name,
        doc: '',
        scope,
        annotations: {},
        stage,
        translate: () => undefined,
        createFilter: (_: object, { slot }): Filter => {
          slots.push(slot(), slot());
          return { onRequest };
        },
      });
    const features = [
      keeper('of-host', 'host', 'host'),
      keeper('one', 'route', 'route'),
      keeper('two', 'route', 'route'),
    ];
    const route = routeModel('/', { policies: { one: {}, two: {} } });
    routerOf(modelOf([hostModel('h', [route], { policies: { 'of-host': {} } })]), linkDeps({ features }));
    const request = { slots: new Slots() };
    for (const [index, slot] of slots.entries()) slot.set(request, String(index));
    expect(slots.map((slot) => slot.get(request))).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  test.each([
    [
      false,
      ['proxy', 'ssl-client-cert', 'ssl-client-verify', 'ssl-client-subject-dn', 'ssl-client-issuer-dn'],
    ],
    [true, ['proxy']],
  ])(
    'what only checks may say is withheld from copies and error pages; hops trusted: %s',
    (isTrusted, all) => {
      const features: AnyFeature[] = [
        feature('host-wide', 'host', { spokenHeaders: ['x-host'] }, 'host'),
        feature('check', 'access', { spokenHeaders: ['x-user'] }),
        feature('password', 'access', { isAuthorizationHidden: true }),
      ];
      const routes = [routeModel('/', { policies: { check: {}, password: {} } }), routeModel('/open')];
      const model = modelOf([
        hostModel('h', routes, { policies: { 'host-wide': {} } }),
        hostModel('i', routes.slice(1)),
      ]);
      const settings = { ...DEFAULT_SETTINGS, isForwardedTrusted: isTrusted };
      const router = link(
        wholeDelta(createCompiler().compile(model, settings, 1)),
        undefined,
        linkDeps({ features }),
      );
      const of = (host: string, path: string) => [...routeOf(router, host, path).withheldHeaders].toSorted();
      expect(of('h', '/')).toEqual([...all, 'x-host', 'x-user', 'authorization'].toSorted());
      expect(of('h', '/open')).toEqual([...all, 'x-host'].toSorted());
      expect(of('i', '/open')).toEqual(all.toSorted());
    },
  );

  test('what a feature throws names host, path and feature', () => {
    const broken = defineFeature({
      name: 'broken',
      doc: '',
      scope: 'route',
      annotations: {},
      translate: () => undefined,
      createFilter: (): Filter => {
        throw new Error('no');
      },
    });
    const model = modelOf([hostModel('h', [routeModel('/x', { policies: { broken: {} } })])]);
    expect(() => routerOf(model, linkDeps({ features: [broken] }))).toThrow('h|prefix|/x: broken: no');
  });

  test('new settings link every host again, without a change of its entry', () => {
    const seen: number[] = [];
    const port = defineFeature({
      name: 'port',
      doc: '',
      scope: 'route',
      annotations: {},
      translate: () => undefined,
      createFilter: (_: object, { settings }): Filter => {
        seen.push(settings.httpsPort);
        return { onRequest };
      },
    });
    const deps = linkDeps({ features: [port] });
    const model = modelOf([hostModel('h', [routeModel('/', { policies: { port: {} } })])]);
    const first = link(wholeDelta(createCompiler().compile(model, DEFAULT_SETTINGS, 1)), undefined, deps);
    const nothing = { set: [], removed: [] };
    const settings = { ...DEFAULT_SETTINGS, httpsPort: 8443 };
    const second = link(
      { generation: 2, hosts: nothing, upstreams: nothing, certificates: nothing, settings },
      first,
      deps,
    );
    expect(seen).toEqual([443, 8443]);
    expect([first.settings.httpsPort, second.settings.httpsPort]).toEqual([443, 8443]);
  });
});
