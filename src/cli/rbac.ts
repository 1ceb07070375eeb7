import { stringify } from 'yaml';
import { parseNamespacedName } from '../lib/namespaced-name.ts';
import type { FlagReader } from './args.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const CORE = '';
const ADMISSION = 'admissionregistration.k8s.io';
const NETWORKING = 'networking.k8s.io';

/** The roles that the controller needs with these flags, and their bindings, as YAML: docs/rbac.md for one installation. */
export function renderRoles(flags: FlagReader): string {
  const account = { name: flags.string('service-account'), namespace: flags.string('namespace') };
  const watched = flags.string('watch-namespace');
  const inCluster: Rule[] = [];
  const byNamespace = new Map<string, Rule[]>();
  const grant = (namespace: string, ...rules: Rule[]) =>
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), ...rules]);

  if (watched === '') inCluster.push(...watchedRules(flags));
  else {
    grant(watched, ...watchedRules(flags));
    for (const [namespace, rule] of namedRules(flags, account.namespace))
      if (namespace !== watched) grant(namespace, rule);
    if (account.namespace !== watched) grant(account.namespace, EVENTS);
  }
  inCluster.push(...clusterRules(flags));
  grant(account.namespace, ...ownRules(flags));

  const isWithCluster = watched === '' || flags.boolean('cluster-roles');
  const objects = [
    ...(isWithCluster && inCluster.length > 0 ? boundRole(account, undefined, inCluster) : []),
    ...[...byNamespace].flatMap(([namespace, rules]) =>
      rules.length === 0 ? [] : boundRole(account, namespace, rules),
    ),
  ];
  return objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n');
}

const EVENTS = rule(CORE, ['events'], ['create', 'patch']);

/** What is asked in watched namespaces. */
function watchedRules(flags: FlagReader): Rule[] {
  const isStatusWritten = flags.boolean('update-status');
  return [
    rule(CORE, ['configmaps', 'endpoints', 'secrets'], ['list', 'watch']),
    rule(CORE, ['services'], ['get', 'list', 'watch']),
    rule('discovery.k8s.io', ['endpointslices'], ['list', 'watch']),
    rule(NETWORKING, ['ingresses'], [...(isStatusWritten ? ['get'] : []), 'list', 'watch']),
    ...(isStatusWritten ? [rule(NETWORKING, ['ingresses/status'], ['update'])] : []),
    EVENTS,
  ];
}

/** What belongs to no namespace. */
function clusterRules(flags: FlagReader): Rule[] {
  const isSelected = flags.string('watch-namespace-selector') !== '';
  const webhook = flags.string('validating-webhook-configuration');
  return [
    rule(NETWORKING, ['ingressclasses'], ['list', 'watch']),
    ...(isSelected ? [rule(CORE, ['namespaces'], ['list', 'watch'])] : []),
    ...(areNodesRead(flags) || flags.boolean('enable-topology-aware-routing')
      ? [rule(CORE, ['nodes'], ['get'])]
      : []),
    ...(isRenewing(flags) && webhook !== ''
      ? [rule(ADMISSION, ['validatingwebhookconfigurations'], ['get', 'update'], [webhook])]
      : []),
  ];
}

/** Whether the webhook's certificate is renewed. */
function isRenewing(flags: FlagReader): boolean {
  return flags.string('validating-webhook') !== '' && flags.string('validating-webhook-rotation') !== 'off';
}

/** Whether addresses for the status are those of nodes. */
function areNodesRead(flags: FlagReader): boolean {
  const isSaid = flags.string('publish-service') !== '' || flags.string('publish-status-address') !== '';
  return flags.boolean('update-status') && !isSaid;
}

/** What is asked in the controller's own namespace. */
function ownRules(flags: FlagReader): Rule[] {
  const leases = ['leases'];
  const group = 'coordination.k8s.io';
  const arePodsRead =
    flags.boolean('update-status') || flags.boolean('enable-topology-aware-routing') || isRenewing(flags);
  return [
    ...(flags.boolean('disable-leader-election')
      ? []
      : [
          rule(group, leases, ['create']),
          rule(group, leases, ['get', 'update'], [flags.string('election-id')]),
        ]),
    ...(arePodsRead ? [rule(CORE, ['pods'], ['get', 'list'])] : []),
    ...(isRenewing(flags)
      ? [rule(CORE, ['secrets'], ['get', 'update'], [flags.string('validating-webhook-secret')])]
      : []),
  ];
}

/** Flags that name an object, and what is asked of it where its namespace is not watched. */
const NAMED: readonly [flag: string, resource: string, verbs: readonly string[]][] = [
  ['configmap', 'configmaps', ['list', 'watch']],
  ['default-ssl-certificate', 'secrets', ['list', 'watch']],
  ['publish-service', 'services', ['get']],
  ['default-backend-service', 'services', ['get']],
];

function namedRules(flags: FlagReader, ownNamespace: string): (readonly [namespace: string, rule: Rule])[] {
  return NAMED.flatMap(([flag, resource, verbs]) => {
    // As the arguments of a Deployment have it.
    const text = flags.string(flag).replace('$(POD_NAMESPACE)', ownNamespace);
    const ref = parseNamespacedName(text);
    return ref === undefined ? [] : [[ref.namespace, rule(CORE, [resource], verbs, [ref.name])] as const];
  });
}

function rule(
  group: string,
  resources: readonly string[],
  verbs: readonly string[],
  resourceNames?: readonly string[],
): Rule {
  return { apiGroups: [group], resources, ...(resourceNames === undefined ? {} : { resourceNames }), verbs };
}

/** A role and its binding to the account; without a namespace they are the cluster's. */
function boundRole(
  account: { readonly name: string; readonly namespace: string },
  namespace: string | undefined,
  rules: readonly Rule[],
): object[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const metadata = { name: account.name, ...(namespace === undefined ? {} : { namespace }) };
  return [
    { apiVersion, kind, metadata, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: account.name },
      subjects: [{ kind: 'ServiceAccount', name: account.name, namespace: account.namespace }],
    },
  ];
}
