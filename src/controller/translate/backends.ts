import type { Feature } from '../../features/kit/feature.ts';
import type { Findings } from '../../model/finding.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import type { SourceRef } from '../../model/source.ts';
import type { IngressBackend, ServiceObject, ServicePort } from '../store/objects.ts';
import type { Tracker } from './dependencies.ts';

/** A Service port that an Ingress names. */
export interface BackendRef {
  /** `<namespace>-<service>-<port>`, as metrics and logs show it. */
  readonly id: string;
  /** `<namespace>/<service>:<port>`: unlike the id, it cannot be the same for two Services. */
  readonly key: string;
  readonly namespace: string;
  readonly service: string;
  /** Text of the number or name as in the Ingress. */
  readonly port: string;
  /** Field of the backend in its Ingress. */
  readonly field: string;
}

/** Who names a backend is asked more than once. */
const refs = new WeakMap<IngressBackend, BackendRef>();

/** Names the upstream of a backend of an Ingress of that namespace; undefined for a resource backend. */
export function toBackendRef(namespace: string, backend: IngressBackend): BackendRef | undefined {
  if (backend.kind !== 'service') return undefined;
  const known = refs.get(backend);
  if (known?.namespace === namespace) return known;
  const { service, port, field } = backend;
  const ref: BackendRef = {
    id: `${namespace}-${service}-${port}`,
    key: `${namespace}/${service}:${port}`,
    namespace,
    service,
    port,
    field,
  };
  refs.set(backend, ref);
  return ref;
}

/** The first TCP port of a Service whose number, targetPort or name is the text (docs/reference/routing.md §10). */
export function findServicePort(service: ServiceObject, port: string): ServicePort | undefined {
  if (port === '') return undefined;
  return service.ports.find(
    (candidate) =>
      candidate.protocol === 'TCP' &&
      (String(candidate.port) === port || candidate.targetPort === port || candidate.name === port),
  );
}

/** The port of a Service for a TCP or UDP service: by number or name, not by targetPort (docs/reference/routing.md §13). */
export function findStreamPort(
  service: ServiceObject,
  port: string,
  protocol: 'TCP' | 'UDP',
): ServicePort | undefined {
  const number = /^[0-9]+$/.test(port) ? Number(port) : undefined;
  return service.ports.find(
    (candidate) =>
      candidate.protocol === protocol &&
      (number === undefined ? candidate.name === port : candidate.port === number),
  );
}

/** True for an address that a Service has of its own. */
export function hasClusterIp(service: ServiceObject): boolean {
  return service.clusterIp !== '' && service.clusterIp !== 'None';
}

const DNS_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** True for a name that may be resolved: no address, no loopback, a DNS-1123 name (docs/reference/routing.md §10). */
export function isExternalNameUsable(name: string): boolean {
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  if (bare === 'localhost' || bare.endsWith('.localhost')) return false;
  // A name whose last label is a number is an IPv4 address in one of its spellings.
  return DNS_NAME.test(bare) && !/(?:^|\.)[0-9]+$/.test(bare);
}

/** Port of an ExternalName Service: the matching Service port, else the number itself; undefined when there is none. */
export function externalPort(service: ServiceObject, port: string): number | undefined {
  const number = /^[0-9]+$/.test(port) ? Number(port) : undefined;
  const match = service.ports.find(
    (candidate) => candidate.port === number || (number === undefined && candidate.name === port),
  );
  if (match === undefined) return number;
  return /^[0-9]+$/.test(match.targetPort) ? Number(match.targetPort) : match.port;
}

/** What is wrong with a backend; each is a finding on the Ingress. `subject` is what answers 503: `the path`, or `the canary`. */
export function checkBackend(
  ref: BackendRef,
  source: SourceRef,
  consequence: string,
  isExternalNameDisabled: boolean,
  tracker: Tracker,
  findings: Findings,
): void {
  const service = tracker.service(`${ref.namespace}/${ref.service}`);
  if (service === undefined) {
    findings.warn(source, 'MissingService', {
      field: `${ref.field}.service.name`,
      value: ref.service,
      problem: `is not a Service in namespace ${ref.namespace}`,
      consequence,
    });
    return;
  }
  // A port that could not be read has its own finding.
  if (ref.port === '') return;
  const field = `${ref.field}.service.port`;
  if (service.type === 'ExternalName') {
    const value = service.externalName;
    const at = `${ref.field}.service.name`;
    if (isExternalNameDisabled) {
      const problem = `is a Service of type ExternalName, which --disable-svc-external-name forbids`;
      findings.warn(source, 'ExternalNameDisabled', { field: at, value: ref.service, problem, consequence });
    } else if (!isExternalNameUsable(value)) {
      const problem = `is the externalName of Service ${ref.service} and not a DNS name that may be resolved`;
      findings.warn(source, 'InvalidExternalName', { field: at, value, problem, consequence });
    } else if (externalPort(service, ref.port) === undefined) {
      const problem = `is not a port of Service ${ref.namespace}/${ref.service}`;
      findings.warn(source, 'UnknownPort', { field, value: ref.port, problem, consequence });
    }
  } else if (findServicePort(service, ref.port) === undefined) {
    const problem = `is not a port of Service ${ref.namespace}/${ref.service}`;
    findings.warn(source, 'UnknownPort', { field, value: ref.port, problem, consequence });
  }
}

function asksForClusterIp(policies: Policies, features: readonly Feature[]): boolean {
  return features.some((feature) => {
    const policy = policies[feature.name];
    return policy !== undefined && feature.usesClusterIp?.(policy) === true;
  });
}

/** The upstream of a Service port. */
export function toUpstream(
  id: string,
  ref: BackendRef,
  service: ServiceObject | undefined,
  policies: Policies,
  features: readonly Feature[],
  isExternalNameDisabled: boolean,
  source: SourceRef,
): UpstreamModel {
  let kind: UpstreamModel['kind'] = 'endpoints';
  if (service?.type === 'ExternalName') kind = isExternalNameDisabled ? 'endpoints' : 'external-name';
  else if (service !== undefined && hasClusterIp(service) && asksForClusterIp(policies, features))
    kind = 'cluster-ip';
  const { namespace, service: name, port } = ref;
  return { id, namespace, service: name, port, kind, policies, source };
}
