import { digestOf } from '../../lib/hash.ts';
import type { VariableSource } from '../../lib/variables/source.ts';
import { compileFieldTemplate, compileTemplate } from '../../lib/variables/template.ts';
import type { UpstreamTlsPolicy } from '../../model/policy.ts';
import { CERTIFICATE_HEADERS, certificateHeader } from '../kit/certificate-headers.ts';
import { isIntercepting, type SigningIn } from '../kit/error-interception.ts';
import { isExempt } from '../kit/exempt-paths.ts';
import type { AccessDenial, AccessVerdict, Filter, FilterContext, RequestView } from '../kit/filter.ts';
import type { Answer, AnswerCaching, Question, QuestionField } from '../kit/subrequest.ts';
import { ANY_HOST } from './auth-url.ts';
import { LIFE_HEADERS, lifeOf, type CacheDuration } from './cache-life.ts';

export interface ExternalAuthPolicy extends SigningIn {
  readonly isTls: boolean;
  /** Whom to ask, by host of a rule, or for all of them (`*`). */
  readonly upstreams: Readonly<Record<string, AuthUpstream>>;
  /** Templates. */
  readonly host: string;
  readonly target: string;
  /** Undefined: GET, and fewer headers go along. */
  readonly method?: string;
  /** Headers of the answer that go to the backend, in place of the client's. */
  readonly responseHeaders: readonly string[];
  /** Headers of their own for the authentication server; values are templates. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly requestRedirect?: string;
  /** `by`: a template; answers are good for all requests in which it is the same. */
  readonly caching?: { readonly by: string; readonly durations: readonly CacheDuration[] };
  readonly isCookieAlwaysSet: boolean;
}

export interface AuthUpstream {
  readonly id: string;
  /** Name for TLS; undefined for an address. */
  readonly serverName?: string;
}

/** Of a question: nginx's own limit where no other is given. */
const TIMEOUT_MS = 60_000;
/** proxy-buffer-size, where a route has none. */
const HEAD_BYTES = 4_096;

const FORBIDDEN: AccessDenial = { status: 403 };
/** Whatever goes wrong: never the page (docs/reference/annotations.md §5.2). */
const FAILED: AccessDenial = { status: 500 };

/** What only a hop in front may say, and what the authentication server might take for its word. */
const UNTRUSTED: readonly string[] = [
  'proxy',
  'forwarded',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-scheme',
  'x-forwarded-uri',
  'x-forwarded-method',
  'x-forwarded-prefix',
  'x-scheme',
  'x-original-uri',
  'x-original-forwarded-for',
  'x-original-forwarded-host',
  ...CERTIFICATE_HEADERS,
];

/** Asks whether a request may come in; undefined for routes that need not ask. */
export function createAuthFilter(policy: ExternalAuthPolicy, context: FilterContext): Filter | undefined {
  if (isExempt(policy.exempt, context)) return undefined;
  const upstream = policy.upstreams[ANY_HOST] ?? policy.upstreams[context.host.name];
  // A host that has no end of names: nobody can be asked.
  if (upstream === undefined) return { checkAccess: () => FAILED };
  const { ask } = context.subrequest(questionOf(policy, upstream, context));
  const signIn = createSignIn(policy);
  const judge = createJudge(policy, signIn);
  const welcome = signIn === undefined ? {} : welcomeBy(signIn, context);
  if (policy.responseHeaders.length === 0) {
    return {
      ...welcome,
      checkAccess(request) {
        const answer = ask(request);
        return answer instanceof Promise
          ? answer.then((late) => judge(late, request))
          : judge(answer, request);
      },
    };
  }
  const given = context.slot<Answer>();
  const check = (answer: Answer, request: RequestView): AccessVerdict => {
    given.set(request, answer);
    return judge(answer, request);
  };
  const headers = policy.responseHeaders.map((name) => ({ name, lowerName: name.toLowerCase() }));
  return {
    ...welcome,
    checkAccess(request) {
      const answer = ask(request);
      return answer instanceof Promise ? answer.then((late) => check(late, request)) : check(answer, request);
    },
    spokenHeaders: headers.map(({ lowerName }) => lowerName),
    onUpstreamRequest(head, request) {
      const answer = given.get(request);
      for (const { name, lowerName } of headers) {
        const values = answer?.headers(lowerName) ?? [];
        const value = values.length > 1 ? values.join(', ') : (values[0] ?? '');
        // What the server did not say the client may not say either.
        if (value === '') head.remove(lowerName);
        else head.set(name, value);
      }
    },
  };
}

type SignIn = (request: RequestView) => AccessDenial;

