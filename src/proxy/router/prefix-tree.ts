interface Node {
  readonly label: string;
  readonly children: Map<number, Node>;
  /** Numbers filed under the text that ends here. */
  readonly numbers: number[];
}

/** Files numbers under texts and finds those whose text a longer one begins with, in time that depends on that text only. */
export class PrefixTree {
  readonly #root: Node = { label: '', children: new Map(), numbers: [] };

  add(text: string, number: number): void {
    let node = this.#root;
    let rest = text;
    while (rest !== '') {
      const code = rest.charCodeAt(0);
      const child = node.children.get(code);
      if (child === undefined) {
        const leaf: Node = { label: rest, children: new Map(), numbers: [] };
        node.children.set(code, leaf);
        node = leaf;
        break;
      }
      const shared = sharedLength(child.label, rest);
      rest = rest.slice(shared);
      if (shared === child.label.length) {
        node = child;
        continue;
      }
      const upper: Node = { label: child.label.slice(0, shared), children: new Map(), numbers: [] };
      const lower: Node = { ...child, label: child.label.slice(shared) };
      upper.children.set(lower.label.charCodeAt(0), lower);
      node.children.set(code, upper);
      node = upper;
    }
    node.numbers.push(number);
  }

  /** Appends to `into` the numbers of every text that `text` begins with. */
  collect(text: string, into: number[]): void {
    let node = this.#root;
    let at = 0;
    for (;;) {
      for (const number of node.numbers) into.push(number);
      if (at >= text.length) return;
      const child = node.children.get(text.charCodeAt(at));
      if (child === undefined || !text.startsWith(child.label, at)) return;
      at += child.label.length;
      node = child;
    }
  }
}

function sharedLength(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
