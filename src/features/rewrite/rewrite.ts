import { toByteText } from '../../lib/byte-text.ts';
import { Pattern } from '../../lib/pattern.ts';
import { toRegex } from '../../lib/pcre.ts';
import type { RewritePolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import type { RequestView } from '../kit/filter.ts';
import { isRedirected } from '../kit/vain.ts';
import { bool, pathcap, pathcapStripped } from '../kit/values.ts';
import { expandVariables } from '../kit/variables.ts';
import { escapePath } from './escape-path.ts';

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
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Path towards the upstream; $1 to $9 are captures of the path, which is a regular expression. Replaces the whole path; the query stays.',
    },
    'use-regex': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      doc: '`true`: all paths of the host are regular expressions, without regard to case.',
    },
    'x-forwarded-prefix': {
      parse: pathcapStripped,
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
  translate: (values, { findings, source }): RewritePolicy | undefined => {
    const target = values['rewrite-target'];
    const isRegex = values['use-regex'] ?? false;
    const forwardedPrefix = values['x-forwarded-prefix'];
    if (target !== undefined && !target.startsWith('/') && !target.startsWith('$')) {
      findings.warn(source, 'InvalidAnnotation', {
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
    if (target === undefined || target === toByteText(path)) return undefined;
    const regex = toRegex(path);
    if (!regex.ok) return undefined;
    // Where the rewrite is in force, the route is matched by this pattern: it matches at the beginning.
    const search = new Pattern(regex, true);
    const expand = createTemplate(target, search);
    const expandPrefix = forwardedPrefix === undefined ? undefined : createTemplate(forwardedPrefix, search);
    return {
      onRequest(request) {
        const match = search.exec(request.path);
        if (match === null) return undefined;
        const rewritten = expand(match, request);
        if (rewritten === '') return FAILED;
        const encoded = escapePath(rewritten);
        request.upstreamTarget = request.query === '' ? encoded : `${encoded}?${request.query}`;
        return undefined;
      },
      ...(expandPrefix === undefined
        ? {}
        : {
            onUpstreamRequest(head, request) {
              const match = search.exec(request.path);
              if (match !== null) head.set('X-Forwarded-Prefix', expandPrefix(match, request));
            },
          }),
    };
  },
});

function isEachPath(target: string | undefined, paths: readonly { readonly path: string }[]): boolean {
  return paths.length > 0 && paths.every(({ path }) => (path === '' ? '/' : path) === target);
}

type Template = (match: RegExpExecArray, request: RequestView) => string;

/** Text with $1 to $9 for captures and $name for variables, cut up once. */
function createTemplate(text: string, pattern: Pattern): Template {
  const parts = text.split(/(\$\d)/);
  const hasVariables = /\$[^\d]/.test(text);
  return (match, request) => {
    let out = '';
    for (const part of parts) {
      if (part.length === 2 && part.startsWith('$') && part !== '$0')
        out += pattern.captureOf(match, Number(part[1]));
      else out += hasVariables ? expandVariables(part, request) : part;
    }
    return out;
  };
}