function createSignIn({ signIn }: ExternalAuthPolicy): SignIn | undefined {
  if (signIn === undefined) return undefined;
  const location = compileFieldTemplate(signIn);
  return (request) => ({
    status: 302,
    countsAs: 401,
    headers: [['Location', location(request)]],
    hasNoHsts: true,
  });
}

/** The upstream's own 401 leads there as well, where its errors are looked at. */
function welcomeBy(signIn: SignIn, context: FilterContext): Pick<Filter, 'signIn' | 'replaceResponse'> {
  if (!isIntercepting(context)) return { signIn };
  return {
    signIn,
    replaceResponse: (status, request) => (status === 401 ? signIn(request) : undefined),
  };
}

function createJudge({ isCookieAlwaysSet }: ExternalAuthPolicy, signIn: SignIn | undefined) {
  return (answer: Answer, request: RequestView): AccessVerdict => {
    const { status } = answer;
    for (const cookie of answer.headers('set-cookie'))
      request.addResponseHeader('Set-Cookie', cookie, isCookieAlwaysSet);
    if (status >= 200 && status < 300) return 'allow';
    if (status === 403) return FORBIDDEN;
    if (status !== 401) return FAILED;
    if (signIn !== undefined) return signIn(request);
    const challenges = answer.headers('www-authenticate');
    return { status: 401, headers: challenges.map((value) => ['WWW-Authenticate', value] as const) };
  };
}

function questionOf(
  policy: ExternalAuthPolicy,
  { id, serverName }: AuthUpstream,
  context: FilterContext,
): Question {
  const { settings, route } = context;
  const { isTls, method, responseHeaders } = policy;
  const tls: UpstreamTlsPolicy = {
    isVerified: false,
    verifyDepth: 1,
    ...(serverName === undefined ? {} : { serverName }),
    isSniSent: serverName !== undefined,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
  };
  const names = responseHeaders.map((name) => name.toLowerCase());
  return {
    upstreamId: id,
    tls: isTls ? tls : undefined,
    method: method ?? 'GET',
    target: compileTemplate(policy.target),
    host: compileFieldTemplate(policy.host),
    isHeadPassed: true,
    fields: fieldsOf(policy, context),
    without: ['x-forwarded-proto', ...(settings.isForwardedTrusted ? [] : UNTRUSTED)],
    kept: [...new Set(['www-authenticate', 'set-cookie', ...LIFE_HEADERS, ...names])],
    maxBodyBytes: 0,
    maxHeadBytes: route?.policies.body?.maxResponseHeadBytes ?? HEAD_BYTES,
    timeoutMs: TIMEOUT_MS,
    isLogged: settings.accessLog.areAuthQuestionsLogged,
    caching: cachingOf(policy, context),
  };
}

function fieldsOf(
  { method, requestRedirect, fields }: ExternalAuthPolicy,
  { host }: FilterContext,
): readonly QuestionField[] {
  const clientAuth = host.policies['auth-tls'];
  const own: [name: string, value: string][] = [
    ['X-Request-ID', '$req_id'],
    ...(method === undefined
      ? []
      : ([
          ['X-Original-URI', '$request_uri'],
          ['X-Scheme', '$pass_access_scheme'],
        ] as [string, string][])),
    ['X-Original-URL', '$scheme://$http_host$request_uri'],
    ['X-Original-Method', '$request_method'],
    ['X-Sent-From', 'nginx-ingress-controller'],
    ['X-Real-IP', '$remote_addr'],
    ['X-Forwarded-For', '$full_x_forwarded_for'],
    ['X-Auth-Request-Redirect', requestRedirect ?? '$request_uri'],
  ];
  const given = new Set(fields.map(([name]) => name.toLowerCase()));
  const isOwn = (name: string) => !given.has(name.toLowerCase());
  const certificate =
    clientAuth === undefined
      ? []
      : CERTIFICATE_HEADERS.filter(isOwn).map((name) => ({
          name,
          value: (request: VariableSource) => certificateHeader(clientAuth, name, request),
        }));
  const written = [...own.filter(([name]) => isOwn(name)), ...fields].map(([name, value]) => ({
    name,
    value: compileFieldTemplate(value),
  }));
  return [...written, ...certificate];
}

/** Answers are good for one host, one path of the Ingress and one policy, whatever the key says. */
function cachingOf(policy: ExternalAuthPolicy, { host, route }: FilterContext): AnswerCaching | undefined {
  const { caching } = policy;
  if (caching === undefined) return undefined;
  return {
    scope: digestOf([host.name, route?.id ?? '', policy]),
    key: compileTemplate(caching.by),
    lifeMs: (answer) => lifeOf(answer, caching.durations),
  };
}
