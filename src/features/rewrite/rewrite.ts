import { toByteText } from '../../lib/byte-text.ts';
import { escapePath } from '../../lib/escape-path.ts';
import { PathSearch } from '../../lib/path-search.ts';
import { toRegex } from '../../lib/pcre.ts';
import { compileTemplate } from '../../lib/variables/template.ts';
import type { RewritePolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import type { DirectResponse, RequestView } from '../kit/filter.ts';
import { isRewriteInForce } from '../kit/rewrite-in-force.ts';
import { reportUnknownVariables } from '../kit/unknown-variables.ts';
import { isRedirected } from '../kit/vain.ts';
import { bool, pathcap, pathcapStripped, plainText } from '../kit/values.ts';
import { decodeLocation, encodeLineBreakers, EscapedCaptures } from './redirect-url.ts';

const FAILED = { status: 500 };

/** Rewrites the path towards the upstream (docs/reference/annotations.md §2.1). */
export const rewrite = defineFeature({
  name: 'rewrite',
  doc: 'Regular expressions in paths, and the path that the upstream sees.',
  scope: 'route',
  isOffOnDefaultBackend: true,
  annotations: {
    'rewrite-target': {
      parse: pathcap,
      parseUnchecked: plainText,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Path towards the upstream; $1 to $9 are captures of the path, which is a regular expression. Replaces the whole path; the query stays. A target that begins with `http://`, `https://` or `$scheme` is a redirect there, 302.',
    },
    'use-regex': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      doc: '`true`: all paths of the host are regular expressions, without regard to case.',
      difference:
        'patterns are matched in linear time; one that cannot be is bounded by 50 ms or refused; a bad one is not served, and stops no other change',
    },
    'x-forwarded-prefix': {
      parse: pathcapStripped,
      parseUnchecked: plainText,
      risk: 'medium',
      onInvalid: 'drop',
      doc: 'X-Forwarded-Prefix towards the upstream, only with a rewrite-target in force; may have captures.',
    },
  },
  vain: [
    {
      of: ['x-forwarded-prefix'],
      problem: 'counts only together with rewrite-target',
      consequence: 'no X-Forwarded-Prefix is sent',
      holds: (values) => values['rewrite-target'] === undefined,
    },
    {
      of: ['rewrite-target', 'x-forwarded-prefix'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'no request reaches the upstream',
      holds: (_, place) => isRedirected(place),
    },
    {
      of: ['rewrite-target'],
      problem: 'is the path itself',
      consequence: 'the path goes to the upstream as it came',
      holds: (values, { paths }) => isEachPath(values['rewrite-target'], paths),
    },
    {
      of: ['x-forwarded-prefix'],
      problem: 'counts only where rewrite-target is not the path itself',
      consequence: 'no X-Forwarded-Prefix is sent',
      holds: (values, { paths }) => isEachPath(values['rewrite-target'], paths),
    },
  ],
  translate: (values, context): RewritePolicy | undefined => {
    const target = values['rewrite-target'];
    const isRegex = values['use-regex'] ?? false;
    const forwardedPrefix = values['x-forwarded-prefix'];
    reportUnknownVariables(context, 'rewrite-target', target);
    reportUnknownVariables(context, 'x-forwarded-prefix', forwardedPrefix);
    if (target !== undefined && !/^[/$]/.test(target) && !isRedirect(target)) {
      context.findings.warn(context.source, 'InvalidAnnotation', {
        field: 'metadata.annotations[rewrite-target]',
        value: target,
        problem: 'does not begin with a slash',
        consequence: 'the upstream is sent a path without one',
      });
    }
    if (target === undefined && !isRegex) return undefined;
    return {
      ...(target === undefined ? {} : { target }),
      isRegex,
      ...(forwardedPrefix === undefined ? {} : { forwardedPrefix }),
    };
  },
  createFilter: ({ target, forwardedPrefix }, { route }) => {
    const path = route?.path ?? '/';
    if (!isRewriteInForce(target, toByteText(path))) return undefined;
    const regex = toRegex(path);
    if (!regex.ok) return undefined;
    const search = new PathSearch(regex);
    const apply = isRedirect(target) ? createRedirect(target, search) : createRewrite(target, search);
    const expandPrefix = forwardedPrefix === undefined ? undefined : compileTemplate(forwardedPrefix, search);
    return {
      onRequest: (request) => (search.find(request.path) === undefined ? undefined : apply(request)),
      ...(expandPrefix === undefined
        ? {}
        : {
            onUpstreamRequest(head, request) {
              if (search.find(request.path) === undefined) return;
              const prefix = expandPrefix(request);
              if (prefix !== '') head.set('X-Forwarded-Prefix', prefix);
            },
          }),
    };
  },
});

function isEachPath(target: string | undefined, paths: readonly { readonly path: string }[]): boolean {
  if (target === undefined || paths.length === 0) return false;
  return !paths.some(({ path }) => isRewriteInForce(target, path === '' ? '/' : path));
}

/** As nginx tells it: lower case only. */
function isRedirect(target: string): boolean {
  return target.startsWith('http://') || target.startsWith('https://') || target.startsWith('$scheme');
}

type Apply = (request: RequestView) => DirectResponse | undefined;

/** Sets the path that the upstream sees. A `?` begins arguments before the request's own; one at the end keeps those away. */
function createRewrite(target: string, search: PathSearch): Apply {
  const { text, isQueryKept } = withoutLastMark(target);
  const mark = text.indexOf('?');
  const expandPath = compileTemplate(mark < 0 ? text : text.slice(0, mark), search);
  const escaped = new EscapedCaptures(search);
  const expandArguments = mark < 0 ? undefined : compileTemplate(text.slice(mark + 1), escaped);
  return (request) => {
    const path = expandPath(request);
    if (path === '') return FAILED;
    let query = isQueryKept ? request.query : '';
    if (expandArguments !== undefined) {
      escaped.begin(request.target);
      const own = encodeLineBreakers(expandArguments(request));
      query = query === '' ? own : `${own}&${query}`;
    }
    const encoded = escapePath(path);
    request.rewrittenPath = path;
    request.upstreamTarget = query === '' ? encoded : `${encoded}?${query}`;
    return undefined;
  };
}

/** Answers with a redirect (docs/reference/annotations.md §2.1). */
function createRedirect(target: string, search: PathSearch): Apply {
  const { text, isQueryKept } = withoutLastMark(target);
  const separator = text.includes('?') ? '&' : '?';
  const escaped = new EscapedCaptures(search);
  const expand = compileTemplate(text, escaped);
  return (request) => {
    escaped.begin(request.target);
    const query = isQueryKept && request.query !== '' ? separator + request.query : '';
    const location = encodeLineBreakers(decodeLocation(expand(request)));
    return { status: 302, headers: [['Location', location + query]] };
  };
}

function withoutLastMark(target: string): { readonly text: string; readonly isQueryKept: boolean } {
  const isQueryKept = !target.endsWith('?');
  return { text: isQueryKept ? target : target.slice(0, -1), isQueryKept };
}
