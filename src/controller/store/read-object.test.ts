import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KINDS } from './objects.ts';
import { readObject } from './read-object.ts';

const path = (more: object) => ({
  metadata: { name: 'i' },
  spec: { rules: [{ host: 'a.test', http: { paths: [{ path: '/', ...more }] } }] },
});
const backend = { service: { name: 's', port: { number: 80 } } };
const AT = 'spec.rules[0].http.paths[0]';

describe('problems of an Ingress name field, value and consequence', () => {
  const cases: readonly { name: string; raw: unknown; problem: string; paths?: number }[] = [
    {
      name: 'a path that is a number',
      raw: path({ path: 7, backend }),
      problem: `${AT}.path "7" is not a string; the path is not served`,
    },
    {
      name: 'an unknown path type',
      raw: path({ pathType: 'Regex', backend }),
      problem: `${AT}.pathType "Regex" is not Exact, Prefix or ImplementationSpecific; the path is not served`,
    },
    { name: 'no backend', raw: path({}), problem: `${AT}.backend "" is missing; the path is not served` },
    {
      name: 'a port number in quotes',
      raw: path({ backend: { service: { name: 's', port: { number: '80' } } } }),
      problem: `${AT}.backend.service.port.number "80" is not a port number; it has no endpoints and answers 503`,
      paths: 1,
    },
    {
      name: 'a port out of range',
      raw: path({ backend: { service: { name: 's', port: { number: 70_000 } } } }),
      problem: `${AT}.backend.service.port.number "70000" is not a port number; it has no endpoints and answers 503`,
      paths: 1,
    },
    {
      name: 'no port',
      raw: path({ backend: { service: { name: 's' } } }),
      problem: `${AT}.backend.service.port "" has neither number nor name; it has no endpoints and answers 503`,
      paths: 1,
    },
    {
      name: 'a Service without name',
      raw: path({ backend: { service: { port: { number: 80 } } } }),
      problem: `${AT}.backend.service.name "" is not the name of a Service; the path is not served`,
    },
    {
      name: 'an annotation that is a list',
      raw: { ...path({ backend }), metadata: { name: 'i', annotations: { a: ['x'] } } },
      problem: 'metadata.annotations[a] "["x"]" is not a string; its text is used; put it in quotes',
      paths: 1,
    },
    {
      name: 'a rule that is text',
      raw: { metadata: { name: 'i' }, spec: { rules: ['a.test'] } },
      problem: 'spec.rules[0] "a.test" is not an object; the rule is not served',
    },
    {
      name: 'a spec that is a list',
      raw: { metadata: { name: 'i' }, spec: [] },
      problem: 'spec "[]" is not an object; it counts as empty',
    },
    {
      name: 'a creation time that is none',
      raw: { ...path({ backend }), metadata: { name: 'i', creationTimestamp: 'soon' } },
      problem:
        'metadata.creationTimestamp "soon" is not a time; the object counts as younger than all others',
      paths: 1,
    },
  ];
  for (const { name, raw, problem, paths = 0 } of cases) {
    test(name, () => {
      const result = readObject('Ingress', raw);
      if (!result.ok) throw new Error(result.problem.problem);
      const { problems, rules } = result.object;
      expect(problems.map((p) => `${p.field} "${p.value}" ${p.problem}; ${p.consequence}`)).toEqual([
        problem,
      ]);
      expect(rules.flatMap((rule) => rule.paths)).toHaveLength(paths);
    });
  }
});

test('a bad path leaves its neighbours and their field names', () => {
  const result = readObject('Ingress', {
    metadata: { name: 'i', namespace: 'n' },
    spec: { rules: [{ http: { paths: [{ path: 1 }, { path: '/b', pathType: 'Prefix', backend }] } }] },
  });
  if (!result.ok) throw new Error('unread');
  expect(result.object.rules[0]!.paths).toEqual([
    {
      path: '/b',
      pathType: 'Prefix',
      backend: {
        kind: 'service',
        service: 's',
        port: '80',
        field: 'spec.rules[0].http.paths[1].backend',
      },
      field: 'spec.rules[0].http.paths[1]',
    },
  ]);
});

test('what has no name is no object', () => {
  for (const raw of [null, 7, 'text', [], {}, { metadata: {} }, { metadata: { name: 7 } }]) {
    expect(readObject('Service', raw).ok).toBe(false);
  }
});

test('problems of a Secret never carry its text', () => {
  const result = readObject('Secret', {
    metadata: { name: 's' },
    data: { a: 'hunter2!', b: 7, c: 'aHVudGVyMg==' },
    stringData: { d: ['hunter2'] },
  });
  if (!result.ok) throw new Error('unread');
  expect(result.object.problems).toHaveLength(3);
  expect(JSON.stringify(result.object.problems)).not.toContain('hunter2');
});

test('names such as __proto__ are ordinary', () => {
  const raw: unknown = JSON.parse('{"metadata":{"name":"c"},"data":{"__proto__":"x","constructor":"y"}}');
  const result = readObject('ConfigMap', raw);
  if (!result.ok) throw new Error('unread');
  expect([...result.object.data]).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
});

describe('readers never throw', () => {
  const names = fc.constantFrom(
    ...'metadata name namespace annotations labels spec rules host http paths path pathType backend service port number'.split(
      ' ',
    ),
    ...'tls hosts secretName ports endpoints addresses conditions ready subsets data stringData status loadBalancer'.split(
      ' ',
    ),
  );
  const { junk } = fc.letrec((tie) => ({
    junk: fc.oneof(
      { maxDepth: 6 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      tie('list'),
      tie('record'),
    ),
    list: fc.array(tie('junk'), { maxLength: 3 }),
    record: fc.dictionary(names, tie('junk'), { maxKeys: 6 }),
  }));
  for (const kind of KINDS) {
    test(kind, () => {
      fc.assert(
        fc.property(junk, junk, (spec, rest) => {
          readObject(kind, rest);
          const result = readObject(kind, {
            ...(typeof rest === 'object' && rest !== null ? rest : {}),
            metadata: { name: 'n', annotations: rest, labels: spec },
            spec,
            ports: spec,
            endpoints: rest,
            subsets: spec,
            data: rest,
          });
          expect(result.ok).toBe(true);
        }),
        { numRuns: 300 },
      );
    });
  }
});
