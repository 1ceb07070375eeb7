import type { Findings } from '../../model/finding.ts';
import { printSource } from '../../model/source.ts';
import type { CertificateModel } from '../../model/model.ts';
import type { IngressTls } from '../store/objects.ts';
import type { Tracker } from './dependencies.ts';
import type { IngressEntry } from './entries.ts';
import type { Contribution } from './host-routes.ts';
import type { CertificateReader } from '../certificates/certificate-reader.ts';

/** Certificate of a host; undefined model: the default certificate. */
export interface HostCertificate {
  readonly model?: CertificateModel;
  /** The Ingress whose spec.tls decides. */
  readonly entry: IngressEntry;
}

const DAY_MS = 86_400_000;
const WARNING_DAYS = 10;

/**
 * Chooses the certificate of a host as docs/reference/routing.md §7.2 does: of the first Ingress with spec.tls, the item that lists the
 * host, else the first whose certificate covers it. Whatever is wrong is a finding, and the default certificate is served.
 * Undefined: no Ingress of the host has spec.tls.
 */
export function chooseHostCertificate(
  host: string,
  contributions: readonly Contribution[],
  tracker: Tracker,
  reader: CertificateReader,
  nowMs: number,
  findings: Findings,
): HostCertificate | undefined {
  const entry = contributions.find(
    ({ rule, entry: { ingress } }) => rule >= 0 && ingress.tls.length > 0,
  )?.entry;
  if (entry === undefined) return undefined;
  const { ingress, source } = entry;
  reportOthers(host, contributions, entry, findings);
  const consequence = `the default certificate is served for ${host}`;
  const read = (item: IngressTls) => {
    const secret = tracker.secret(`${ingress.namespace}/${item.secretName}`);
    return secret && reader.read(secret);
  };

  const listed = ingress.tls.find(({ hosts }) => hosts.some((name) => name.toLowerCase() === host));
  const item =
    listed ??
    ingress.tls.find((candidate) => {
      if (candidate.secretName === '') return false;
      const result = read(candidate);
      return result?.ok === true && reader.covers(result.certificate.facts.names, host);
    });
  if (item === undefined) {
    if (ingress.tls.some(({ secretName }) => secretName !== '')) {
      const problem = `lists no host ${host} and has no certificate for it`;
      findings.warn(source, 'NoCertificate', { field: 'spec.tls', problem, consequence });
    }
    return { entry };
  }
  // Asking for the default certificate by naming none is usual.
  if (item.secretName === '') return { entry };

  const field = `${item.field}.secretName`;
  const value = item.secretName;
  const result = read(item);
  if (result === undefined) {
    const problem = `is not a Secret in namespace ${ingress.namespace}`;
    findings.warn(source, 'MissingSecret', { field, value, problem, consequence });
    return { entry };
  }
  if (!result.ok) {
    findings.warn(source, 'InvalidCertificate', { field, value, problem: result.problem, consequence });
    return { entry };
  }
  const { facts } = result.certificate;
  if (!reader.covers(facts.names, host)) {
    const names = facts.names.length === 0 ? 'no name' : facts.names.join(', ');
    const problem = `holds a certificate for ${names}, not for ${host}`;
    findings.warn(source, 'CertificateMismatch', { field, value, problem, consequence });
    return { entry };
  }
  if (facts.notAfterMs < nowMs) {
    const problem = `holds a certificate that expired at ${new Date(facts.notAfterMs).toISOString()}`;
    findings.warn(source, 'CertificateExpired', {
      field,
      value,
      problem,
      consequence: 'it is served as it is',
    });
  } else if (facts.notAfterMs < nowMs + WARNING_DAYS * DAY_MS) {
    const problem = `holds a certificate that expires at ${new Date(facts.notAfterMs).toISOString()}`;
    findings.warn(source, 'CertificateExpiresSoon', {
      field,
      value,
      problem,
      consequence: 'it is served as it is',
    });
  }
  return { entry, model: result.certificate };
}

/** Younger Ingresses of the host that list it with a Secret of their own: they are not asked. */
function reportOthers(
  host: string,
  contributions: readonly Contribution[],
  chosen: IngressEntry,
  findings: Findings,
): void {
  const secretOf = ({ ingress }: IngressEntry) => {
    const item = ingress.tls.find(({ hosts }) => hosts.some((name) => name.toLowerCase() === host));
    return item === undefined || item.secretName === ''
      ? undefined
      : { key: `${ingress.namespace}/${item.secretName}`, item };
  };
  const asked = secretOf(chosen)?.key;
  for (const { entry, rule } of contributions) {
    const own = rule < 0 || entry === chosen ? undefined : secretOf(entry);
    if (own === undefined || own.key === asked) continue;
    findings.warn(entry.source, 'CertificateConflict', {
      field: `${own.item.field}.secretName`,
      value: own.item.secretName,
      problem: `comes after spec.tls of ${printSource(chosen.source)}, which decides for host ${host}`,
      consequence: 'this one is ignored',
    });
  }
}
