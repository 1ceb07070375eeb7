import type { ServerAliasPolicy } from '../../model/policy.ts';
import { defineFeature, LIST_LENGTH_MAX } from '../kit/feature.ts';
import { listOf, serverish } from '../kit/values.ts';

/** Further names of a host (docs/reference/annotations.md §2.4). */
export const serverAlias = defineFeature({
  name: 'server-alias',
  doc: 'Further names of the hosts of the Ingress.',
  scope: 'host',
  names: { kind: 'written', of: ({ aliases }) => aliases },
  annotations: {
    'server-alias': {
      parse: listOf(serverish),
      maxLength: LIST_LENGTH_MAX,
      risk: 'high',
      onInvalid: 'drop',
      doc: 'Comma list of exact names, wildcards (`*.x`, `x.*`, `.x`) or regular expressions that begin with `~`.',
      difference: 'at most 256 regular expressions in all, each matched in linear time',
    },
  },
  translate: (values): ServerAliasPolicy | undefined => {
    // Names have no case; an expression's letters may mean more than themselves (`\D`).
    const written: readonly string[] = values['server-alias'] ?? [];
    const names = written.map((alias) => (alias.startsWith('~') ? alias : alias.toLowerCase()));
    const aliases = [...new Set(names)].toSorted();
    return aliases.length === 0 ? undefined : { aliases };
  },
});
