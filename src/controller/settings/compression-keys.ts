import { readMapItem } from '../../lib/map-patterns.ts';
import type { CodingName } from '../../table/compression.ts';
import type { CodingParts } from './compression-parts.ts';
import { bool, parsed, within } from './apply-parsed.ts';
import type { ApplyKey, SettingsDraft } from './draft.ts';

const HIGHEST = { gzip: 9, br: 11, zstd: 19 } as const satisfies Record<CodingName, number>;
const TYPES_MAX = 256;
const TYPE = /^(?:\*|[a-z0-9!#$&^_.+-]{1,63}\/[a-z0-9!#$&^_.+-]{1,127})$/;

const switchOn = (name: CodingName): ApplyKey =>
  bool(({ compressionParts: { on } }, value) => {
    if (value) on.add(name);
  });

/** By blanks, as nginx takes them. */
function readTypes(text: string): readonly string[] | undefined {
  const types = text.toLowerCase().split(/\s+/).filter(Boolean);
  return types.length > TYPES_MAX || !types.every((type) => TYPE.test(type)) ? undefined : types;
}

function keysOf(name: CodingName, prefix: string, least: number): Readonly<Record<string, ApplyKey>> {
  const most = HIGHEST[name];
  const set =
    <K extends keyof CodingParts>(key: K) =>
    ({ compressionParts }: SettingsDraft, value: CodingParts[K]) =>
      void (compressionParts.codings[name][key] = value);
  return {
    [`${prefix}-level`]: parsed(within(least, most), `a level from ${least} to ${most}`, set('level')),
    [`${prefix}-min-length`]: parsed(within(0, 2 ** 31), 'a number of bytes', set('minLength')),
    [`${prefix}-types`]: parsed(readTypes, `a list of at most ${TYPES_MAX} media types`, set('types')),
  };
}

/** nginx has a name for some agents. */
const MSIE6 = '~MSIE [4-6]\\.';

const agents: ApplyKey = ({ compressionParts }, text) => {
  if (text === '') return undefined;
  const item = text === 'msie6' ? MSIE6 : `~*${text}`;
  const read = readMapItem(item);
  const consequence = 'clients of all kinds get gzip';
  if (!read.ok) {
    const reason = read.isCostly ? 'SlowPattern' : 'InvalidSetting';
    return { reason, problem: read.problem, consequence };
  }
  compressionParts.agentsWithoutGzip = item;
  if (!read.isTimed) return undefined;
  return {
    reason: 'SlowPattern',
    problem: 'is a pattern that cannot be matched in linear time',
    consequence: 'a client for which it takes longer than 50 ms gets no gzip',
  };
};

/** ConfigMap keys of compression, with what each sets. */
export const COMPRESSION_KEYS: Readonly<Record<string, ApplyKey>> = {
  'use-gzip': switchOn('gzip'),
  ...keysOf('gzip', 'gzip', 1),
  'gzip-disable': agents,
  'enable-brotli': switchOn('br'),
  ...keysOf('br', 'brotli', 0),
  'enable-zstd': switchOn('zstd'),
  ...keysOf('zstd', 'zstd', 1),
};
