import { createHash } from 'node:crypto';
import type { Built } from '../pipeline.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import { createSum } from '../../lib/edited-list.ts';
import type { CertificateModel, RouteModel } from '../../model/model.ts';
import type { CertificateMetric, ControlMetrics, OrphanMetric } from '../../observe/control-metrics.ts';
import type {
  CertificateEntry,
  EndpointEntry,
  HostEntry,
  RouteTable,
  UpstreamEntry,
} from '../../table/table.ts';

/** Tells a number that changes with a table's content, not with its generation, at the price of what changed since it was last asked. */
export function createConfigHash(): (built: Built) => number {
  const sumOfHosts = createDigestSum(({ digest }: HostEntry) => digest);
  const sumOfUpstreams = createDigestSum(({ digest }: UpstreamEntry) => digest);
  const sumOfCertificates = createDigestSum(({ id }: CertificateEntry) => id);
  let last: RouteTable | undefined;
  let known = 0;
  return ({ table }) => {
    if (table === last) return known;
    last = table;
    const { hosts, upstreams, certificates, settings, listeners, streams } = table;
    const sums = [sumOfHosts(hosts), sumOfUpstreams(upstreams), sumOfCertificates(certificates)];
    const text = JSON.stringify([sums, settings, listeners, streams]);
    known = createHash('sha256').update(text).digest().readUIntBE(0, 6);
    return known;
  };
}

/** Sums digests up: 32 bits of each of two pieces, as one sum would be the same by chance now and then. */
function createDigestSum<T extends object>(
  digestOf: (item: T) => string,
): (list: readonly T[]) => readonly number[] {
  const first = createSum<T>((item) => hashOfPiece(digestOf(item), 0));
  const second = createSum<T>((item) => hashOfPiece(digestOf(item), PIECE));
  return (list) => [first(list), second(list)];
}

/** Characters of a piece. */
const PIECE = 8;

function hashOfPiece(digest: string, from: number): number {
  let hash = 0;
  for (let i = from; i < from + PIECE; i++) hash = Math.imul(hash, 31) + digest.charCodeAt(i);
  return hash >>> 0;
}

/** Hosts or routes between two pauses. */
const STEPS = 500;

/** One line per host with a certificate, and `_` for the default one; certificates are the leader's to report. Of many hosts it takes a while, and pauses. */
export function* reportCertificates(
  control: ControlMetrics,
  { model }: Built,
  isLeader: boolean,
): Generator<undefined, void> {
  if (!isLeader) return control.setCertificates([]);
  const byId = new Map(model.certificates.map((certificate) => [certificate.id, certificate]));
  const metrics: CertificateMetric[] = [];
  let steps = 0;
  for (const { name, certificateId } of model.hosts) {
    if (++steps % STEPS === 0) yield;
    const certificate = byId.get(name === CATCH_ALL ? model.defaultCertificateId : (certificateId ?? ''));
    if (certificate !== undefined) metrics.push(metricOf(name, certificate));
  }
  control.setCertificates(metrics);
}

export interface OrphanFacts {
  readonly built: Built;
  readonly store: ObjectStore;
  readonly endpointsOf: (upstreamId: string) => readonly EndpointEntry[];
}

interface Orphan {
  readonly namespace: string;
  readonly ingress: string;
  isMissing: boolean;
  isEmpty: boolean;
}

/**
 * Ingresses whose Service is missing or has no endpoints (docs/reference/operation.md §2, `orphan_ingress`). Endpoints come and go
 * without a new table, so this is asked when metrics are; of many routes it takes a while, and pauses.
 */
export function* reportOrphans(
  control: ControlMetrics,
  { built, store, endpointsOf }: OrphanFacts,
): Generator<undefined, void> {
  const orphans = new Map<string, Orphan>();
  let steps = 0;
  for (const { routes } of built.model.hosts) {
    let last: RouteModel | undefined;
    for (const route of routes) {
      if (++steps % STEPS === 0) yield;
      const { backend, labels } = route;
      const { namespace, ingress, service } = labels;
      if (backend === undefined || backend.kind === 'weighted' || ingress === '' || service === '') continue;
      // Most hosts have several paths to one Service.
      if (last !== undefined && isSameBackend(last, route)) continue;
      last = route;
      const key = `${namespace}/${ingress}`;
      let orphan = orphans.get(key);
      if (orphan === undefined)
        orphans.set(key, (orphan = { namespace, ingress, isMissing: false, isEmpty: false }));
      orphan.isMissing ||= store.get('Service', { namespace, name: service }) === undefined;
      orphan.isEmpty ||= endpointsOf(backend.upstreamId).length === 0;
    }
  }
  control.setOrphans({ [Symbol.iterator]: () => toMetrics(orphans.values()) });
}

function isSameBackend(a: RouteModel, b: RouteModel): boolean {
  return (
    a.labels.ingress === b.labels.ingress &&
    a.labels.namespace === b.labels.namespace &&
    a.labels.service === b.labels.service &&
    upstreamIdOf(a) === upstreamIdOf(b)
  );
}

function upstreamIdOf({ backend }: RouteModel): string | undefined {
  return backend === undefined || backend.kind === 'weighted' ? undefined : backend.upstreamId;
}

function* toMetrics(orphans: Iterable<Orphan>): Generator<OrphanMetric, void> {
  for (const { namespace, ingress, isMissing, isEmpty } of orphans) {
    yield { namespace, ingress, type: 'no-service', isOrphan: isMissing };
    yield { namespace, ingress, type: 'no-endpoint', isOrphan: isEmpty };
  }
}

function metricOf(host: string, { facts, source }: CertificateModel): CertificateMetric {
  return {
    host,
    namespace: source.namespace,
    secretName: source.name,
    identifier: `${facts.issuerSerialNumber ?? ''}-${facts.serial}`,
    expiresAtMs: facts.notAfterMs,
    issuerOrganization: facts.issuerOrganization,
    issuerCommonName: facts.issuerCommonName,
    serialNumber: facts.serial,
    publicKeyAlgorithm: facts.publicKeyAlgorithm,
  };
}
