import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { grantsOf, type Grant } from '../fixtures/grants.ts';

const DOC = readFileSync(new URL('../../docs/rbac.md', import.meta.url), 'utf8');

/** The rows of the n-th table of docs/rbac.md. */
function documentedIn(index: number): string[] {
  const tables = DOC.split('| --- | --- | --- | --- |\n').slice(1);
  const rows = tables[index]!.split('\n\n')[0]!.trim().split('\n');
  return rows
    .flatMap((row) => {
      const [, resources = '', verbs = '', where = ''] = row.split('|').map((cell) => cell.trim());
      const scope = where === "the controller's namespace" ? 'namespace' : 'cluster';
      const group = /\(([^)]+)\)/.exec(resources)?.[1] ?? '';
      const name = /of `([^`]+)`/.exec(verbs)?.[1] ?? '';
      const listed = verbs.replace(/ of `.*/, '').split(', ');
      const resource = /`([^`]+)`/.exec(resources)![1]!;
      return listed.map((verb) => print({ scope, group, resource, verb, name }));
    })
    .toSorted();
}

function print({ scope, group, resource, verb, name }: Grant): string {
  return `${scope} ${group || 'core'} ${resource} ${verb} ${name}`.trimEnd();
}

const grantedBy = (file: string) => grantsOf(file).map(print).toSorted();

test('rbac.yaml grants what docs/rbac.md says, and nothing more', () => {
  expect(grantedBy('rbac.yaml')).toEqual(documentedIn(0));
});

test("the account of the webhook's Job may do what docs/rbac.md says, and nothing more", () => {
  expect(grantedBy('admission-rbac.yaml')).toEqual(documentedIn(1));
});
