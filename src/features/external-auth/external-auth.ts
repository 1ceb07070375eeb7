import { isIP } from 'node:net';
import { parseNamespacedName } from '../../lib/namespaced-name.ts';
import { parseGoBool, splitList } from '../../lib/nginx-values.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { EXEMPT_BY_DEFAULT, readExemptPaths } from '../kit/exempt-paths.ts';
import {
  defineFeature,
  LIST_LENGTH_MAX,
  type ConfigMapKey,
  type Parser,
  type TranslateContext,
} from '../kit/feature.ts';
import { reportUnknownVariables } from '../kit/unknown-variables.ts';
import { isRedirected } from '../kit/vain.ts';
import { basic, bool, listOf, nginxvar, oneOf, plainText, url, urlvar, where } from '../kit/values.ts';
import { createAuthFilter, type AuthUpstream, type ExternalAuthPolicy } from './auth-filter.ts';
import { parseAuthUrl } from './auth-url.ts';
import { cacheDurations, DEFAULT_DURATIONS, type CacheDuration } from './cache-life.ts';
import { signInTemplate } from './sign-in.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE'] as const;
const NAME = /^[A-Za-z0-9_-]+$/;
const header = where(plainText, (name) => NAME.test(name), 'is no header name');

/** What of auth-url is asked how, from annotations or from the ConfigMap. */
interface Wanted {
  readonly url: string;
  /** Where it is written, for findings. */
  readonly field: string;
  readonly method: string | undefined;
  readonly signIn: string | undefined;
  readonly signInParameter: string;
  readonly responseHeaders: readonly string[];
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly requestRedirect: string | undefined;
  readonly cacheKey: string | undefined;
  readonly durations: readonly CacheDuration[];
  readonly isCookieAlwaysSet: boolean;
}

/** A ConfigMap key beside `global-auth-url`. */
function ofAll(doc: string, parse: Parser<unknown>): ConfigMapKey {
  return { doc, parse, onInvalid: 'default' };
}

