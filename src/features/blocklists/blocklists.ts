import { createMapTest, readMapItem } from '../../lib/map-patterns.ts';
import { splitList } from '../../lib/nginx-values.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { defineFeature } from '../kit/feature.ts';
import type { DirectResponse } from '../kit/filter.ts';
import { listOf } from '../kit/values.ts';
import { TIMED } from '../kit/timed-pattern.ts';

export interface BlocklistsPolicy {
  readonly userAgents: readonly string[];
  readonly referers: readonly string[];
}

const FORBIDDEN: DirectResponse = { status: 403 };

const mapItems = listOf<unknown>((item) => {
  const read = readMapItem(item);
  return read.ok ? { ok: true, value: read.match } : read;
});

/** Refuses requests by User-Agent and Referer, on all hosts and before all else (docs/reference/evaluation-order.md §1, step 3). */
export const blocklists = defineFeature({
  name: 'blocklists',
  doc: 'Requests refused by User-Agent and Referer.',
  scope: 'host',
  stage: 'host',
  annotations: {},
  configMapKeys: {
    'block-user-agents': {
      doc: 'Comma list: exact text without regard to case, `~regex`, or `~*regex` without regard to case; 403 on a match.',
      parse: mapItems,
      onInvalid: 'deny',
    },
    'block-referers': { doc: 'The same for the Referer.', parse: mapItems, onInvalid: 'deny' },
  },
  translate: (_values, context): BlocklistsPolicy | undefined => {
    const read = (key: string): readonly string[] => {
      const items = splitList(context.setting(key) ?? '');
      const field = `ConfigMap data.${key}`;
      return items.filter((item) => {
        const read = readMapItem(item);
        if (read.ok) {
          if (read.isTimed) {
            context.findings.warn(context.source, 'SlowPattern', { field, value: item, ...TIMED });
          }
          return true;
        }
        // Whom it was to keep out is not known: nobody comes in.
        const reason = read.isCostly ? 'SlowPattern' : 'InvalidSetting';
        denyRoutes(context, reason, { field, value: item, problem: read.problem });
        return false;
      });
    };
    const policy = { userAgents: read('block-user-agents'), referers: read('block-referers') };
    return policy.userAgents.length + policy.referers.length === 0 ? undefined : policy;
  },
  createFilter: ({ userAgents, referers }) => {
    const isBlockedAgent = createMapTest(userAgents);
    const isBlockedReferer = createMapTest(referers);
    return {
      onRequest: (request) =>
        isBlockedAgent?.(request.header('user-agent') ?? '') === true ||
        isBlockedReferer?.(request.header('referer') ?? '') === true
          ? FORBIDDEN
          : undefined,
    };
  },
});
