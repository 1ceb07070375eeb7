/**
 * What waits for one who serves: each owner in turn, and within an owner each of its groups, however much one of them has waiting. Within a
 * group the first that came is the first.
 */
export class FairQueue<Owner extends object, Item> {
  readonly #owners = new Map<Owner, Map<string, Item[]>>();

  add(owner: Owner, group: string, item: Item): void {
    let groups = this.#owners.get(owner);
    if (groups === undefined) {
      groups = new Map();
      this.#owners.set(owner, groups);
    }
    const items = groups.get(group);
    if (items === undefined) groups.set(group, [item]);
    else items.push(item);
  }

  /** Undefined: nothing waits. */
  take(): Item | undefined {
    for (const [owner, groups] of this.#owners) {
      for (const [group, items] of groups) {
        const item = items.shift();
        // Who was served stands last.
        groups.delete(group);
        if (items.length > 0) groups.set(group, items);
        this.#owners.delete(owner);
        if (groups.size > 0) this.#owners.set(owner, groups);
        return item;
      }
    }
    return undefined;
  }
}
