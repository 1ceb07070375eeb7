/** Whether labels satisfy a selector. */
export type LabelSelector = (labels: ReadonlyMap<string, string>) => boolean;

const SET_BASED = /^([^\s!=(),]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const EQUALITY = /^([^\s!=(),]+)\s*(==|=|!=)\s*([^\s!=(),]*)$/;
const EXISTS = /^(!?)\s*([^\s!=(),]+)$/;

/** Reads a selector as kubectl takes it (`a=b,c!=d,e in (f,g),h,!i`); undefined when it is none. */
export function readSelector(text: string): LabelSelector | undefined {
  const terms: LabelSelector[] = [];
  for (const raw of splitTerms(text)) {
    const term = raw.trim();
    const set = SET_BASED.exec(term);
    const equality = EQUALITY.exec(term);
    const exists = EXISTS.exec(term);
    if (set !== null) {
      const [, key = '', operator, list = ''] = set;
      const values = new Set(list.split(',').map((value) => value.trim()));
      // notin also holds for labels that are absent.
      terms.push((labels) => values.has(labels.get(key) ?? '\0') === (operator === 'in'));
    } else if (equality !== null) {
      const [, key = '', operator, value] = equality;
      terms.push((labels) => (labels.get(key) === value) === (operator !== '!='));
    } else if (exists !== null) {
      const [, negation, key = ''] = exists;
      terms.push((labels) => labels.has(key) === (negation === ''));
    } else return undefined;
  }
  return terms.length === 0 ? undefined : (labels) => terms.every((holds) => holds(labels));
}

function splitTerms(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}
