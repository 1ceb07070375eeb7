import { createHash } from 'node:crypto';
import type { Built } from '../pipeline.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { CertificateModel } from '../../model/model.ts';
import type { CertificateMetric, ControlMetrics, OrphanMetric } from '../../observe/control-metrics.ts';
import type { EndpointEntry } from '../../table/table.ts';

/** Sets what metrics say of the content of a table. It looks at all of it: ask for it when metrics are asked for. */
export function reportContent(control: ControlMetrics, built: Built, isLeader: boolean): void {
  control.setConfigHash(hashOf(built));
  reportCertificates(control, built, isLeader);
}

/** One line per host with a certificate, and `_` for the default one; certificates are the leader's to report. */
function reportCertificates(control: ControlMetrics, { model }: Built, isLeader: boolean): void {
  if (!isLeader) return control.setCertificates([]);
  const byId = new Map(model.certificates.map((certificate) => [certificate.id, certificate]));
  const metrics: CertificateMetric[] = [];
  for (const { name, certificateId } of model.hosts) {
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

/** Routes between two pauses. */
const ORPHAN_STEPS = 500;

/**
 * Ingresses whose Service is missing or has no endpoints (docs/reference/operation.md §2, `orphan_ingress`). Endpoints come and go
 * without a new table, so this is asked when metrics are; of many routes it takes a while, and pauses.
 */
export function* reportOrphans(
  control: ControlMetrics,
  { built, store, endpointsOf }: OrphanFacts,
): Generator<undefined, void> {
  const orphans = new Map<string, OrphanMetric>();
  let steps = 0;
  for (const { routes } of built.model.hosts) {
    for (const { backend, labels } of routes) {
      if (++steps % ORPHAN_STEPS === 0) yield;
      const { namespace, ingress, service } = labels;
      if (backend === undefined || backend.kind === 'weighted' || ingress === '' || service === '') continue;
      const isMissing = store.get('Service', { namespace, name: service }) === undefined;
      const isEmpty = endpointsOf(backend.upstreamId).length === 0;
      for (const [type, isOrphan] of [
        ['no-service', isMissing],
        ['no-endpoint', isEmpty],
      ] as const) {
        const key = `${namespace}/${ingress} ${type}`;
        const before = orphans.get(key)?.isOrphan ?? false;
        orphans.set(key, { namespace, ingress, type, isOrphan: before || isOrphan });
      }
    }
  }
  control.setOrphans([...orphans.values()]);
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

/** A number that changes with the table's content, not with its generation. */
function hashOf({ table }: Built): number {
  const hash = createHash('sha256');
  for (const { digest } of table.hosts) hash.update(digest);
  for (const { digest } of table.upstreams) hash.update(digest);
  for (const { id } of table.certificates) hash.update(id);
  hash.update(JSON.stringify([table.settings, table.listeners, table.streams]));
  return hash.digest().readUIntBE(0, 6);
}
