import { DEFAULT_BACKEND } from '../../lib/catch-all.ts';
import { parseGoInt, splitList } from '../../lib/nginx-values.ts';
import { defineFeature, LIST_LENGTH_MAX, type Parser, type TranslateContext } from '../kit/feature.ts';
import type { Filter, RequestView, StandIn } from '../kit/filter.ts';
import { hasOwnErrorPage, type Interception } from '../kit/error-interception.ts';
import { bool } from '../kit/values.ts';

export interface ErrorPagesPolicy extends Interception {
  /** Whether `codes` are those of the ConfigMap. */
  readonly areCodesOfAll?: true;
  /** `default-backend`: also takes the requests of an upstream without endpoints. */
  readonly own?: StandIn;
}

const GLOBAL_CODES = 'custom-http-errors';

const errorCodes: Parser<readonly number[]> = (raw) => {
  const items = raw.split(',').map((item) => item.trim());
  if (items.at(-1) === '') items.pop();
  return items.every((item) => /^[45]\d\d$/.test(item))
    ? { ok: true, value: [...new Set(items)].map(Number) }
    : { ok: false, problem: 'is not a list of statuses from 400 to 599' };
};

const allCodes: Parser<readonly number[]> = (raw) => {
  const codes = splitList(raw).map((item) => parseGoInt(item) ?? 0);
  return codes.every((code) => code >= 300 && code <= 599)
    ? { ok: true, value: codes }
    : { ok: false, problem: 'is not a list of statuses from 300 to 599' };
};

const serviceName: Parser<string> = (raw) =>
  /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(raw)
    ? { ok: true, value: raw }
    : { ok: false, problem: 'is not the name of a Service' };

/** Error pages from a Service, and a Service for requests that have no endpoints (docs/reference/annotations.md §12). */
export const errorPages = defineFeature({
  name: 'error-pages',
  doc: 'Error pages from a Service of the author’s, and who answers while the own Service has no endpoints.',
  scope: 'route',
  annotations: {
    'custom-http-errors': {
      parse: errorCodes,
      risk: 'low',
      onInvalid: 'drop',
      maxLength: LIST_LENGTH_MAX,
      doc: 'Comma list of statuses from 400 to 599, in place of the ConfigMap’s: answers with one of them, Serin’s own and the upstream’s, come from default-backend instead, else from the global default backend.',
    },
    'default-backend': {
      parse: serviceName,
      risk: 'low',
      onInvalid: 'drop',
      doc: 'Service of the namespace, by its first port, that makes the error pages, and that takes the requests while the Service of the path has no endpoints.',
    },
    'disable-proxy-intercept-errors': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'disable-proxy-intercept-errors',
      fallback: false,
      doc: '`true`: error pages are for answers of Serin alone, not for those of the upstream.',
    },
  },
  configMapKeys: {
    [GLOBAL_CODES]: {
      doc: 'Comma list of statuses from 300 to 599 whose answers come from the default backend, of all routes without a list of their own.',
      parse: allCodes,
      onInvalid: 'default',
    },
  },
  vain: [
    {
      of: ['disable-proxy-intercept-errors'],
      problem: 'counts only together with custom-http-errors',
      consequence: 'no error page comes from elsewhere',
      holds: (values, place) =>
        values['disable-proxy-intercept-errors'] === true &&
        (values['custom-http-errors'] ?? []).length === 0 &&
        place.setting(GLOBAL_CODES) === undefined,
    },
  ],
  translate: (values, context): ErrorPagesPolicy | undefined => {
    const written = values['custom-http-errors'];
    const codes = written ?? codesOfAll(context);
    const own = findService(values['default-backend'], context);
    if (codes.length === 0 && own === undefined) return undefined;
    return {
      codes,
      ...(written === undefined && codes.length > 0 ? { areCodesOfAll: true } : {}),
      areUpstreamsMeant: values['disable-proxy-intercept-errors'] !== true,
      ...(own === undefined ? {} : { own }),
    };
  },
  createFilter: ({ areUpstreamsMeant, areCodesOfAll, codes, own }, context): Filter => {
    const upstreams = [...(own === undefined ? [] : [own]), { id: DEFAULT_BACKEND, name: DEFAULT_BACKEND }];
    const meant = new Set(areCodesOfAll === true && hasOwnErrorPage(context) ? [] : codes);
    const hasStandIn = context.slot<true>();
    return {
      ...(meant.size === 0
        ? {}
        : {
            onStatus: (status, isLocal, request) =>
              meant.has(status) && (isLocal || areUpstreamsMeant)
                ? { upstreams, target: targetOf(request), headers: pageHeaders(status, request) }
                : undefined,
          }),
      ...(own === undefined
        ? {}
        : {
            onNoEndpoints(request) {
              hasStandIn.set(request, true);
              return own;
            },
            onUpstreamRequest(head, request) {
              if (hasStandIn.get(request) === undefined) return;
              for (const [name, value] of namesOf(503, request)) {
                if (value === '') head.remove(name.toLowerCase());
                else head.set(name, value);
              }
            },
          }),
    };
  },
});

function codesOfAll({ setting }: TranslateContext): readonly number[] {
  const text = setting(GLOBAL_CODES);
  if (text === undefined) return [];
  const parsed = allCodes(text);
  return parsed.ok ? parsed.value : [];
}

function findService(service: string | undefined, context: TranslateContext): StandIn | undefined {
  if (service === undefined) return undefined;
  const { findings, lookup, namespace, source } = context;
  const port = lookup.firstPort(namespace, service);
  if (port === undefined) {
    findings.warn(source, 'MissingService', {
      field: 'metadata.annotations[default-backend]',
      value: service,
      problem: `is not a Service with a port in namespace ${namespace}`,
      consequence: 'it is ignored until there is one',
    });
    return undefined;
  }
  const named = context.upstream({ kind: 'service', namespace, service, port });
  return named && { id: named.id, name: `custom-default-backend-${namespace}-${service}` };
}

type Header = readonly [name: string, value: string];

/** The root, with the query of the request. */
function targetOf({ query }: RequestView): string {
  return query === '' ? '/' : `/?${query}`;
}

/** What a page is told; an empty value is no header. */
function pageHeaders(status: number, request: RequestView): readonly Header[] {
  return [
    ...namesOf(status, request),
    ['X-Original-URI', request.target],
    ['X-Request-ID', request.requestId],
    ['X-Forwarded-For', request.clientAddress],
  ];
}

function namesOf(status: number, request: RequestView): readonly Header[] {
  const { labels } = request;
  return [
    ['X-Code', String(status)],
    ['X-Format', request.header('accept') ?? ''],
    ['X-Namespace', labels?.namespace ?? ''],
    ['X-Ingress-Name', labels?.ingress ?? ''],
    ['X-Service-Name', labels?.service ?? ''],
    ['X-Service-Port', labels?.servicePort ?? ''],
  ];
}
