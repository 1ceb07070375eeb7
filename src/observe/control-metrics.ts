import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { METRIC_PREFIX } from './metrics-text.ts';
import { labelText, type RowFamily } from './row-family.ts';

/** A served certificate, one per host; `_` is the default one. */
export interface CertificateMetric {
  readonly host: string;
  /** Of the Secret; both empty for the generated certificate. */
  readonly namespace: string;
  readonly secretName: string;
  /** `-<serial, decimal>`. */
  readonly identifier: string;
  readonly expiresAtMs: number;
  readonly issuerOrganization: string;
  readonly issuerCommonName: string;
  readonly serialNumber: string;
  readonly publicKeyAlgorithm: string;
}

export interface OrphanMetric {
  readonly namespace: string;
  readonly ingress: string;
  readonly type: 'no-service' | 'no-endpoint';
  readonly isOrphan: boolean;
}

/** Values of the last webhook call; sizes in bytes, durations in seconds. */
export interface AdmissionMetric {
  readonly testedIngresses: number;
  readonly testedSeconds: number;
  readonly renderedIngresses: number;
  readonly renderSeconds: number;
  readonly configBytes: number;
  readonly roundtripSeconds: number;
}

/** What the control plane reports; names and labels are ingress-nginx's (docs/reference/operation.md §2). */
export interface ControlMetrics {
  /** A table is live on every worker. */
  configApplied(): void;
  /** A number that changes with what is served. */
  setConfigHash(hash: number): void;
  /** A table was refused; the last good one serves. */
  configRejected(): void;
  /** Replaces all certificates; the leader reports them, the others report none. */
  setCertificates(certificates: readonly CertificateMetric[]): void;
  setOrphans(orphans: Iterable<OrphanMetric>): void;
  setLeader(electionId: string, isLeader: boolean): void;
  /** One Ingress checked by the webhook. */
  admissionChecked(namespace: string, ingress: string, isAdmitted: boolean): void;
  setAdmission(values: AdmissionMetric): void;
  /** When the certificate that the webhook shows ends. */
  setWebhookCertificate(expiresAtMs: number): void;
  /** How many findings of a reason there are now. */
  setFindings(reason: string, severity: string, count: number): void;
  /** Workers whose event loop stands still. */
  setStuckWorkers(count: number): void;
  /** A worker died, or was ended because it was stuck. */
  workerReplaced(): void;
}

