import { splitList } from '../../lib/nginx-values.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { defineFeature } from '../kit/feature.ts';
import type { DirectResponse } from '../kit/filter.ts';
import { toPattern } from './pattern.ts';

export interface BlocklistsPolicy {
  readonly userAgents: readonly string[];
  readonly referers: readonly string[];
}

const FORBIDDEN: DirectResponse = { status: 403 };

/** Refuses requests by User-Agent and Referer, on all hosts and before all else (docs/reference/evaluation-order.md §1, step 3). */
export const blocklists = defineFeature({
  name: 'blocklists',
  doc: 'Requests refused by User-Agent and Referer.',
  scope: 'host',
  stage: 'host',
  annotations: {},
  configMapKeys: {
    'block-user-agents':
      'Comma list: exact text without regard to case, `~regex`, or `~*regex` without regard to case; 403 on a match.',
    'block-referers': 'The same for the Referer.',
  },
  translate: (_values, context): BlocklistsPolicy | undefined => {
    const read = (key: string): readonly string[] => {
      const items = splitList(context.setting(key) ?? '');
      for (const item of items) {
        const pattern = toPattern(item);
        if (pattern.ok) continue;
        // Whom it was to keep out is not known: nobody comes in.
        const { problem } = pattern;
        denyRoutes(context, 'InvalidSetting', { field: `ConfigMap data.${key}`, value: item, problem });
      }
      return items.filter((item) => toPattern(item).ok);
    };
    const policy = { userAgents: read('block-user-agents'), referers: read('block-referers') };
    return policy.userAgents.length + policy.referers.length === 0 ? undefined : policy;
  },
  createFilter: ({ userAgents, referers }) => {
    const isBlockedAgent = createMatcher(userAgents);
    const isBlockedReferer = createMatcher(referers);
    return {
      onRequest: (request) =>
        isBlockedAgent(request.header('user-agent') ?? '') ||
        isBlockedReferer(request.header('referer') ?? '')
          ? FORBIDDEN
          : undefined,
    };
  },
});

function createMatcher(items: readonly string[]): (value: string) => boolean {
  const patterns = items.map(toPattern).filter((pattern) => pattern.ok);
  return (value) => patterns.some(({ matches }) => matches(value));
}
