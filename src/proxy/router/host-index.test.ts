import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import { HostIndex, type Named } from './host-index.ts';

const NAMES = ['a.test', 'b.test', '*.test', '*.a.test', 'c.d.test'];
const ASKED = [...NAMES, 'x.test', 'x.a.test', 'alias.test', 'other.alias.test', 'd.example', ''];

test('an index made from the one before finds what one of all hosts finds', () => {
  const change = fc.record({
    name: fc.constantFrom(...NAMES),
    aliases: fc.option(
      fc.array(fc.constantFrom('alias.test', '*.alias.test', 'b.test', 'd.*', '~^d'), { maxLength: 2 }),
      {
        nil: undefined,
        freq: 3,
      },
    ),
    isAliased: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 12 }), (rounds) => {
      const catchAll: Named = { entry: { name: CATCH_ALL, aliases: [] } };
      const hosts = new Map<string, Named>([[CATCH_ALL, catchAll]]);
      let index = HostIndex.of(hosts.values(), catchAll);
      for (const round of rounds) {
        const changed = new Map<string, Named | undefined>();
        for (const { name, aliases, isAliased } of round) {
          const host = aliases && { entry: { name, aliases: isAliased ? aliases : [] } };
          changed.set(name, host);
          if (host === undefined) hosts.delete(name);
          else hosts.set(name, host);
        }
        const gone = [...changed].filter(([, host]) => host === undefined).map(([name]) => name);
        const come = [...changed.values()].filter((host) => host !== undefined);
        index = index.next(hosts.values(), catchAll, come, gone);
        const fresh = HostIndex.of(hosts.values(), catchAll);
        for (const name of ASKED) expect(index.find(name)).toBe(fresh.find(name));
      }
    }),
    { numRuns: 300 },
  );
});