/** Whether a request may come in, asked of a server of the author's or of the cluster's (docs/reference/annotations.md §5.2). */
export const externalAuth = defineFeature({
  name: 'external-auth',
  doc: 'An authentication server is asked about each request: 2xx lets it in, 401 and 403 are passed on, all else is a 500.',
  scope: 'route',
  stage: 'access',
  annotations: {
    'auth-url': {
      parse: urlvar,
      parseUnchecked: plainText,
      risk: 'high',
      onInvalid: 'drop',
      isProtection: true,
      doc: 'Whom to ask. May hold variables; in its host `$host`, `$namespace` and `$ingress_name` only.',
    },
    'auth-method': {
      parse: oneOf(METHODS),
      risk: 'low',
      onInvalid: 'deny',
      doc: 'Method of the question; without it GET.',
    },
    'auth-signin': {
      parse: urlvar,
      parseUnchecked: plainText,
      risk: 'high',
      onInvalid: 'default',
      doc: 'Where a browser is sent on a 401, with a parameter that leads back. May hold variables.',
    },
    'auth-signin-redirect-param': {
      parse: url,
      risk: 'medium',
      onInvalid: 'default',
      fallback: 'rd',
      doc: 'Name of that parameter.',
    },
    'auth-response-headers': {
      parse: listOf(header),
      maxLength: LIST_LENGTH_MAX,
      risk: 'medium',
      onInvalid: 'deny',
      isProtection: true,
      doc: 'Headers of the answer that the backend gets in place of the client’s own.',
    },
    'auth-proxy-set-headers': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'default',
      doc: '`[namespace/]name` of a ConfigMap: headers for the authentication server. Values may hold variables.',
    },
    'auth-request-redirect': {
      parse: url,
      parseUnchecked: plainText,
      risk: 'medium',
      onInvalid: 'deny',
      doc: 'Value of X-Auth-Request-Redirect in the question; without it the target of the request.',
    },
    'auth-cache-key': {
      parse: nginxvar,
      parseUnchecked: plainText,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Answers are remembered by this text with variables.',
    },
    'auth-cache-duration': {
      parse: cacheDurations,
      risk: 'medium',
      onInvalid: 'deny',
      fallback: DEFAULT_DURATIONS,
      doc: 'How long, by status: `200 202 10m, 401 1m`; without it `200 202 401 5m`.',
    },
    'auth-always-set-cookie': {
      parse: bool,
      risk: 'low',
      onInvalid: 'deny',
      fallback: false,
      doc: 'Cookies of the answer are set on every response, errors included.',
    },
    'enable-global-auth': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: true,
      isProtection: true,
      doc: '`false` exempts the routes from `global-auth-url`.',
    },
  },
  configMapKeys: {
    'global-auth-url': {
      doc: 'auth-url of all routes without one of their own, and without `enable-global-auth: "false"`.',
      parse: where(plainText, (text) => /^https?:\/\//i.test(text), 'is no http or https URL'),
      onInvalid: 'deny',
    },
    'global-auth-method': ofAll('Its auth-method.', oneOf(METHODS)),
    'global-auth-signin': ofAll('Its auth-signin.', plainText),
    'global-auth-signin-redirect-param': ofAll('Its auth-signin-redirect-param.', plainText),
    'global-auth-response-headers': 'Its auth-response-headers; names that are none are passed over.',
    'global-auth-request-redirect': ofAll('Its auth-request-redirect.', plainText),
    'global-auth-cache-key': ofAll('Its auth-cache-key.', plainText),
    'global-auth-cache-duration': ofAll('Its auth-cache-duration.', cacheDurations),
    'global-auth-always-set-cookie': ofAll('Its auth-always-set-cookie.', bool),
    'no-auth-locations': `Path prefixes without authentication; default ${EXEMPT_BY_DEFAULT}.`,
  },
  vain: [
    {
      of: [
        'auth-method',
        'auth-signin',
        'auth-response-headers',
        'auth-proxy-set-headers',
        'auth-request-redirect',
        'auth-cache-key',
        'auth-always-set-cookie',
      ],
      problem: 'counts only together with auth-url',
      consequence: 'nobody is asked',
      holds: (values) => values['auth-url'] === undefined,
    },
    {
      of: ['auth-url'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'everybody is redirected',
      holds: (_, place) => isRedirected(place),
    },
    {
      of: ['auth-signin-redirect-param'],
      problem: 'counts only together with auth-signin',
      consequence: 'it is ignored',
      holds: (values) => values['auth-signin'] === undefined,
    },
    {
      of: ['auth-cache-duration'],
      problem: 'counts only together with auth-cache-key',
      consequence: 'no answer is remembered',
      holds: (values) => values['auth-cache-key'] === undefined,
    },
    {
      of: ['enable-global-auth'],
      problem: 'counts only together with the ConfigMap key global-auth-url',
      consequence: 'nobody is asked who he is',
      isFallbackTold: true,
      holds: (values, place) =>
        values['enable-global-auth'] === true && place.setting('global-auth-url') === undefined,
    },
  ],
  translate: (values, context): ExternalAuthPolicy | undefined => {
    const own = values['auth-url'];
    if (own === undefined) {
      const wanted = values['enable-global-auth'] === false ? undefined : wantedOfAll(context);
      return wanted && toPolicy(wanted, context);
    }
    for (const key of ['auth-url', 'auth-signin', 'auth-cache-key'] as const)
      reportUnknownVariables(context, key, values[key]);
    const fields = fieldsOf(values['auth-proxy-set-headers'], context);
    if (fields === undefined) return undefined;
    return toPolicy(
      {
        url: own,
        field: 'metadata.annotations[auth-url]',
        method: values['auth-method'],
        signIn: values['auth-signin'],
        signInParameter: values['auth-signin-redirect-param'] ?? 'rd',
        responseHeaders: values['auth-response-headers'] ?? [],
        fields,
        requestRedirect: values['auth-request-redirect'],
        cacheKey: values['auth-cache-key'],
        durations: values['auth-cache-duration'] ?? DEFAULT_DURATIONS,
        isCookieAlwaysSet: values['auth-always-set-cookie'] ?? false,
      },
      context,
    );
  },
  createFilter: createAuthFilter,
});

