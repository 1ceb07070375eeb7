import type { CanaryPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { basic, bool, int, oneOf, serverish } from '../kit/values.ts';
import { TIMED } from '../kit/timed-pattern.ts';
import { createCanaryDecision, toHeaderRegex } from './decision.ts';

/** Splits a route between a primary and a canary (docs/reference/annotations.md §1). */
export const canary = defineFeature({
  name: 'canary',
  doc: 'An Ingress with `canary: "true"` is an alternative for the same host and path of another Ingress.',
  scope: 'route',
  isOfCanaries: true,
  marksCanary: 'canary',
  annotations: {
    canary: {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      doc: '`true`: the paths of this Ingress are canaries of equal paths of other Ingresses.',
      difference:
        "it is the canary of its host and path alone, not of every route of the main Service's port; --canary-scope=upstream for that",
    },
    'canary-weight': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      fallback: 0,
      doc: 'Share of the requests that neither header nor cookie decides, out of canary-weight-total.',
    },
    'canary-weight-total': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      fallback: 100,
      doc: 'What the weight is a share of; values of 100 and less are 100.',
    },
    'canary-by-header': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Request header: `always` goes to the canary, `never` to the primary.',
    },
    'canary-by-header-value': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Value of the header that goes to the canary, in place of always and never.',
    },
    'canary-by-header-pattern': {
      parse: serverish,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Regular expression for the header; not read when a value is set.',
    },
    'canary-by-cookie': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Cookie: `always` goes to the canary, `never` to the primary.',
    },
    'affinity-canary-behavior': {
      parse: oneOf(['sticky', 'legacy']),
      risk: 'low',
      onInvalid: 'default',
      fallback: 'sticky',
      doc: '`sticky`: a client stays with the upstream its affinity cookie names. `legacy`: the canary has no affinity.',
    },
  },
  vain: [
    {
      of: ['canary-by-header-value', 'canary-by-header-pattern'],
      problem: 'counts only together with canary-by-header',
      consequence: 'it is ignored',
      holds: (values) => values.canary === true && values['canary-by-header'] === undefined,
    },
    {
      of: ['canary-by-header-pattern'],
      problem: 'does not count beside canary-by-header-value',
      consequence: 'it is ignored',
      holds: (values) => values.canary === true && (values['canary-by-header-value'] ?? '') !== '',
    },
    {
      of: ['canary-weight-total'],
      problem: 'counts only together with canary-weight',
      consequence: 'it is ignored',
      holds: (_, place) => place.text('canary-weight') === undefined,
    },
    {
      of: ['canary-weight-total'],
      problem: 'is below 100',
      consequence: 'the weight is a share of 100',
      holds: (values) => (values['canary-weight-total'] ?? 100) < 100,
    },
    {
      of: ['canary'],
      problem: 'has neither canary-weight, canary-by-header nor canary-by-cookie beside it',
      consequence: 'the canary gets no requests',
      holds: (_, place) =>
        ['canary-weight', 'canary-by-header', 'canary-by-cookie'].every(
          (key) => place.text(key) === undefined,
        ),
    },
    {
      of: ['affinity-canary-behavior'],
      problem: 'counts only on the canary Ingress',
      consequence: 'it is ignored',
      holds: (values) => values.canary !== true,
    },
  ],
  translate: (values, context): CanaryPolicy | undefined => {
    const header = values['canary-by-header'];
    const cookie = values['canary-by-cookie'];
    const weight = values['canary-weight'] ?? 0;
    const headerValue = values['canary-by-header-value'];
    const headerPattern = values['canary-by-header-pattern'];
    if (values.canary !== true) {
      if (weight > 0 || [header, cookie, headerValue, headerPattern].some((text) => (text ?? '') !== '')) {
        context.findings.warn(context.source, 'CanaryNotEnabled', {
          field: 'metadata.annotations[canary]',
          problem: 'is not "true" while other canary annotations are set',
          consequence: 'this is an ordinary Ingress, and the canary annotations are ignored',
        });
      }
      return undefined;
    }
    if (header && headerPattern && !headerValue) {
      const regex = toHeaderRegex(headerPattern);
      const field = 'metadata.annotations[canary-by-header-pattern]';
      if (!regex.ok) {
        const consequence = 'requests with the header go to the primary';
        context.findings.warn(context.source, regex.isCostly ? 'SlowPattern' : 'InvalidAnnotation', {
          field,
          value: headerPattern,
          problem: regex.problem,
          consequence,
        });
      } else if (regex.isTimed) {
        context.findings.warn(context.source, 'SlowPattern', { field, value: headerPattern, ...TIMED });
      }
    }
    return {
      weight,
      weightTotal: Math.max(values['canary-weight-total'] ?? 100, 100),
      ...(header ? { header: header.toLowerCase() } : {}),
      ...(headerValue ? { headerValue } : {}),
      ...(headerPattern ? { headerPattern } : {}),
      ...(cookie ? { cookie } : {}),
      affinityBehavior: values['affinity-canary-behavior'] ?? 'sticky',
    };
  },
  createDecision: (policy, { random }) => createCanaryDecision(policy, random),
});
