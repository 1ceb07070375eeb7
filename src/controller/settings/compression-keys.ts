import { parseGoBool, parseGoInt } from '../../lib/nginx-values.ts';
import { readMapItem } from '../../lib/map-patterns.ts';
import type { CodingName } from '../../table/compression.ts';
import type { CodingParts } from './compression-parts.ts';
import type { ApplyKey } from './draft.ts';

const HIGHEST = { gzip: 9, br: 11, zstd: 19 } as const satisfies Record<CodingName, number>;
const TYPES_MAX = 256;
const TYPE = /^(?:\*|[a-z0-9!#$&^_.+-]{1,63}\/[a-z0-9!#$&^_.+-]{1,127})$/;

const switchOn =
  (name: CodingName): ApplyKey =>
  ({ compressionParts: { on } }, text) => {
    const value = parseGoBool(text);
    if (value === undefined) return 'is not a boolean';
    if (value) on.add(name);
    return undefined;
  };

const set =
  <K extends keyof CodingParts>(
    name: CodingName,
    key: K,
    read: (text: string) => CodingParts[K] | undefined,
    what: string,
  ): ApplyKey =>
  (draft, text) => {
    const value = read(text);
    if (value === undefined) return `is not ${what}`;
    draft.compressionParts.codings[name][key] = value;
    return undefined;
  };

const within = (least: number, most: number) => (text: string) => {
  const value = parseGoInt(text);
  return value === undefined || value < least || value > most ? undefined : value;
};

/** By blanks, as nginx takes them. */
function readTypes(text: string): readonly string[] | undefined {
  const types = text.toLowerCase().split(/\s+/).filter(Boolean);
  return types.length > TYPES_MAX || !types.every((type) => TYPE.test(type)) ? undefined : types;
}

function keysOf(name: CodingName, prefix: string, least: number): Readonly<Record<string, ApplyKey>> {
  const most = HIGHEST[name];
  return {
    [`${prefix}-level`]: set(name, 'level', within(least, most), `a level from ${least} to ${most}`),
    [`${prefix}-min-length`]: set(name, 'minLength', within(0, 2 ** 31), 'a number of bytes'),
    [`${prefix}-types`]: set(name, 'types', readTypes, `a list of at most ${TYPES_MAX} media types`),
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
