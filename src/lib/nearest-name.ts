/** Names further away than this are no slip of the pen. */
const DISTANCE_MAX = 3;
/** Longer names are compared with nothing: the cost grows with the product of the lengths. */
const LENGTH_MAX = 128;

/** The name that is nearest to what was written, by letters added, left out or changed; undefined where none is near. */
export function nearestName(written: string, names: Iterable<string>): string | undefined {
  if (written.length > LENGTH_MAX) return undefined;
  let nearest: string | undefined;
  let least = Math.min(DISTANCE_MAX, Math.floor(written.length / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - written.length) >= least) continue;
    const distance = distanceOf(written, name);
    if (distance >= least) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

/** Levenshtein's. */
function distanceOf(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = before[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(changed, before[j]! + 1, row[j - 1]! + 1));
    }
    before = row;
  }
  return before[b.length]!;
}
