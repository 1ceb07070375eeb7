import { Pattern } from '../src/lib/pattern.ts';
import { OF_PATH, toRegex } from '../src/lib/pcre.ts';
import { HOSTILE_PATHS, hostileText } from '../test/fixtures/hostile-patterns.ts';

/*
 * node loadtest/patterns.ts: what a path of 8 and of 64 KiB costs patterns that were made to backtrack, and a usual path those that
 * people write, beside the same expression as plain JavaScript with the flag i.
 */

const LENGTHS = [8_192, 65_536];
const ROUNDS = 9;
const USUAL: readonly (readonly [pattern: string, path: string])[] = [
  ['/something(/|$)(.*)', '/something/new/thing/abc.html'],
  ['/api/v[0-9]+/users/[^/]+/(.*)', '/api/v1/users/1234/profile/edit'],
  ['/([a-z0-9-]+)/(.*)', '/some-service/path/to/thing'],
  ['/[^/]+/static/.*\\.(png|jpg|css)', '/abc/static/dir/dir2/image.jpg'],
  ['/(?!api/|static/)(.*)', '/shop/cart/17'],
];

function patternOf(written: string): Pattern {
  const regex = toRegex(written, OF_PATH);
  if (!regex.ok) throw new Error(`${written} ${regex.problem}`);
  return new Pattern(regex, true);
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function millisecondsOf(pattern: Pattern, text: string): string {
  const times: number[] = [];
  let isCut = false;
  for (let i = 0; i < ROUNDS; i++) {
    const startedMs = performance.now();
    try {
      pattern.test(text);
    } catch {
      isCut = true;
    }
    times.push(performance.now() - startedMs);
  }
  return `${medianOf(times).toFixed(1)} ms${isCut ? ' (cut)' : ''}`;
}

function nanosecondsOf(test: (text: string) => boolean, text: string): number {
  const count = 400_000;
  const startedMs = performance.now();
  let matches = 0;
  for (let i = 0; i < count; i++) if (test(text)) matches++;
  if (matches !== count) throw new Error(`${text} is to be matched`);
  return ((performance.now() - startedMs) * 1e6) / count;
}

console.log(`| hostile pattern | ${LENGTHS.map((length) => `${length / 1_024} KiB`).join(' | ')} |`);
for (const [written, unit] of HOSTILE_PATHS) {
  const pattern = patternOf(written);
  const cells = LENGTHS.map((length) => millisecondsOf(pattern, hostileText(unit, length)));
  console.log(`| ${written} | ${cells.join(' | ')} |`);
}

console.log('\n| usual pattern | as converted | plain JavaScript |');
for (const [written, path] of USUAL) {
  const pattern = patternOf(written);
  const plain = new RegExp(`^${written}`, 'i');
  const converted: number[] = [];
  const before: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    converted.push(nanosecondsOf((text) => pattern.test(text), path));
    before.push(nanosecondsOf((text) => plain.test(text), path));
  }
  console.log(`| ${written} | ${medianOf(converted).toFixed(0)} ns | ${medianOf(before).toFixed(0)} ns |`);
}
