import { compileFieldTemplate, hasVariables } from '../../lib/variables/template.ts';
import { defineFeature } from '../kit/feature.ts';
import type { DirectResponse } from '../kit/filter.ts';
import { locationFormOf, toLocation } from '../kit/location-form.ts';
import { voidRedirects } from '../kit/redirect-group.ts';
import { reportUnknownVariables } from '../kit/unknown-variables.ts';
import { bool, int, plainText, urlKeepingSpaces } from '../kit/values.ts';

export interface RedirectPolicy {
  /** Undefined: nothing is redirected, and what else makes redirects goes by `isRelative`. */
  readonly location?: string;
  readonly status: number;
  readonly isRelative: boolean;
}

const isWithin = (code: number | undefined, last: number): code is number =>
  code !== undefined && code >= 300 && code <= last;

const within = (code: number | undefined, last: number, fallback: number): number =>
  isWithin(code, last) ? code : fallback;

/** Answers every request of a route with a redirect (docs/reference/annotations.md §2, §2.5). */
export const redirect = defineFeature({
  name: 'redirect',
  doc: 'Redirects of whole routes.',
  scope: 'route',
  isOffOnDefaultBackend: true,
  annotations: {
    'temporal-redirect': {
      parse: urlKeepingSpaces,
      parseUnchecked: plainText,
      risk: 'medium',
      onInvalid: 'drop',
      doc: 'Every request is redirected there; path and query are not appended. Wins over permanent-redirect. Begins with `http`.',
    },
    'temporal-redirect-code': {
      parse: int,
      risk: 'low',
      onInvalid: 'drop',
      fallback: 302,
      doc: '300 to 307; others are 302.',
    },
    'permanent-redirect': {
      parse: urlKeepingSpaces,
      parseUnchecked: plainText,
      risk: 'medium',
      onInvalid: 'drop',
      doc: 'Every request is redirected there; path and query are not appended.',
    },
    'permanent-redirect-code': {
      parse: int,
      risk: 'low',
      onInvalid: 'drop',
      fallback: 301,
      doc: '300 to 308; others are 301. With 300 no Location is sent.',
    },
    'relative-redirects': {
      parse: bool,
      risk: 'low',
      onInvalid: 'drop',
      configMapKey: 'relative-redirects',
      fallback: false,
      doc: 'Redirects made for the route keep a relative Location.',
    },
  },
  vain: [
    {
      of: ['permanent-redirect', 'permanent-redirect-code'],
      problem: 'does not count beside temporal-redirect',
      consequence: 'the temporal redirect is made',
      holds: (values) => values['temporal-redirect']?.startsWith('http') === true,
    },
    {
      of: ['temporal-redirect-code'],
      problem: 'counts only together with temporal-redirect',
      consequence: 'it is ignored',
      isFallbackTold: true,
      holds: (values) => values['temporal-redirect'] === undefined,
    },
    {
      of: ['permanent-redirect-code'],
      problem: 'counts only together with permanent-redirect',
      consequence: 'it is ignored',
      isFallbackTold: true,
      holds: (values) => values['permanent-redirect'] === undefined,
    },
    {
      of: ['temporal-redirect-code'],
      problem: 'is not within 300 to 307',
      consequence: 'the redirect is a 302',
      holds: (values) => !isWithin(values['temporal-redirect-code'], 307),
    },
    {
      of: ['permanent-redirect-code'],
      problem: 'is not within 300 to 308',
      consequence: 'the redirect is a 301',
      holds: (values) => !isWithin(values['permanent-redirect-code'], 308),
    },
  ],
  translate: (values, context): RedirectPolicy | undefined => {
    const temporal = values['temporal-redirect'];
    const permanent = values['permanent-redirect'];
    const isRelative = values['relative-redirects'] ?? false;
    const none = isRelative ? { status: 0, isRelative } : undefined;
    reportUnknownVariables(context, 'temporal-redirect', temporal);
    reportUnknownVariables(context, 'permanent-redirect', permanent);
    const groundless = voidRedirects(context);
    if (groundless !== undefined) {
      const { by, problem } = groundless;
      context.findings.warn(context.source, 'InvalidAnnotation', {
        field: `metadata.annotations[${by}]`,
        ...(values[by] === undefined ? {} : { value: values[by] }),
        problem,
        consequence: 'no redirect is made',
      });
      return undefined;
    }
    if (temporal !== undefined) {
      return { location: temporal, status: within(values['temporal-redirect-code'], 307, 302), isRelative };
    }
    if (permanent === undefined) return none;
    return { location: permanent, status: within(values['permanent-redirect-code'], 308, 301), isRelative };
  },
  createFilter: ({ location, status, isRelative }, { route }) => {
    if (location === undefined) return undefined;
    const form = { ...locationFormOf(route?.policies), isRelative };
    const isPath = location.startsWith('/') && !isRelative;
    const expand = hasVariables(location) ? compileFieldTemplate(location) : undefined;
    const fixed: DirectResponse = { status, headers: status === 300 ? [] : [['Location', location]] };
    return {
      onRequest(request) {
        if (status === 300 || (!isPath && expand === undefined)) return fixed;
        const filled = expand === undefined ? location : expand(request);
        return { status, headers: [['Location', isPath ? toLocation(filled, form, request) : filled]] };
      },
    };
  },
});
