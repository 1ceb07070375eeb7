import type { Parser, Risk } from '../../features/kit/feature.ts';
import { basic, bool, where } from '../../features/kit/values.ts';

/** What an annotation of ingress-nginx that no feature defines means for its Ingress. */
export interface KnownAnnotation {
  readonly risk: Risk;
  /** What happens now. */
  readonly consequence: string;
  /** Annotations one of which it takes to have any effect. */
  readonly needs?: readonly string[] | undefined;
  /** Value that asks for what is so without it; nothing is told of that. */
  readonly off?: string | undefined;
  /** It protects something, so that ignoring it is an error. */
  readonly isProtection?: boolean;
  /** Taken, with nothing to set. */
  readonly isInert?: boolean;
  /** What it cannot read refuses the Ingress, as in ingress-nginx. */
  readonly parse?: Parser<unknown> | undefined;
}

type Names = string;

const NOTHING_TO_SET = 'it has nothing to set in Serin';

const IGNORED: readonly (readonly [risk: Risk, consequence: string, names: Names])[] = [
  [
    'low',
    NOTHING_TO_SET,
    `http2-push-preload enable-rewrite-log auth-keepalive auth-keepalive-share-vars
     auth-keepalive-requests auth-keepalive-timeout`,
  ],
  ['medium', 'FastCGI is not spoken', `fastcgi-index fastcgi-params-configmap`],
  ['low', 'no web application firewall looks at the requests', `enable-modsecurity enable-owasp-core-rules`],
  ['high', 'no web application firewall looks at the requests', `modsecurity-transaction-id`],
  ['critical', 'no web application firewall looks at the requests', `modsecurity-snippet`],
  [
    'critical',
    'snippets are never evaluated; it is ignored',
    `configuration-snippet server-snippet auth-snippet stream-snippet`,
  ],
  [
    'low',
    'ingress-nginx has removed it; it is ignored',
    `enable-influxdb influxdb-measurement influxdb-port influxdb-host influxdb-server-name secure-verify-ca-secret
     secure-backends add-base-url base-url-scheme grpc-backend enable-opentracing opentracing-operation-name
     opentracing-trust-incoming-span global-rate-limit global-rate-limit-window global-rate-limit-key
     global-rate-limit-header-based global-rate-limit-ignored-cidrs rewrite-log session-cookie-hash configuration-snippets`,
  ],
];

/** What it takes for an annotation to have any effect, in ingress-nginx as well (docs/reference/annotations.md). */
const NEEDS: readonly (readonly [needs: Names, names: Names])[] = [
  ['auth-url', 'auth-keepalive auth-snippet'],
  ['auth-keepalive', 'auth-keepalive-share-vars auth-keepalive-requests auth-keepalive-timeout'],
];

/** Values that ask for nothing. */
const OFF: readonly (readonly [value: string, names: Names])[] = [
  [
    'false',
    `enable-modsecurity enable-owasp-core-rules http2-push-preload enable-rewrite-log
     auth-keepalive-share-vars
     enable-opentracing enable-influxdb secure-backends grpc-backend`,
  ],
  ['0', 'auth-keepalive'],
];

const PROTECTIONS: Names = `enable-modsecurity enable-owasp-core-rules
  modsecurity-snippet`;

/** Values of these are judged, though they do nothing: a bad one refuses the Ingress. */
const PARSERS: readonly (readonly [parse: Parser<unknown>, names: Names])[] = [
  [bool, 'http2-push-preload'],
  [
    where(basic, (text) => /^[\w.-]*$/.test(text), 'has characters outside letters, digits and . - _'),
    'fastcgi-index',
  ],
  [basic, 'fastcgi-params-configmap'],
];

const needsOf = byName(NEEDS.map(([needs, names]) => [namesOf(needs), names]));
const offOf = byName(OFF);
const parserOf = byName(PARSERS);
const protections = new Set(namesOf(PROTECTIONS));

/** Every annotation of ingress-nginx that no feature defines, by name without prefix. */
export const KNOWN_ANNOTATIONS: ReadonlyMap<string, KnownAnnotation> = new Map(
  IGNORED.flatMap(([risk, consequence, names]) =>
    namesOf(names).map((name): [string, KnownAnnotation] => [
      name,
      {
        risk,
        consequence,
        needs: needsOf.get(name),
        off: offOf.get(name),
        parse: parserOf.get(name),
        ...(protections.has(name) ? { isProtection: true } : {}),
        ...(consequence === NOTHING_TO_SET ? { isInert: true } : {}),
      },
    ]),
  ),
);

function namesOf(names: Names): readonly string[] {
  return names.trim().split(/\s+/);
}

function byName<T>(rows: readonly (readonly [value: T, names: Names])[]): ReadonlyMap<string, T> {
  return new Map(rows.flatMap(([value, names]) => namesOf(names).map((name): [string, T] => [name, value])));
}
