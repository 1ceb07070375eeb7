import { revealBytes } from '../../lib/redacted-bytes.ts';
import { expect, test } from 'vitest';
import { printFinding } from '../../model/finding.ts';
import { parseManifest } from './parse-manifest.ts';

const cases: readonly {
  name: string;
  text: string;
  objects?: string[];
  findings?: RegExp[];
  broken?: RegExp;
}[] = [
  { name: 'an empty file', text: '' },
  { name: 'comments alone', text: '# nothing\n---\n# more\n' },
  {
    name: 'kinds that are not read are passed over',
    text: 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: k}\n',
  },
  {
    name: 'a version that went away',
    text: 'apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\n',
    findings: [/^UnsupportedVersion File f: line 1: "extensions\/v1beta1" is not networking\.k8s\.io\/v1/],
  },
  {
    name: 'text that is no object',
    text: 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n---\nhello\n',
    objects: ['Secret s'],
    findings: [
      /^InvalidObject File f: line 5: is no Kubernetes object: it has no kind; the object is ignored/,
    ],
  },
  {
    name: 'an object without name',
    text: 'apiVersion: v1\nkind: Service\nmetadata: {}\n',
    findings: [/^InvalidObject File f: line 1: Service metadata\.name is missing; the object is ignored/],
  },
  { name: 'a syntax error', text: 'a: 1\nb: [\n', broken: /^line [23]: is not YAML: / },
  {
    name: 'a key given twice',
    text: 'a: 1\na: 2\n',
    broken: /^line [12]: is not YAML: Map keys must be unique/,
  },
  {
    name: 'aliases that grow beyond measure',
    text: `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]\n`,
    broken: /^line 1: is not YAML: Excessive alias count/,
  },
];

for (const { name, text, objects = [], findings = [], broken } of cases) {
  test(name, () => {
    const parsed = parseManifest(text, 'f', 'f');
    if (broken !== undefined) {
      expect(parsed.ok ? '' : `line ${parsed.line}: ${parsed.problem}`).toMatch(broken);
      return;
    }
    if (!parsed.ok) throw new Error(parsed.problem);
    expect(parsed.objects.map(({ object }) => `${object.kind} ${object.name}`)).toEqual(objects);
    expect(parsed.findings).toHaveLength(findings.length);
    for (const [index, finding] of findings.entries())
      expect(printFinding(parsed.findings[index]!)).toMatch(finding);
  });
}

test('stringData and data of a Secret', () => {
  const parsed = parseManifest(
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: aGk=, b: "%%"}\nstringData: {c: text}\n',
    'f',
    'f',
  );
  if (!parsed.ok) throw new Error(parsed.problem);
  const secret = parsed.objects[0]!.object;
  if (secret.kind !== 'Secret') throw new Error(secret.kind);
  expect([...secret.data].map(([key, bytes]) => `${key}=${revealBytes(bytes).toString()}`)).toEqual([
    'a=hi',
    'c=text',
  ]);
  expect(secret.problems).toEqual([
    { field: 'data[b]', value: '', problem: 'is not base64', consequence: 'the key counts as absent' },
  ]);
});

test('of a list each item has its own line', () => {
  const service = (name: string) => `- apiVersion: v1\n  kind: Service\n  metadata: {name: ${name}}\n`;
  const parsed = parseManifest(
    `kind: List\napiVersion: v1\nitems:\n${service('a')}- 3\n${service('b')}`,
    'f',
    'f',
  );
  if (!parsed.ok) throw new Error(parsed.problem);
  expect(parsed.objects.map(({ object, line }) => [object.name, line])).toEqual([
    ['a', 4],
    ['b', 8],
  ]);
  expect(parsed.findings.map((finding) => finding.source.field)).toEqual(['line 7']);
});
