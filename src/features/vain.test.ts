import { describe, expect, test } from 'vitest';
import type { AnnotationSpecs, Feature } from './kit/feature.ts';
import { translateWith } from './kit/testing.ts';
import type { Vain } from './kit/feature.ts';
import type { Place } from './kit/place.ts';
import { features } from './registry.ts';

interface Case {
  readonly name: string;
  readonly annotations: Record<string, string>;
  readonly settings?: Record<string, string>;
  readonly place?: Partial<Place>;
  /** `severity annotation`; none: all of them have an effect. */
  readonly vain: readonly string[];
}

const path = (text: string, isExact = false) => ({ path: text, isExact });
const paths = (...texts: string[]) => ({ paths: texts.map((text) => path(text)) });
const sticky = { affinity: 'cookie' };
const tls = { 'backend-protocol': 'https' };
const redirected = { 'permanent-redirect': 'https://b.test' };
const canary = { canary: 'true', 'canary-weight': '10' };
const warning = (name: string) => `warning ${name}`;

const cases: readonly Case[] = [
  // auth-tls
  {
    name: 'client certificates without a CA',
    annotations: { 'auth-tls-verify-client': 'optional', 'auth-tls-verify-depth': '2' },
    vain: ['error auth-tls-verify-client', warning('auth-tls-verify-depth')],
  },
  // basic-auth
  {
    name: 'users without auth-type',
    annotations: { 'auth-secret': 'users', 'auth-secret-type': 'auth-map', 'auth-realm': 'x' },
    vain: [warning('auth-realm'), 'error auth-secret', warning('auth-secret-type')],
  },
  {
    name: 'users of a route that redirects',
    annotations: { ...redirected, 'auth-type': 'basic', 'auth-secret': 'users' },
    vain: ['error auth-type'],
  },
  // jwt
  {
    name: 'tokens for a route that redirects',
    annotations: { ...redirected, 'serin.dev/jwt-issuer': 'https://id.test' },
    vain: ['error serin.dev/jwt-issuer'],
  },
  {
    name: 'an address or a token',
    annotations: { satisfy: 'any', 'serin.dev/jwt-issuer': 'https://id.test' },
    vain: [],
  },
  // affinity
  {
    name: 'session settings without affinity',
    annotations: {
      'session-cookie-name': 's',
      'session-cookie-samesite': 'Lax',
      'affinity-mode': 'persistent',
    },
    vain: ['affinity-mode', 'session-cookie-name', 'session-cookie-samesite'].map(warning),
  },
  { name: 'defaults without affinity', annotations: { 'affinity-mode': 'balanced' }, vain: [] },
  { name: 'affinity', annotations: { ...sticky, 'session-cookie-name': 's' }, vain: [] },
  {
    name: 'sessions on a regular expression without a cookie path',
    annotations: { ...sticky, 'use-regex': 'true' },
    place: paths('/app(/|$)(.*)'),
    vain: [warning('affinity')],
  },
  {
    name: 'sessions on a rewritten regular expression without a cookie path',
    annotations: { ...sticky, 'rewrite-target': '/$2' },
    place: paths('/app(/|$)(.*)'),
    vain: [warning('affinity')],
  },
  {
    name: 'sessions on a regular expression with a cookie path',
    annotations: { ...sticky, 'use-regex': 'true', 'session-cookie-path': '/app' },
    place: paths('/app(/|$)(.*)'),
    vain: [],
  },
  {
    name: 'a cookie path beside the paths',
    annotations: { ...sticky, 'session-cookie-path': '/other' },
    place: paths('/app', '/apps'),
    vain: [warning('session-cookie-path')],
  },
  {
    name: 'a cookie path that ends within a segment',
    annotations: { ...sticky, 'session-cookie-path': '/ap' },
    place: paths('/app'),
    vain: [warning('session-cookie-path')],
  },
  {
    name: 'a cookie path above and one below a path',
    annotations: { ...sticky, 'session-cookie-path': '/app/v1' },
    place: paths('/app', '/app/v1/users'),
    vain: [],
  },
  {
    name: 'a cookie path below an exact path',
    annotations: { ...sticky, 'session-cookie-path': '/app/v1' },
    place: { paths: [path('/app', true)] },
    vain: [warning('session-cookie-path')],
  },
  {
    name: 'a cookie path beside a regular expression',
    annotations: { ...sticky, 'use-regex': 'true', 'session-cookie-path': '/other' },
    place: paths('/app/.*'),
    vain: [warning('session-cookie-path')],
  },
  {
    name: 'a cookie domain of somebody else',
    annotations: { ...sticky, 'session-cookie-domain': 'b.test' },
    vain: [warning('session-cookie-domain')],
  },
  {
    name: 'a cookie domain of a wildcard host',
    annotations: { ...sticky, 'session-cookie-domain': '.a.test' },
    place: { hosts: ['*.a.test'] },
    vain: [],
  },
  {
    name: 'a cookie domain that a host ends with by chance',
    annotations: { ...sticky, 'session-cookie-domain': 'test.test' },
    place: { hosts: ['mytest.test'] },
    vain: [warning('session-cookie-domain')],
  },
  {
    name: 'a cookie that expires at once',
    annotations: { ...sticky, 'session-cookie-max-age': '0' },
    vain: [warning('session-cookie-max-age')],
  },
  {
    name: 'a condition on SameSite=None without it',
    annotations: { ...sticky, 'session-cookie-conditional-samesite-none': 'true' },
    vain: [warning('session-cookie-conditional-samesite-none')],
  },
  {
    name: 'Secure that is not taken away',
    annotations: { ...sticky, 'session-cookie-secure': 'false' },
    vain: [warning('session-cookie-secure')],
  },
  // body
  {
    name: 'keep-alive over HTTP/1.0',
    annotations: { 'connection-proxy-header': 'keep-alive', 'proxy-http-version': '1.0' },
    vain: [warning('connection-proxy-header')],
  },
  // canary
  {
    name: 'a value without a header',
    annotations: { ...canary, 'canary-by-header-value': 'x' },
    vain: [warning('canary-by-header-value')],
  },
  {
    name: 'a pattern beside a value',
    annotations: {
      ...canary,
      'canary-by-header': 'x',
      'canary-by-header-value': 'x',
      'canary-by-header-pattern': 'y',
    },
    vain: [warning('canary-by-header-pattern')],
  },
  {
    name: 'a total without a weight',
    annotations: { canary: 'true', 'canary-by-header': 'x', 'canary-weight-total': '1000' },
    vain: [warning('canary-weight-total')],
  },
  {
    name: 'a total below 100',
    annotations: { ...canary, 'canary-weight-total': '10' },
    vain: [warning('canary-weight-total')],
  },
  { name: 'a canary without a criterion', annotations: { canary: 'true' }, vain: [warning('canary')] },
  {
    name: 'a canary at rest, as rollouts leave it',
    annotations: { canary: 'true', 'canary-weight': '0', 'canary-weight-total': '1000' },
    vain: [],
  },
  {
    name: 'the sessions of a canary on a main Ingress',
    annotations: { 'affinity-canary-behavior': 'legacy' },
    vain: [warning('affinity-canary-behavior')],
  },
  // cors
  {
    name: 'CORS settings without CORS',
    annotations: { 'cors-allow-origin': 'https://b.test', 'cors-max-age': '5' },
    vain: ['cors-allow-origin', 'cors-max-age'].map(warning),
  },
  {
    name: 'credentials with every origin',
    annotations: { 'enable-cors': 'true', 'cors-allow-credentials': 'true' },
    vain: [warning('cors-allow-credentials')],
  },
  {
    name: 'credentials with one origin',
    annotations: {
      'enable-cors': 'true',
      'cors-allow-origin': 'https://b.test',
      'cors-allow-credentials': 'true',
    },
    vain: [],
  },
  // external-auth
  {
    name: 'questions without anybody to ask',
    annotations: {
      'auth-method': 'HEAD',
      'auth-signin': 'https://in.test/',
      'auth-response-headers': 'X-User',
      'auth-proxy-set-headers': 'a/headers',
      'auth-request-redirect': '/',
      'auth-cache-key': '$host',
      'auth-always-set-cookie': 'true',
    },
    vain: [
      'auth-always-set-cookie',
      'auth-cache-key',
      'auth-method',
      'auth-proxy-set-headers',
      'auth-request-redirect',
      'auth-response-headers',
      'auth-signin',
    ].map((name) => (name === 'auth-response-headers' ? `error ${name}` : warning(name))),
  },
  {
    name: 'what belongs to a sign-in and to a cache that there are not',
    annotations: {
      'auth-url': 'http://auth.test/',
      'auth-signin-redirect-param': 'to',
      'auth-cache-duration': '200 1m',
    },
    vain: [warning('auth-cache-duration'), warning('auth-signin-redirect-param')],
  },
  {
    name: 'authentication behind a redirect',
    annotations: { ...redirected, 'auth-url': 'http://auth.test/' },
    vain: ['error auth-url'],
  },
  {
    name: 'global authentication that there is not',
    annotations: { 'enable-global-auth': 'true' },
    vain: ['error enable-global-auth'],
  },
  {
    name: 'no global authentication, as there is none',
    annotations: { 'enable-global-auth': 'false' },
    vain: [],
  },
  // health-check
  {
    name: 'an interval of no checks',
    annotations: { 'upstream-health-check-interval': '5' },
    vain: [warning('upstream-health-check-interval')],
  },
  // ip-access
  {
    name: 'an allow list behind a redirect',
    annotations: { ...redirected, 'allowlist-source-range': '10.0.0.0/8' },
    vain: ['error allowlist-source-range'],
  },
  {
    name: 'an allow list that the deny list covers',
    annotations: {
      'allowlist-source-range': '10.1.0.0/16, 2001:db8::1',
      'denylist-source-range': '10.0.0.0/8, 2001:db8::/32',
    },
    vain: [warning('allowlist-source-range')],
  },
  {
    name: 'an allow list that the deny list has a part of',
    annotations: { 'allowlist-source-range': '10.0.0.0/8', 'denylist-source-range': '10.1.0.0/16' },
    vain: [],
  },
  // limit-rate, limits
  {
    name: 'limits behind a redirect',
    annotations: {
      ...redirected,
      'limit-rps': '5',
      'limit-connections': '5',
      'limit-allowlist': '10.0.0.0/8',
      'limit-rate': '5',
    },
    vain: [warning('limit-allowlist'), 'error limit-connections', warning('limit-rate'), 'error limit-rps'],
  },
  {
    name: 'limits below 0',
    annotations: { 'limit-rps': '-5', 'limit-rpm': '-1', 'limit-connections': '-1', 'limit-rate': '-1' },
    vain: ['error limit-connections', warning('limit-rate'), 'error limit-rpm', 'error limit-rps'],
  },
  {
    name: 'a burst and a list of no limit',
    annotations: { 'limit-burst-multiplier': '2', 'limit-allowlist': '10.0.0.0/8', 'limit-rate-after': '5' },
    vain: ['limit-allowlist', 'limit-burst-multiplier', 'limit-rate-after'].map(warning),
  },
  {
    name: 'a burst of connections',
    annotations: {
      'limit-connections': '5',
      'limit-burst-multiplier': '2',
      'limit-allowlist': '10.0.0.0/8',
    },
    vain: [warning('limit-burst-multiplier')],
  },
  {
    name: 'what is free of the rate of the ConfigMap',
    annotations: { 'limit-rate-after': '5' },
    settings: { 'limit-rate': '5' },
    vain: [],
  },
  { name: 'limits that are off', annotations: { 'limit-rps': '0', 'limit-rate': '0' }, vain: [] },
  // opentelemetry
  {
    name: 'spans without the annotation that asks for them',
    annotations: { 'opentelemetry-operation-name': 'x', 'opentelemetry-trust-incoming-span': 'false' },
    settings: { 'enable-opentelemetry': 'true', 'otlp-collector-host': 'c.test' },
    vain: ['opentelemetry-operation-name', 'opentelemetry-trust-incoming-span'].map(warning),
  },
  {
    name: 'spans without a collector',
    annotations: { 'enable-opentelemetry': 'true', 'opentelemetry-operation-name': 'x' },
    vain: [warning('enable-opentelemetry')],
  },
  // error-pages
  {
    name: 'an exception from error pages that nobody asks for',
    annotations: { 'disable-proxy-intercept-errors': 'true', 'default-backend': 'pages' },
    vain: [warning('disable-proxy-intercept-errors')],
  },
  {
    name: 'an exception from the ConfigMap’s error pages',
    annotations: { 'disable-proxy-intercept-errors': 'true' },
    settings: { 'custom-http-errors': '404' },
    vain: [],
  },
  // mirror
  {
    name: 'what copies are to be like without copies',
    annotations: { 'mirror-host': 'b.test', 'mirror-request-body': 'off' },
    vain: ['mirror-host', 'mirror-request-body'].map(warning),
  },
  {
    name: 'copies of what is redirected',
    annotations: { ...redirected, 'mirror-target': 'http://b.test' },
    vain: [warning('mirror-target')],
  },
  // load-balance
  {
    name: 'a hash of a constant',
    annotations: { 'upstream-hash-by': 'request_uri' },
    vain: [warning('upstream-hash-by')],
  },
  { name: 'a hash', annotations: { 'upstream-hash-by': '${host}-x' }, vain: [] },
  {
    name: 'a hash and an algorithm beside affinity',
    annotations: { ...sticky, 'upstream-hash-by': '$host', 'load-balance': 'ewma' },
    vain: ['load-balance', 'upstream-hash-by'].map(warning),
  },
  {
    name: 'an algorithm beside a hash',
    annotations: { 'upstream-hash-by': '$host', 'load-balance': 'ewma' },
    vain: [warning('load-balance')],
  },
  {
    name: 'a slow start of hashes',
    annotations: { 'load-balance': 'source_hash', 'load-balance-slow-start': '5' },
    vain: [warning('load-balance-slow-start')],
  },
  {
    name: 'subsets without a hash',
    annotations: { 'upstream-hash-by-subset': 'true', 'upstream-hash-by-subset-size': '5' },
    vain: ['upstream-hash-by-subset', 'upstream-hash-by-subset-size'].map(warning),
  },
  {
    name: 'a size of no subsets',
    annotations: { 'upstream-hash-by': '$host', 'upstream-hash-by-subset-size': '5' },
    vain: [warning('upstream-hash-by-subset-size')],
  },
  {
    name: 'a bound on no hash',
    annotations: { 'upstream-hash-by-balance-factor': '125' },
    vain: [warning('upstream-hash-by-balance-factor')],
  },
  {
    name: 'a bound on a hash',
    annotations: { 'load-balance': 'destination_hash', 'upstream-hash-by-balance-factor': '125' },
    vain: [],
  },
  {
    name: 'a time for no failures',
    annotations: { 'upstream-max-fails': '0', 'upstream-fail-timeout': '5' },
    vain: [warning('upstream-fail-timeout')],
  },
  // logging
  {
    name: 'a log that is off everywhere',
    annotations: { 'enable-access-log': 'true' },
    settings: { 'disable-access-log': 'true' },
    vain: [warning('enable-access-log')],
  },
  // proxy-cookie, proxy-redirect
  {
    name: 'a cookie domain replaced by itself',
    annotations: { 'proxy-cookie-domain': 'a.test a.test' },
    vain: [warning('proxy-cookie-domain')],
  },
  {
    name: 'a cookie path replaced by itself',
    annotations: { 'proxy-cookie-path': '/a /a' },
    vain: [warning('proxy-cookie-path')],
  },
  {
    name: 'a cookie path that is none',
    annotations: { 'proxy-cookie-path': '/a b' },
    vain: [warning('proxy-cookie-path')],
  },
  {
    name: 'a redirect from without to',
    annotations: { 'proxy-redirect-from': 'http://b.test/' },
    vain: [warning('proxy-redirect-from')],
  },
  {
    name: 'a redirect to without from',
    annotations: { 'proxy-redirect-to': '/' },
    vain: [warning('proxy-redirect-to')],
  },
  {
    name: 'a redirect to where it came from',
    annotations: { 'proxy-redirect-from': '/a', 'proxy-redirect-to': '/a' },
    vain: [warning('proxy-redirect-to')],
  },
  // proxy-ssl
  {
    name: 'verification without a Secret',
    annotations: { ...tls, 'proxy-ssl-verify': 'on', 'proxy-ssl-name': 'b.test' },
    vain: ['warning proxy-ssl-name', 'error proxy-ssl-verify'],
  },
  { name: 'no verification without a Secret', annotations: { ...tls, 'proxy-ssl-verify': 'off' }, vain: [] },
  {
    name: 'a Secret without TLS',
    annotations: { 'proxy-ssl-secret': 'a/tls', 'proxy-ssl-verify': 'on' },
    vain: ['error proxy-ssl-secret', 'error proxy-ssl-verify'],
  },
  {
    name: 'depth and name of nothing',
    annotations: {
      ...tls,
      'proxy-ssl-secret': 'a/tls',
      'proxy-ssl-verify-depth': '3',
      'proxy-ssl-name': 'b',
    },
    vain: ['proxy-ssl-name', 'proxy-ssl-verify-depth'].map(warning),
  },
  {
    name: 'settings of HTTP where gRPC is spoken',
    annotations: {
      'backend-protocol': 'grpc',
      'proxy-next-upstream': 'http_503',
      'proxy-next-upstream-tries': '5',
      'proxy-request-buffering': 'off',
      'proxy-buffer-size': '16k',
      'proxy-redirect-from': '/a',
      'proxy-redirect-to': '/b',
      'proxy-cookie-path': '/a /b',
      'proxy-read-timeout': '600',
      'proxy-body-size': '0',
    },
    vain: [
      'proxy-buffer-size',
      'proxy-cookie-path',
      'proxy-next-upstream',
      'proxy-next-upstream-tries',
      'proxy-redirect-from',
      'proxy-redirect-to',
      'proxy-request-buffering',
    ].map(warning),
  },
  // redirect
  {
    name: 'a permanent redirect beside a temporal one',
    annotations: { ...redirected, 'temporal-redirect': 'http://c.test' },
    vain: [warning('permanent-redirect')],
  },
  {
    name: 'codes without redirects',
    annotations: { 'temporal-redirect-code': '302', 'permanent-redirect-code': '308' },
    vain: ['permanent-redirect-code', 'temporal-redirect-code'].map(warning),
  },
  {
    name: 'a code of no permanent redirect',
    annotations: { ...redirected, 'permanent-redirect-code': '200' },
    vain: [warning('permanent-redirect-code')],
  },
  {
    name: 'a code of no temporal redirect',
    annotations: { 'temporal-redirect': 'http://b.test', 'temporal-redirect-code': '308' },
    vain: [warning('temporal-redirect-code')],
  },
  {
    name: 'a redirect of a default backend without rules',
    annotations: { ...redirected, 'upstream-vhost': 'b.test' },
    place: { isDefaultBackendOnly: true, hosts: [], paths: [] },
    vain: [warning('permanent-redirect')],
  },
  // retry
  {
    name: 'tries without conditions',
    annotations: { 'proxy-next-upstream': 'off', 'proxy-next-upstream-tries': '5' },
    vain: [warning('proxy-next-upstream-tries')],
  },
  {
    name: 'conditions beside off',
    annotations: { 'proxy-next-upstream': 'error off' },
    vain: [warning('proxy-next-upstream')],
  },
  {
    name: 'methods without conditions',
    annotations: { 'proxy-next-upstream': 'non_idempotent' },
    vain: [warning('proxy-next-upstream')],
  },
  {
    name: 'conditions for one try',
    annotations: { 'proxy-next-upstream': 'http_502', 'proxy-next-upstream-tries': '1' },
    vain: [warning('proxy-next-upstream')],
  },
  // rewrite
  {
    name: 'a prefix without a rewrite',
    annotations: { 'x-forwarded-prefix': '/a' },
    vain: [warning('x-forwarded-prefix')],
  },
  {
    name: 'a rewrite behind a redirect',
    annotations: { ...redirected, 'rewrite-target': '/a', 'upstream-vhost': 'b.test' },
    vain: ['rewrite-target', 'upstream-vhost'].map(warning),
  },
  {
    name: 'a rewrite to the path itself',
    annotations: { 'rewrite-target': '/', 'x-forwarded-prefix': '/a' },
    vain: ['rewrite-target', 'x-forwarded-prefix'].map(warning),
  },
  {
    name: 'a rewrite of one of two paths',
    annotations: { 'rewrite-target': '/' },
    place: paths('/', '/a'),
    vain: [],
  },
  // ssl-redirect
  {
    name: 'an https redirect that is off and forced',
    annotations: { 'ssl-redirect': 'false', 'force-ssl-redirect': 'true' },
    vain: [warning('ssl-redirect')],
  },
  {
    name: 'an https redirect of what is redirected anyhow',
    annotations: { ...redirected, 'force-ssl-redirect': 'true' },
    vain: [warning('force-ssl-redirect')],
  },
  {
    name: 'a slash of no https redirect',
    annotations: { 'ssl-redirect': 'false', 'preserve-trailing-slash': 'true' },
    vain: [warning('preserve-trailing-slash')],
  },
  // satisfy
  { name: 'any of nothing', annotations: { satisfy: 'any' }, vain: [warning('satisfy')] },
  { name: 'all of nothing, which is the default', annotations: { satisfy: 'all' }, vain: [] },
  {
    name: 'any of a list of the ConfigMap',
    annotations: { satisfy: 'any' },
    settings: { 'block-cidrs': '192.0.2.0/24' },
    vain: [],
  },
  // www-redirect
  {
    name: 'www of a wildcard',
    annotations: { 'from-to-www-redirect': 'true' },
    place: { hosts: ['*.a.test'] },
    vain: [warning('from-to-www-redirect')],
  },
  {
    name: 'www beside a redirect without a target',
    annotations: { 'from-to-www-redirect': 'true', 'permanent-redirect': '' },
    vain: [warning('from-to-www-redirect')],
  },
];