export interface ControlMetricsOptions {
  /** controller_class, controller_namespace, controller_pod. */
  readonly constantLabels: Readonly<Record<string, string>>;
  readonly build: { readonly release: string; readonly build: string; readonly repository: string };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Ingresses whose checks are counted; of more, the longest known are forgotten. */
const MAX_CHECKED = 10_000;

/** Creates the control plane's metrics: those of few lines in a registry, those with a line for each object as `families`. */
export function createControlMetrics(
  registry: Registry,
  options: ControlMetricsOptions,
): { readonly control: ControlMetrics; readonly families: readonly RowFamily[] } {
  const { constantLabels } = options;
  const constantNames = Object.keys(constantLabels);
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name: METRIC_PREFIX + name, help, labelNames: [...constantNames, ...labelNames], registers });
  const counter = (name: string, help: string, labelNames: readonly string[] = []): Counter =>
    new Counter({
      name: METRIC_PREFIX + name,
      help,
      labelNames: [...constantNames, ...labelNames],
      registers,
    });

  gauge('build_info', 'A metric with a constant 1 labeled with information about the build', [
    'release',
    'build',
    'repository',
  ]).set({ ...constantLabels, ...options.build }, 1);
  const configHash = gauge('config_hash', 'Running configuration hash actually running');
  const isReloaded = gauge(
    'config_last_reload_successful',
    'Whether the last configuration reload attempt was successful',
  );
  const reloadedAt = gauge(
    'config_last_reload_successful_timestamp_seconds',
    'Timestamp of the last successful configuration reload.',
  );
  const success = counter('success', 'Cumulative number of Ingress controller reload operations');
  const errors = counter('errors', 'Cumulative number of Ingress controller errors during reload operations');
  const leader = gauge(
    'leader_election_status',
    'Gauge reporting status of the leader election, 0 indicates follower, 1 indicates leader',
    ['name'],
  );
  let orphans: Iterable<OrphanMetric> = [];
  let certificates: readonly CertificateMetric[] = [];
  const admitted = new Map<string, number>();
  const refused = new Map<string, number>();
  const controllerClass = constantLabels['controller_class'] ?? '';
  const families: readonly RowFamily[] = [
    {
      name: `${METRIC_PREFIX}orphan_ingress`,
      type: 'gauge',
      help: 'Gauge reporting status of ingress orphanity, 1 indicates orphaned ingress',
      *rows() {
        for (const { namespace, ingress, type, isOrphan } of orphans) {
          yield [labelText({ ...constantLabels, namespace, ingress, type }), isOrphan ? 1 : 0];
        }
      },
    },
    {
      name: `${METRIC_PREFIX}check_success`,
      type: 'counter',
      help: 'Cumulative number of Ingress controller syntax check operations',
      rows: () => admitted,
    },
    {
      name: `${METRIC_PREFIX}check_errors`,
      type: 'counter',
      help: 'Cumulative number of Ingress controller errors during syntax check operations',
      rows: () => refused,
    },
    // Alone among all those of certificates carry no controller_* labels.
    {
      name: `${METRIC_PREFIX}ssl_expire_time_seconds`,
      type: 'gauge',
      help: 'Number of seconds since 1970 to the SSL Certificate expire',
      *rows() {
        for (const certificate of certificates) {
          yield [
            labelText(namesOf(certificate, controllerClass)),
            Math.floor(certificate.expiresAtMs / 1000),
          ];
        }
      },
    },
    {
      name: `${METRIC_PREFIX}ssl_certificate_info`,
      type: 'gauge',
      help: 'Hold all labels associated to a certificate',
      *rows() {
        for (const certificate of certificates) {
          const labels = {
            ...namesOf(certificate, controllerClass),
            issuer_common_name: certificate.issuerCommonName,
            issuer_organization: certificate.issuerOrganization,
            public_key_algorithm: certificate.publicKeyAlgorithm,
            serial_number: certificate.serialNumber,
          };
          yield [labelText(labels), 1];
        }
      },
    },
  ];
  // These ingress-nginx has not: a name of their own keeps them from being taken for its.
  const stuckWorkers = new Gauge({
    name: 'serin_stuck_workers',
    help: 'Workers whose event loop has not turned for two seconds',
    labelNames: constantNames,
    registers,
  });
  stuckWorkers.set(constantLabels, 0);
  const replacedWorkers = new Counter({
    name: 'serin_replaced_workers_total',
    help: 'Workers that died or were stuck, and were replaced',
    labelNames: constantNames,
    registers,
  });
  replacedWorkers.inc(constantLabels, 0);
  const findings = new Gauge({
    name: 'serin_findings',
    help: 'What users should fix now, by reason',
    labelNames: [...constantNames, 'reason', 'severity'],
    registers,
  });
  const webhookExpiry = new Gauge({
    name: 'serin_webhook_certificate_expire_time_seconds',
    help: 'Number of seconds since 1970 to the end of the certificate that the admission webhook shows',
    labelNames: constantNames,
    registers,
  });
  const admission = createAdmissionGauges(gauge, constantLabels);

  const control: ControlMetrics = {
    setConfigHash: (hash) => configHash.set(constantLabels, hash),
    configApplied() {
      isReloaded.set(constantLabels, 1);
      reloadedAt.set(constantLabels, Math.floor(options.now() / 1000));
      success.inc(constantLabels);
    },
    configRejected() {
      isReloaded.set(constantLabels, 0);
      errors.inc(constantLabels);
    },
    setCertificates(now) {
      certificates = now;
    },
    setOrphans(now) {
      orphans = now;
    },
    setLeader: (electionId, isLeader) =>
      leader.set({ ...constantLabels, name: electionId }, isLeader ? 1 : 0),
    admissionChecked(namespace, ingress, isAdmitted) {
      const counts = isAdmitted ? admitted : refused;
      const labels = labelText({ ...constantLabels, namespace, ingress });
      counts.set(labels, (counts.get(labels) ?? 0) + 1);
      if (counts.size > MAX_CHECKED) counts.delete(counts.keys().next().value!);
    },
    setAdmission: admission,
    setWebhookCertificate: (expiresAtMs) => webhookExpiry.set(constantLabels, Math.floor(expiresAtMs / 1000)),
    setFindings: (reason, severity, count) => findings.set({ ...constantLabels, reason, severity }, count),
    setStuckWorkers: (count) => stuckWorkers.set(constantLabels, count),
    workerReplaced: () => replacedWorkers.inc(constantLabels),
  };
  return { control, families };
}

function namesOf(certificate: CertificateMetric, controllerClass: string): Record<string, string> {
  return {
    class: controllerClass,
    host: certificate.host,
    identifier: certificate.identifier,
    namespace: certificate.namespace,
    secret_name: certificate.secretName,
  };
}

/** The webhook's gauges appear with its first call: without a webhook there are none. */
function createAdmissionGauges(
  gauge: (name: string, help: string) => Gauge,
  constantLabels: Readonly<Record<string, string>>,
): (values: AdmissionMetric) => void {
  const of: readonly (readonly [Gauge, keyof AdmissionMetric])[] = [
    [
      gauge('admission_tested_ingresses', 'The length of ingresses processed by the admission controller'),
      'testedIngresses',
    ],
    [
      gauge(
        'admission_tested_duration',
        'The processing duration of the admission controller tests (float seconds)',
      ),
      'testedSeconds',
    ],
    [
      gauge('admission_render_ingresses', 'The length of ingresses rendered by the admission controller'),
      'renderedIngresses',
    ],
    [
      gauge(
        'admission_render_duration',
        'The processing duration of ingresses rendering by the admission controller (float seconds)',
      ),
      'renderSeconds',
    ],
    [gauge('admission_config_size', 'The size of the tested configuration'), 'configBytes'],
    [
      gauge(
        'admission_roundtrip_duration',
        'The complete duration of the admission controller at the time to process a new event (float seconds)',
      ),
      'roundtripSeconds',
    ],
  ];
  return (values) => {
    for (const [metric, key] of of) metric.set(constantLabels, values[key]);
  };
}
