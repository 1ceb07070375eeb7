import { describe, expect, test } from 'vitest';
import type { Parser } from './feature.ts';
import * as values from './values.ts';

const accepted: [name: string, parser: Parser<any>, raw: string, want: unknown][] = [
  ['bool', values.bool, 'T', true],
  ['bool', values.bool, '0', false],
  ['int', values.int, '+7', 7],
  ['onOff', values.onOff, 'off', false],
  ['seconds', values.seconds, '60', 60_000],
  ['size', values.size, '8k', 8192],
  ['size', values.size, '0', 0],
  ['oneOf', values.oneOf(['HTTP', 'HTTPS'], true), 'https', 'HTTPS'],
  ['basic trims', values.basic, ' a-b_c~d/e:f.g ', 'a-b_c~d/e:f.g'],
  ['basic keeps a space that its class passes over', values.basic, 'a b', 'a b'],
  ['url', values.url, 'https://a.b/c?d=e&f=g,h', 'https://a.b/c?d=e&f=g,h'],
  ['serverish', values.serverish, '^/a(/|$)[b]{2}\\.?', '^/a(/|$)[b]{2}\\.?'],
  ['pathcap', values.pathcap, '/$1/a', '/$1/a'],
  ['nginxvar', values.nginxvar, '${request_uri}-x', '${request_uri}-x'],
  ['hdrlist', values.hdrlist, 'A-B, c_d', 'A-B, c_d'],
  ['list of networks', values.cidrs, '10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
];
const refused: [name: string, parser: Parser<any>, raw: string, problem: string][] = [
  ['bool', values.bool, 'yes', 'is not a boolean'],
  ['int', values.int, '1.5', 'is not a whole number'],
  ['onOff', values.onOff, 'true', 'is neither on nor off'],
  ['seconds', values.seconds, '60s', 'is not a whole number of seconds'],
  ['seconds', values.seconds, '-1', 'is not a whole number of seconds'],
  ['size', values.size, '5b', 'has the unit b, which nginx does not apply'],
  ['size', values.size, 'big', 'is not a size such as 8k or 1m'],
  ['basic', values.basic, 'a;b', 'has characters outside letters, digits and - . _ ~ / :'],
  ['basic with a line end', values.basic, 'a\nb', 'has characters outside letters, digits and - . _ ~ / :'],
  ['pathcap', values.pathcap, '/a?b', 'has characters outside letters, digits and - . _ ~ / : $'],
  [
    'network',
    values.cidrs,
    '10.0.0.0/8, 10.0.0.0/33',
    'has the item "10.0.0.0/33", which is no address and no network',
  ],
  ['networks', values.cidrs, ',', 'has the item "", which is no address and no network'],
  ['networks', values.cidrs, '10.0.0.0/8,', 'has the item "", which is no address and no network'],
];

describe('annotation values', () => {
  for (const [name, parser, raw, want] of accepted) {
    test(`${name} takes ${JSON.stringify(raw)}`, () =>
      expect(parser(raw)).toEqual({ ok: true, value: want }));
  }
  for (const [name, parser, raw, problem] of refused) {
    test(`${name} refuses ${JSON.stringify(raw)}`, () => expect(parser(raw)).toEqual({ ok: false, problem }));
  }
});