/** What the ConfigMap asks of all routes; undefined: nothing. */
function wantedOfAll(context: TranslateContext): Wanted | undefined {
  const { setting } = context;
  const text = setting('global-auth-url');
  // The default backend is no Ingress's, and ingress-nginx asks nobody for it.
  if (text === undefined || context.source.kind !== 'Ingress') return undefined;
  const read = <T>(key: string, parse: Parser<T>): T | undefined => {
    const raw = setting(key);
    const parsed = raw === undefined ? undefined : parse(raw);
    return parsed?.ok === true ? parsed.value : undefined;
  };
  return {
    url: text.replaceAll(' ', ''),
    field: 'ConfigMap data.global-auth-url',
    method: read('global-auth-method', oneOf(METHODS)),
    signIn: read('global-auth-signin', plainText),
    signInParameter: read('global-auth-signin-redirect-param', plainText) ?? 'rd',
    responseHeaders: splitList(setting('global-auth-response-headers') ?? '').filter((name) =>
      NAME.test(name),
    ),
    fields: [],
    requestRedirect: read('global-auth-request-redirect', plainText),
    cacheKey: read('global-auth-cache-key', plainText),
    durations: read('global-auth-cache-duration', cacheDurations) ?? DEFAULT_DURATIONS,
    isCookieAlwaysSet: parseGoBool(setting('global-auth-always-set-cookie') ?? '') === true,
  };
}

function toPolicy(wanted: Wanted, context: TranslateContext): ExternalAuthPolicy | undefined {
  const { field, url: value, method, signIn, requestRedirect, cacheKey } = wanted;
  const isOfAll = field.startsWith('ConfigMap');
  const refuse = (problem: string) =>
    denyRoutes(context, isOfAll ? 'InvalidSetting' : 'InvalidAnnotation', { field, value, problem });
  const parsed = parseAuthUrl(value, context);
  if (!parsed.ok) return refuse(parsed.problem);
  const { scheme, host, target, addresses, unnamed } = parsed.value;
  const upstreams: Record<string, AuthUpstream> = {};
  for (const [of, address] of addresses) {
    const named = context.upstream(address);
    if (named === undefined) return refuse('stands for too many hosts');
    if (named.problem !== undefined) report(context, field, value, named.problem);
    const isName = isIP(address.host) === 0;
    upstreams[of] = isName ? { id: named.id, serverName: address.host } : { id: named.id };
  }
  for (const of of unnamed)
    report(context, field, value, `has the host of the request in it, and ${of} is no one name`);
  return {
    isTls: scheme === 'https',
    upstreams,
    host,
    target,
    ...(method === undefined ? {} : { method }),
    ...(signIn === undefined ? {} : { signIn: signInTemplate(signIn, wanted.signInParameter) }),
    responseHeaders: wanted.responseHeaders,
    fields: wanted.fields,
    ...(requestRedirect === undefined ? {} : { requestRedirect }),
    ...(cacheKey === undefined ? {} : { caching: { by: cacheKey, durations: wanted.durations } }),
    isCookieAlwaysSet: wanted.isCookieAlwaysSet,
    exempt: readExemptPaths(context.setting),
  };
}

/** Says that nobody can be asked as things are; the routes do not open for that. */
function report({ findings, source }: TranslateContext, field: string, value: string, problem: string): void {
  const consequence = 'nobody can be asked: requests answer 500';
  findings.error(source, 'UnreachableServer', { field, value, problem, consequence });
}

/** Headers of auth-proxy-set-headers; undefined: the routes are closed. */
function fieldsOf(
  reference: string | undefined,
  context: TranslateContext,
): readonly (readonly [name: string, value: string])[] | undefined {
  if (reference === undefined || reference === '') return [];
  const { namespace, lookup, setting } = context;
  const refuse = (problem: string) => {
    const field = 'metadata.annotations[auth-proxy-set-headers]';
    return denyRoutes(context, 'InvalidAnnotation', { field, value: reference, problem });
  };
  const named = parseNamespacedName(reference.includes('/') ? reference : `${namespace}/${reference}`);
  if (named === undefined) return refuse('is not namespace/name');
  const isCrossingAllowed = parseGoBool(setting('allow-cross-namespace-resources') ?? '') === true;
  if (named.namespace !== namespace && !isCrossingAllowed)
    return refuse('is a ConfigMap of another namespace');
  const data = lookup.configMap(named.namespace, named.name);
  if (data === undefined) return refuse('is a ConfigMap that does not exist');
  for (const [name, value] of data) {
    if (!NAME.test(name)) return refuse(`has the key "${name}", which is no header name`);
    if (!plainText(value).ok) return refuse(`has a value for "${name}" that is no header value`);
  }
  return [...data].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
