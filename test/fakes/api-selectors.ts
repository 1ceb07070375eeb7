import { ApiFailure, type StoredObject } from './api-objects.ts';

/** Compiles the label and field selectors of a request. Throws an `ApiFailure` on what the double does not know. */
export function toSelector(query: URLSearchParams): (object: StoredObject) => boolean {
  const labels = termsOf(query.get('labelSelector') ?? '').map(toLabelTest);
  const fields = termsOf(query.get('fieldSelector') ?? '').map(toFieldTest);
  const tests = [...labels, ...fields];
  return (object) => tests.every((test) => test(object));
}

function termsOf(text: string): string[] {
  // Commas separate terms, except inside `key in (a,b)`.
  return text
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function toLabelTest(term: string): (object: StoredObject) => boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return ({ metadata }) => values.includes(metadata.labels?.[key] ?? '\0') === (operator === 'in');
  }
  const equal = /^([^!=\s]+)\s*(==|=|!=)\s*(.*)$/.exec(term);
  if (equal !== null) {
    const [, key = '', operator, value] = equal;
    return ({ metadata }) => (metadata.labels?.[key] === value) === (operator !== '!=');
  }
  const isAbsent = term.startsWith('!');
  const key = isAbsent ? term.slice(1) : term;
  return ({ metadata }) => (metadata.labels?.[key] === undefined) === isAbsent;
}

const FIELDS = ['metadata.name', 'metadata.namespace', 'type', 'involvedObject.name', 'status.phase'];

function toFieldTest(term: string): (object: StoredObject) => boolean {
  const [, field = '', operator, value] = /^([^!=]+)(==|=|!=)(.*)$/.exec(term) ?? [];
  if (!FIELDS.includes(field)) throw new ApiFailure(400, 'BadRequest', `field label not supported: ${field}`);
  return (object) => {
    const found = field.split('.').reduce<any>((at, name) => at?.[name], object) ?? '';
    return (found === value) === (operator !== '!=');
  };
}
