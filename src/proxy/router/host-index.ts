import { CATCH_ALL } from '../../lib/catch-all.ts';
import { Pattern } from '../../lib/pattern.ts';
import { SearchLimit } from '../../lib/search-limit.ts';
import { TextMap } from '../../lib/text-map.ts';
import type { HostEntry } from '../../table/table.ts';

/** Characters of a name in the DNS. */
const NAME_MAX = 255;
const FIRST_LABEL = /^[\w-]+$/;

/** What a host is found by. */
export interface Named {
  readonly entry: Pick<HostEntry, 'name' | 'aliases'>;
}

interface NamedRegex<H extends Named> {
  readonly hostName: string;
  readonly regex: Pattern;
  readonly host: H;
}

/**
 * Finds the host for a name in the order of docs/reference/routing.md §2: exact, leading-wildcard alias, trailing-wildcard alias, then
 * wildcard hosts and regex aliases in the order of host names, else the catch-all. Costs the same for one host as for 10,000.
 */
export class HostIndex<H extends Named> {
  readonly #catchAll: H;
  readonly #exact: TextMap<H>;
  /** `*.a.b` hosts by `.a.b`. */
  readonly #wildcards: TextMap<H>;
  /** `*.a.b` aliases by `.a.b`, any depth. */
  readonly #leading: TextMap<H>;
  /** `a.b.*` aliases by `a.b.`. */
  readonly #trailing: TextMap<H>;
  readonly #regexes: NamedRegex<H>[] = [];
  readonly #limit = new SearchLimit();
  readonly #isPlain: boolean;
  readonly #areAliased: boolean;

  /** `like` has what does not change: all but hosts without aliases, where nobody has any. */
  private constructor(hosts: Iterable<H>, catchAll: H, like?: HostIndex<H>) {
    this.#catchAll = catchAll;
    this.#exact = like === undefined ? new TextMap<H>() : like.#exact.copy();
    this.#wildcards = like === undefined ? new TextMap<H>() : like.#wildcards.copy();
    this.#leading = new TextMap<H>();
    this.#trailing = new TextMap<H>();
    const aliased: H[] = [];
    for (const host of hosts) {
      if (host.entry.aliases.length > 0) aliased.push(host);
      this.#setName(host);
    }
    // Where two hosts claim an alias, the first by name has it.
    aliased.sort((a, b) => (a.entry.name < b.entry.name ? -1 : 1));
    for (const host of aliased) for (const alias of host.entry.aliases) this.#addAlias(alias, host);
    this.#isPlain =
      this.#leading.size + this.#trailing.size + this.#wildcards.size + this.#regexes.length === 0;
    this.#areAliased = aliased.length > 0;
  }

  static of<H extends Named>(hosts: Iterable<H>, catchAll: H): HostIndex<H> {
    return new HostIndex(hosts, catchAll);
  }

  /** The index of these hosts, of which `changed` are others than in this one: under names without aliases it costs little more than they do. */
  next(hosts: Iterable<H>, catchAll: H, changed: readonly H[], removed: readonly string[]): HostIndex<H> {
    if (this.#areAliased || changed.some(({ entry }) => entry.aliases.length > 0))
      return new HostIndex(hosts, catchAll);
    const next = new HostIndex(changed, catchAll, this);
    for (const name of removed) next.#deleteName(name);
    return next;
  }

  #setName(host: H): void {
    const { name } = host.entry;
    if (name.startsWith('*.')) this.#wildcards.set(name.slice(1), host);
    else if (name !== CATCH_ALL) this.#exact.set(name, host);
  }

  #deleteName(name: string): void {
    if (name.startsWith('*.')) this.#wildcards.delete(name.slice(1));
    else this.#exact.delete(name);
  }

  /** `name` is lower-case, without port and final dot; empty when the request names none. */
  find(name: string): H {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    return this.#isPlain ? this.#catchAll : this.#findPattern(name);
  }

  #findPattern(name: string): H {
    if (this.#leading.size > 0) {
      // From the left: the longest suffix comes first.
      for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
        const host = dot === 0 ? undefined : this.#leading.get(name.slice(dot));
        if (host !== undefined) return host;
      }
    }
    if (this.#trailing.size > 0) {
      for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
        const host = dot === name.length - 1 ? undefined : this.#trailing.get(name.slice(0, dot + 1));
        if (host !== undefined) return host;
      }
    }
    const wildcard = this.#wildcardOf(name);
    let tried = 0;
    for (const { hostName, regex, host } of this.#regexes) {
      if (wildcard !== undefined && wildcard.entry.name <= hostName) break;
      // No name in the DNS is longer.
      if (name.length > NAME_MAX) break;
      this.#limit.check(++tried, name.length);
      if (regex.test(name)) return host;
    }
    return wildcard ?? this.#catchAll;
  }

  /** One label, never an empty one. */
  #wildcardOf(name: string): H | undefined {
    const dot = name.indexOf('.');
    if (dot <= 0) return undefined;
    const host = this.#wildcards.get(name.slice(dot));
    return host !== undefined && FIRST_LABEL.test(name.slice(0, dot)) ? host : undefined;
  }

  #addAlias(alias: string, host: H): void {
    if (alias.startsWith('~')) {
      // It is linear and of bounded weight, names are short and have no line feed: its source is all there is to it.
      const converted = { source: alias.slice(1), weight: 1, hasLoop: true };
      this.#regexes.push({ hostName: host.entry.name, regex: new Pattern(converted, false), host });
    } else if (alias.startsWith('*.')) {
      setIfFree(this.#leading, alias.slice(1), host);
    } else if (alias.endsWith('.*')) {
      setIfFree(this.#trailing, alias.slice(0, -1), host);
    } else if (alias.startsWith('.')) {
      setIfFree(this.#leading, alias, host);
      setIfFree(this.#exact, alias.slice(1), host);
    } else {
      setIfFree(this.#exact, alias, host);
    }
  }
}

function setIfFree<H>(map: TextMap<H>, key: string, host: H): void {
  if (!map.has(key)) map.set(key, host);
}
