import { splitList } from '../../lib/nginx-values.ts';
import { defineFeature, LIST_LENGTH_MAX, type Parser } from '../kit/feature.ts';
import type { DirectResponse, ResponseEditor } from '../kit/filter.ts';
import { bool, hdrlist, int } from '../kit/values.ts';

export interface CorsPolicy {
  /** `*`, or items to hold the Origin against. */
  readonly origins: '*' | readonly string[];
  readonly methods: string;
  readonly headers: string;
  readonly areCredentialsAllowed: boolean;
  readonly exposed?: string;
  readonly maxAgeSeconds: number;
}

const ORIGIN = /^(?:\*|null|[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[A-Za-z0-9\-.]+(?::\d+)?)$/;

const LABEL = /^[a-z0-9-]+$/;

interface OriginList {
  readonly usable: '*' | readonly string[];
  /** Items that are no origins. */
  readonly skipped: readonly string[];
}

/** Items of the list that are origins, none included; `*` anywhere makes it `*` (docs/reference/annotations.md §7). */
const origins: Parser<OriginList> = (raw) => {
  const items = splitList(raw);
  if (items.includes('*')) return { ok: true, value: EVERY_ORIGIN };
  if (/[^A-Za-z0-9\-._~/:+*, ]/.test(raw)) {
    return { ok: false, problem: 'has characters that no origin has, and every origin is let in' };
  }
  const usable = items.filter((item) => ORIGIN.test(item));
  return { ok: true, value: { usable, skipped: items.filter((item) => !ORIGIN.test(item)) } };
};

const EVERY_ORIGIN: OriginList = { usable: '*', skipped: [] };

const words: Parser<string> = (raw) =>
  /^[A-Za-z, ]+$/.test(raw) ? { ok: true, value: raw } : { ok: false, problem: 'is not a list of methods' };

const exposedHeaders: Parser<string> = (raw) =>
  raw.split(',').every((item) => item.trim() === '*' || /^[A-Za-z0-9\-_ ]*$/.test(item))
    ? { ok: true, value: raw }
    : { ok: false, problem: 'is not a list of header names' };

const METHODS = 'GET, PUT, POST, DELETE, PATCH, OPTIONS';
const HEADERS =
  'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization';

/** Cross-origin resource sharing (docs/reference/annotations.md §7). Origins are held against both ends, which ingress-nginx does only at the end. */
export const cors = defineFeature({
  name: 'cors',
  doc: 'Cross-origin resource sharing. Without enable-cors the others have no effect.',
  scope: 'route',
  annotations: {
    'enable-cors': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      doc: '`true` switches it on.',
    },
    'cors-allow-origin': {
      parse: origins,
      maxLength: LIST_LENGTH_MAX,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Comma list of `*`, `null`, `scheme://host[:port]` and `scheme://*.host[:port]` (one label); default `*`.',
      difference:
        'origins are anchored at both ends; a list without one usable origin lets nobody in, instead of everybody',
    },
    'cors-allow-methods': {
      parse: words,
      risk: 'medium',
      onInvalid: 'default',
      fallback: METHODS,
      doc: 'Value of Access-Control-Allow-Methods.',
    },
    'cors-allow-headers': {
      parse: hdrlist,
      risk: 'medium',
      onInvalid: 'default',
      fallback: HEADERS,
      doc: 'Value of Access-Control-Allow-Headers.',
    },
    'cors-allow-credentials': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: true,
      doc: 'Send Access-Control-Allow-Credentials: true.',
    },
    'cors-expose-headers': {
      parse: exposedHeaders,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Value of Access-Control-Expose-Headers.',
    },
    'cors-max-age': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      fallback: 1_728_000,
      doc: 'Value of Access-Control-Max-Age, in seconds.',
    },
  },
  vain: [
    {
      of: [
        'cors-allow-origin',
        'cors-allow-methods',
        'cors-allow-headers',
        'cors-allow-credentials',
        'cors-expose-headers',
        'cors-max-age',
      ],
      problem: 'counts only together with enable-cors: "true"',
      consequence: 'no CORS header is sent',
      isFallbackTold: true,
      holds: (values) => values['enable-cors'] !== true,
    },
    {
      of: ['cors-allow-credentials'],
      problem: 'does not count where every origin is let in',
      consequence: 'browsers give no answer to requests with credentials',
      isFallbackTold: true,
      holds: (values) =>
        values['cors-allow-credentials'] === true && (values['cors-allow-origin']?.usable ?? '*') === '*',
    },
  ],
  translate: (values, context): CorsPolicy | undefined => {
    if (values['enable-cors'] !== true) return undefined;
    const { usable, skipped } = values['cors-allow-origin'] ?? EVERY_ORIGIN;
    if (skipped.length > 0) {
      context.findings.warn(context.source, 'InvalidAnnotation', {
        field: 'metadata.annotations[cors-allow-origin]',
        value: skipped.join(', '),
        problem: 'is not scheme://host[:port]',
        consequence: usable.length === 0 ? 'no origin is let in' : 'the other items count',
      });
    }
    const exposed = values['cors-expose-headers'];
    return {
      origins: usable,
      methods: values['cors-allow-methods'] ?? METHODS,
      headers: values['cors-allow-headers'] ?? HEADERS,
      areCredentialsAllowed: values['cors-allow-credentials'] ?? true,
      ...(exposed === undefined ? {} : { exposed }),
      maxAgeSeconds: values['cors-max-age'] ?? 1_728_000,
    };
  },
  createFilter: (policy, { route }) => {
    // What is denied says nothing else (docs/reference/annotations.md §7).
    if (route?.deniedStatus !== undefined) return undefined;
    const matches = createOriginTest(policy.origins);
    const allowedOrigin = (origin: string | undefined): string | undefined =>
      policy.origins === '*' ? '*' : origin !== undefined && matches(origin) ? origin : undefined;
    const preflight: DirectResponse = { status: 204 };
    return {
      onRequest: (request) =>
        request.method === 'OPTIONS' && allowedOrigin(request.header('origin')) !== undefined
          ? preflight
          : undefined,
      onResponse(response: ResponseEditor, request) {
        const origin = allowedOrigin(request.header('origin'));
        if (origin === undefined) return;
        response.set('Access-Control-Allow-Origin', origin);
        if (policy.areCredentialsAllowed) response.set('Access-Control-Allow-Credentials', 'true');
        response.set('Access-Control-Allow-Methods', policy.methods);
        response.set('Access-Control-Allow-Headers', policy.headers);
        if (policy.exposed !== undefined) response.set('Access-Control-Expose-Headers', policy.exposed);
        response.set('Access-Control-Max-Age', String(policy.maxAgeSeconds));
      },
    };
  },
});

/** By both ends, in any case; a wildcard stands for one label, and only behind `://`. */
function createOriginTest(items: CorsPolicy['origins']): (origin: string) => boolean {
  if (items === '*') return () => true;
  const exact = new Set<string>();
  const wildcards = new Map<string, Set<string>>();
  for (const item of items) {
    const lower = item.toLowerCase();
    const star = lower.indexOf('*');
    if (star < 0) {
      exact.add(lower);
      continue;
    }
    const scheme = lower.slice(0, star);
    const suffixes = wildcards.get(scheme) ?? new Set();
    wildcards.set(scheme, suffixes.add(lower.slice(star + 1)));
  }
  return (origin) => {
    const lower = origin.toLowerCase();
    if (exact.has(lower)) return true;
    const label = lower.indexOf('://') + 3;
    const dot = lower.indexOf('.', label);
    if (label < 3 || dot < 0 || !LABEL.test(lower.slice(label, dot))) return false;
    return wildcards.get(lower.slice(0, label))?.has(lower.slice(dot)) === true;
  };
}
