import { compileNetworks } from '../../lib/cidr.ts';
import { splitList } from '../../lib/nginx-values.ts';
import { defineFeature } from '../kit/feature.ts';
import type { DirectResponse } from '../kit/filter.ts';
import { cidr, listOf } from '../kit/values.ts';

export interface IpAccessPolicy {
  /** Clients outside are refused; undefined: all may come. */
  readonly allowed?: readonly string[];
  /** Clients inside are refused, before `allowed` is looked at. */
  readonly denied?: readonly string[];
}

const FORBIDDEN: DirectResponse = { status: 403 };

/** Who may call a route, by client address after real-IP processing (annotations.md §6). */
export const ipAccess = defineFeature({
  name: 'ip-access',
  doc: 'Which client addresses may call a route. A list that cannot be read denies everybody.',
  scope: 'route',
  stage: 'access',
  annotations: {
    'allowlist-source-range': {
      parse: listOf(cidr),
      risk: 'medium',
      onInvalid: 'deny',
      aliases: ['whitelist-source-range'],
      configMapKey: 'whitelist-source-range',
      doc: 'Comma list of addresses and networks that may call; others are 403. Replaces the ConfigMap list.',
    },
    'denylist-source-range': {
      parse: listOf(cidr),
      risk: 'medium',
      onInvalid: 'deny',
      configMapKey: 'denylist-source-range',
      doc: 'Comma list of addresses and networks that get 403; looked at before the allow list.',
    },
  },
  configMapKeys: { 'block-cidrs': 'Networks that get 403 on every route without lists of its own.' },
  translate: (values, { has, findings, source, deny, setting }): IpAccessPolicy | undefined => {
    for (const key of ['allowlist-source-range', 'denylist-source-range'] as const) {
      // Present but empty denies (annotations.md §0.3), except under the alias alone.
      const isAlias = key === 'allowlist-source-range' && has('whitelist-source-range');
      if (!has(key) || isAlias || values[key] !== undefined) continue;
      findings.error(source, 'InvalidAnnotation', {
        field: `metadata.annotations[${key}]`,
        problem: 'is empty or not a list of networks',
        consequence: 'the routes of the Ingress answer 503',
      });
      deny();
    }
    const allowed = values['allowlist-source-range'];
    const own = values['denylist-source-range'];
    const hasLists = (allowed?.length ?? 0) > 0 || (own?.length ?? 0) > 0;
    const blocked = hasLists ? [] : splitList(setting('block-cidrs') ?? '').filter((item) => cidr(item).ok);
    const denied = [...(own ?? []), ...blocked];
    if ((allowed === undefined || allowed.length === 0) && denied.length === 0) return undefined;
    return {
      ...(allowed === undefined || allowed.length === 0 ? {} : { allowed }),
      ...(denied.length === 0 ? {} : { denied }),
    };
  },
  createFilter: ({ allowed, denied }) => {
    const admits = allowed === undefined ? undefined : compileNetworks(allowed);
    const refuses = denied === undefined ? undefined : compileNetworks(denied);
    return {
      onRequest: ({ clientAddress }) =>
        refuses?.(clientAddress) === true || admits?.(clientAddress) === false ? FORBIDDEN : undefined,
    };
  },
});
