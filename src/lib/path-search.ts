import { Pattern } from './pattern.ts';
import { toRegex, type PathRegex } from './pcre.ts';
import type { Captures } from './variables/source.ts';

/** A path of a regex host as rewrites and captures take it, from its beginning, as the route is matched. Keeps its last match. */
export class PathSearch implements Captures {
  readonly #pattern: Pattern;
  #path: string | undefined = undefined;
  #match: RegExpExecArray | null = null;

  constructor(regex: PathRegex) {
    this.#pattern = new Pattern(regex, true);
  }

  /** Itself, with the groups of this path; undefined when the path does not match. Good until the next search. */
  find(path: string): this | undefined {
    if (path !== this.#path) {
      this.#match = this.#pattern.exec(path);
      this.#path = path;
    }
    return this.#match === null ? undefined : this;
  }

  capture(number: number): string {
    return this.#match === null ? '' : this.#pattern.captureOf(this.#match, number);
  }

  group(name: string): string | undefined {
    return this.#match?.groups === undefined || !Object.hasOwn(this.#match.groups, name)
      ? undefined
      : (this.#match.groups[name] ?? '');
  }
}

/** Searches for the pattern of an Ingress path; compiled at the first search, and never found where it is no usable pattern. */
export class LazyPathSearch {
  readonly #pattern: string;
  #search: PathSearch | undefined = undefined;
  #isMade = false;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  find(path: string): Captures | undefined {
    if (!this.#isMade) {
      this.#isMade = true;
      const regex = toRegex(this.#pattern);
      if (regex.ok) this.#search = new PathSearch(regex);
    }
    return this.#search?.find(path);
  }
}

const GROUP_NAME = /\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/g;

/** Names of the groups in a pattern. */
export function groupNames(pattern: string): string[] {
  return [...pattern.matchAll(GROUP_NAME)].map(([, angled, quoted]) => (angled ?? quoted)!);
}
