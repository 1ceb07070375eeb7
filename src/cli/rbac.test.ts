import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { grantsIn, grantsOf, type Grant } from '../../test/fixtures/grants.ts';
import { parseArgs } from './args.ts';
import { renderRoles } from './rbac.ts';

const rolesFor = (...argv: string[]) => renderRoles(parseArgs(['rbac', ...argv], '').flags);
const lines = (grants: readonly Grant[]) =>
  grants
    .map(({ scope, group, resource, verb, name }) =>
      [scope, group || 'core', resource, verb, name].join(' ').trim(),
    )
    .toSorted();
const objectsIn = (text: string): any[] => parseAllDocuments(text).map((one) => one.toJS());
/** Resources by where they are granted. */
const placesIn = (text: string) =>
  Object.fromEntries(
    objectsIn(text)
      .filter(({ kind }) => kind.endsWith('Role'))
      .map(({ metadata, rules }) => [
        metadata.namespace ?? 'cluster',
        [...new Set(rules.flatMap((rule: any) => rule.resources))].toSorted(),
      ]),
  );

test('with all that a whole cluster asks for they are those of rbac.yaml', () => {
  const text = rolesFor(
    '--watch-namespace-selector=a=b',
    '--election-id=ingress-nginx-leader',
    '--validating-webhook=:8443',
    '--validating-webhook-rotation=own',
  );
  expect(lines(grantsIn(text))).toEqual(lines(grantsOf('rbac.yaml')));
});

test('of namespaces and nodes nothing is asked that the flags do not need', () => {
  const resources = (...argv: string[]) => grantsIn(rolesFor(...argv)).map(({ resource }) => resource);
  expect(resources()).not.toContain('namespaces');
  expect(resources()).toContain('nodes');
  expect(resources('--publish-service=a/b')).not.toContain('nodes');
  expect(resources('--publish-service=a/b', '--enable-topology-aware-routing')).toContain('nodes');
  const least = resources('--update-status=false', '--disable-leader-election');
  for (const resource of ['nodes', 'pods', 'leases', 'ingresses/status'])
    expect(least).not.toContain(resource);
});

test('the Secret and the configuration of the webhook are named one by one, and only where its certificate is renewed', () => {
  const named = (...argv: string[]) =>
    grantsIn(rolesFor('--validating-webhook=:8443', '--watch-namespace=shop', ...argv))
      .filter(({ name }) => name.startsWith('hook'))
      .map(({ scope, resource, verb, name }) => `${scope} ${resource} ${verb} ${name}`);
  const names = ['--validating-webhook-secret=hook-s', '--validating-webhook-configuration=hook-c'];
  expect(named(...names)).toEqual([]);
  const secret = ['namespace secrets get hook-s', 'namespace secrets update hook-s'];
  const renewing = ['--validating-webhook-rotation=own', ...names];
  expect(named(...renewing).toSorted()).toEqual([
    'cluster validatingwebhookconfigurations get hook-c',
    'cluster validatingwebhookconfigurations update hook-c',
    ...secret,
  ]);
  expect(named(...renewing, '--cluster-roles=false').toSorted()).toEqual(secret);
  expect(named(...renewing, '--validating-webhook-configuration=').toSorted()).toEqual(secret);
});

test('a namespace that is watched has a role of its own, and what flags name elsewhere is named in one', () => {
  const text = rolesFor(
    '/nginx-ingress-controller',
    '--watch-namespace=shop',
    '--configmap=$(POD_NAMESPACE)/settings',
    '--publish-service=$(POD_NAMESPACE)/front',
    '--default-ssl-certificate=certs/default',
  );
  expect(placesIn(text)).toEqual({
    cluster: ['ingressclasses'],
    shop: [
      'configmaps',
      'endpoints',
      'endpointslices',
      'events',
      'ingresses',
      'ingresses/status',
      'secrets',
      'services',
    ],
    'ingress-nginx': ['configmaps', 'events', 'leases', 'pods', 'services'],
    certs: ['secrets'],
  });
  expect(grantsIn(text)).toContainEqual({
    scope: 'namespace',
    group: '',
    resource: 'secrets',
    verb: 'watch',
    name: 'default',
  });
});

test('without cluster roles there is none, and one for each namespace is bound to the account', () => {
  const objects = objectsIn(
    rolesFor('--watch-namespace=own', '--cluster-roles=false', '--namespace=own', '--service-account=me'),
  );
  expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)).toEqual([
    'Role own/me',
    'RoleBinding own/me',
  ]);
  expect(objects[1]).toMatchObject({
    roleRef: { kind: 'Role', name: 'me' },
    subjects: [{ kind: 'ServiceAccount', name: 'me', namespace: 'own' }],
  });
});
