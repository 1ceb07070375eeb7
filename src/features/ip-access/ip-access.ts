import { areWithin, compileNetworks } from '../../lib/cidr.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { defineFeature, LIST_LENGTH_MAX } from '../kit/feature.ts';
import type { DirectResponse } from '../kit/filter.ts';
import { isRedirected } from '../kit/vain.ts';
import { cidrs } from '../kit/values.ts';

export interface IpAccessPolicy {
  /** Clients outside are refused; undefined: all may come. */
  readonly allowed?: readonly string[];
  /** Clients inside are refused, before `allowed` is looked at. */
  readonly denied?: readonly string[];
}

/** Pairs of networks that are compared for a finding's sake. */
const COMPARED_MAX = 100_000;

const FORBIDDEN: DirectResponse = { status: 403 };

/** Who may call a route, by client address after real-IP processing (docs/reference/annotations.md §6). */
export const ipAccess = defineFeature({
  name: 'ip-access',
  doc: 'Which client addresses may call a route. A list that cannot be read denies everybody.',
  scope: 'route',
  stage: 'access',
  annotations: {
    'allowlist-source-range': {
      parse: cidrs,
      maxLength: LIST_LENGTH_MAX,
      risk: 'medium',
      onInvalid: 'deny',
      aliases: ['whitelist-source-range'],
      isProtection: true,
      doc: 'Comma list of addresses and networks that may call; others are 403. Replaces the ConfigMap list.',
    },
    'denylist-source-range': {
      parse: cidrs,
      maxLength: LIST_LENGTH_MAX,
      risk: 'medium',
      onInvalid: 'deny',
      isProtection: true,
      doc: 'Comma list of addresses and networks that get 403; looked at before the allow list.',
    },
  },
  configMapKeys: {
    'whitelist-source-range': {
      doc: 'Allow list of routes without one of their own.',
      parse: cidrs,
      onInvalid: 'deny',
    },
    'denylist-source-range': {
      doc: 'Deny list of routes without one of their own.',
      parse: cidrs,
      onInvalid: 'deny',
    },
    'block-cidrs': {
      doc: 'Networks that get 403 on every route without lists of its own.',
      parse: cidrs,
      onInvalid: 'deny',
    },
  },
  vain: [
    {
      of: ['allowlist-source-range', 'denylist-source-range'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'everybody is redirected',
      holds: (_, place) => isRedirected(place),
    },
    {
      of: ['allowlist-source-range'],
      problem: 'has only networks of denylist-source-range, which is looked at first',
      consequence: 'nobody is let in',
      severity: 'warning',
      holds: (values) => {
        const [allowed, denied] = [
          values['allowlist-source-range'] ?? [],
          values['denylist-source-range'] ?? [],
        ];
        return allowed.length * denied.length <= COMPARED_MAX && areWithin(allowed, denied);
      },
    },
  ],
  translate: (values, context): IpAccessPolicy | undefined => {
    const { isBlank, setting } = context;
    for (const key of ['allowlist-source-range', 'denylist-source-range'] as const) {
      // Blank denies (docs/reference/annotations.md §0.3), unless the alias gives a list; a blank alias alone is nothing.
      if (!isBlank(key) || values[key] !== undefined) continue;
      denyRoutes(context, 'InvalidAnnotation', {
        field: `metadata.annotations[${key}]`,
        problem: 'is empty',
      });
    }
    const closedBy = (key: string) => {
      const text = setting(key);
      const parsed = text === undefined ? undefined : cidrs(text);
      if (parsed === undefined || parsed.ok) return parsed?.value;
      const { problem } = parsed;
      return denyRoutes(context, 'InvalidSetting', { field: `ConfigMap data.${key}`, value: text, problem });
    };
    // Lists of the ConfigMap protect too: one that cannot be read opens nothing.
    const allowed = values['allowlist-source-range'] ?? closedBy('whitelist-source-range');
    const own = values['denylist-source-range'] ?? closedBy('denylist-source-range');
    const hasLists = allowed !== undefined || own !== undefined;
    const denied = own ?? (hasLists ? undefined : closedBy('block-cidrs'));
    if (allowed === undefined && denied === undefined) return undefined;
    return {
      ...(allowed === undefined ? {} : { allowed }),
      ...(denied === undefined ? {} : { denied }),
    };
  },
  createFilter: ({ allowed, denied }) => {
    const admits = allowed === undefined ? undefined : compileNetworks(allowed);
    const refuses = denied === undefined ? undefined : compileNetworks(denied);
    return {
      checkAccess({ clientAddress }) {
        if (refuses?.(clientAddress) === true) return FORBIDDEN;
        // A deny list alone lets nobody in by itself: it has nothing to say of others.
        if (admits === undefined) return undefined;
        return admits(clientAddress) ? 'allow' : FORBIDDEN;
      },
    };
  },
});
