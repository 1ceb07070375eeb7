import { editsBetween } from '../lib/edited-list.ts';
import type { UpstreamModel } from '../model/model.ts';

/** The upstreams of the model of now, by id and by Service. Taking the next model in costs what changed, and a look at the rest. */
export class UpstreamIndex {
  #upstreams: readonly UpstreamModel[] = [];
  readonly #byId = new Map<string, UpstreamModel>();
  /** By `namespace/service`. */
  readonly #byService = new Map<string, Set<UpstreamModel>>();

  /** Answers the upstreams that are not as they were, and tells of the ids that are gone. */
  take(upstreams: readonly UpstreamModel[], gone: (id: string) => void): Set<UpstreamModel> {
    const touched = new Set<UpstreamModel>();
    const edits = editsBetween(this.#upstreams, upstreams);
    this.#upstreams = upstreams;
    for (const upstream of edits?.flatMap(({ after }) => after ?? []) ?? upstreams) {
      const before = this.#byId.get(upstream.id);
      if (before === upstream) continue;
      if (before !== undefined) this.#leave(before);
      this.#enter(upstream);
      touched.add(upstream);
    }
    if (this.#byId.size === upstreams.length) return touched;
    const ids = edits === undefined ? new Set(upstreams.map(({ id }) => id)) : undefined;
    const perhapsGone = edits?.flatMap(({ before }) => before ?? []) ?? [...this.#byId.values()];
    for (const upstream of perhapsGone) {
      if (ids?.has(upstream.id) === true || this.#byId.get(upstream.id) !== upstream) continue;
      this.#leave(upstream);
      gone(upstream.id);
    }
    return touched;
  }

  get(id: string): UpstreamModel | undefined {
    return this.#byId.get(id);
  }

  /** Those of a Service, by `namespace/service`. */
  ofService(key: string): Iterable<UpstreamModel> {
    return this.#byService.get(key) ?? [];
  }

  /** `namespace/service` of all Services. */
  services(): Iterable<string> {
    return this.#byService.keys();
  }

  #enter(upstream: UpstreamModel): void {
    const key = serviceKeyOf(upstream);
    const others = this.#byService.get(key);
    if (others === undefined) this.#byService.set(key, new Set([upstream]));
    else others.add(upstream);
    this.#byId.set(upstream.id, upstream);
  }

  #leave(upstream: UpstreamModel): void {
    const key = serviceKeyOf(upstream);
    const others = this.#byService.get(key);
    others?.delete(upstream);
    if (others?.size === 0) this.#byService.delete(key);
    this.#byId.delete(upstream.id);
  }
}

function serviceKeyOf({ namespace, service }: UpstreamModel): string {
  return `${namespace}/${service}`;
}