function vainOf({ annotations, settings, place }: Case): string[] {
  const all = features.flatMap((feature) => translateWith(feature, annotations, { settings, place }).vain);
  return all
    .filter((text) => !text.includes('which is not there for host;'))
    .map((text) => text.replace(/^(\w+) metadata\.annotations\[([^\]]+)\].*$/, '$1 $2'))
    .toSorted((a, b) => (a.split(' ')[1]! < b.split(' ')[1]! ? -1 : 1));
}

describe('an annotation that has no effect where it stands is told', () => {
  for (const one of cases) test(one.name, () => expect(vainOf(one)).toEqual(one.vain));
});

test('every reason that a feature declares has a case', () => {
  const told = new Set(
    cases.flatMap(({ annotations, settings, place }) =>
      features.flatMap((feature) =>
        translateWith(feature, annotations, { settings, place }).vain.map(
          (text) => `${feature.name}: ${text}`,
        ),
      ),
    ),
  );
  const missing = features.flatMap((feature: Feature) =>
    (feature.vain ?? [])
      .filter(({ problem }: Vain<AnnotationSpecs>) => {
        const isTold = (text: string) =>
          text.startsWith(`${feature.name}: `) && text.includes(` ${problem}; `);
        return ![...told].some(isTold);
      })
      .map(({ problem }) => `${feature.name}: ${problem}`),
  );
  // Only translation knows which hosts have no certificate.
  expect(missing).toEqual(['ssl-redirect: counts only together with spec.tls, which is not there for host']);
});
