import { dirname, join, normalize } from 'node:path';

/** What can be cited and linked of a page. */
export interface Page {
  /** Numbers of its headings. */
  readonly sections: ReadonlySet<string>;
  readonly anchors: ReadonlySet<string>;
}

/** Pages by their path from the root of the tree. */
export type Pages = ReadonlyMap<string, Page>;

const NUMBERED = /^#{1,6} (\d+(?:\.\d+)*)\.? /gm;
const HEADING = /^#{1,6} (.+?)\s*$/gm;

function withoutCode(text: string): string {
  return text.replace(/^(```|~~~)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, (block) => block.replace(/[^\n]/g, ' '));
}

export function sectionsOf(text: string): Set<string> {
  return new Set([...withoutCode(text).matchAll(NUMBERED)].map((match) => match[1]!));
}

/** Anchors of the headings as forges make them: lower case, punctuation gone, blanks as hyphens, repeated ones counted. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of withoutCode(text).matchAll(HEADING)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

const SECTION = /§(\d+(?:\.\d+)*)(?:-(\d+(?:\.\d+)*))?/g;
/** Between two sections of one page: `§3 and §4`, `§3, §4`, `§2 to §4`. */
const CONNECTOR = /^(?:, and|,| and| to| or)?\s+$/;
/** What stands before a section: a page, or a standard. */
const SOURCE = /([\w./-]+\.md|RFC \d{3,5}|(?<![\w.])\d{4}|X\.\d+|PROXY protocol|[\w.-]+)\s+$/;
const STANDARD = /^(?:RFC \d+|\d{4}|X\.\d+|PROXY protocol)$/;
const PAGE = /(?<![\w/.-])((?:[\w-]+\/)*[\w-]+\.md)(#[\w-]+)?/g;

/** Citations of a text that lead nowhere, each behind its line; `path` is where the text stands. */
export function findCitations(path: string, text: string, pages: Pages): string[] {
  // Comments run over line ends.
  const joined = text.replace(/\n[ \t]*(?:\*|\/\/|#) /g, (lead) => `\n${' '.repeat(lead.length - 1)}`);
  const lineOf = (at: number): number => joined.slice(0, at).split('\n').length;
  const isPage = path.endsWith('.md');
  const broken: string[] = [];
  let source = '';
  let end = -1;
  for (const match of joined.matchAll(SECTION)) {
    const { index } = match;
    const between = end < 0 ? undefined : joined.slice(end, index);
    end = index + match[0].length;
    const numbers = [match[1]!, ...(match[2] === undefined ? [] : [match[2]])];
    if (between === undefined || source === '' || !CONNECTOR.test(between)) {
      source = sourceOf(joined.slice(Math.max(0, index - 200), index), path, pages);
    }
    if (STANDARD.test(source)) continue;
    const page = pages.get(source);
    for (const number of numbers) {
      if (page?.sections.has(number) === true) continue;
      const before = /(?:[\w.-]+ )?[\w.-]+ $/.exec(joined.slice(0, index))?.[0] ?? '';
      broken.push(`${lineOf(index)}: ${page === undefined ? source || before.trim() : source} §${number}`);
    }
  }
  // Pages link to each other by links, which have a test of their own.
  if (isPage) return broken;
  for (const match of joined.matchAll(PAGE)) {
    const [, name, anchor] = match;
    // Code that writes pages names them as they name each other.
    const page = [name!, join('docs', name!), join(dirname(path), name!)]
      .map((one) => pages.get(one))
      .find((one) => one !== undefined);
    const isNumberBehind = /^ \d/.test(joined.slice(match.index + match[0].length));
    const isAnchorThere = anchor === undefined || page?.anchors.has(anchor.slice(1)) === true;
    if (page !== undefined && isAnchorThere && !isNumberBehind) continue;
    broken.push(`${lineOf(match.index)}: ${name}${anchor ?? ''}`);
  }
  return broken;
}

/** The page or standard that a section is of; what is neither stays as it was written, so that it is told. */
function sourceOf(before: string, path: string, pages: Pages): string {
  const named = SOURCE.exec(before)?.[1];
  if (named !== undefined && STANDARD.test(named)) return named;
  // A page names its neighbours as it links them.
  if (named?.endsWith('.md') === true) {
    return pages.has(named) || !path.endsWith('.md') ? named : normalize(join(dirname(path), named));
  }
  if (named === 'routing' && path.startsWith('test/protocol/codec/')) return 'docs/reference/routing.md';
  if (pages.get(path)?.sections.size) return path;
  return '';
}

/** Relative links of a page that lead to no file or to no heading. */
export function brokenLinks(
  path: string,
  text: string,
  pages: Pages,
  isThere: (path: string) => boolean,
): string[] {
  const prose = withoutCode(text).replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1]!)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : normalize(join(dirname(path), file));
      if (!isThere(target)) return true;
      return anchor !== undefined && pages.get(target)?.anchors.has(anchor) !== true;
    });
}

/** Code blocks with a file behind their language (```ts src/a.ts) whose text that file does not hold. */
export function missingQuotes(text: string, read: (path: string) => string): string[] {
  return [...text.matchAll(/^```\w+ (\S+)\n([\s\S]*?)\n```$/gm)]
    .filter(([, file, code]) => !read(file!).includes(code!))
    .map(([, file, code]) => `${file}: ${code!.split('\n')[0]!.trim()}`);
}
