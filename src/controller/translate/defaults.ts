import { DEFAULT_BACKEND } from '../../lib/catch-all.ts';
import { createFindings, type Finding } from '../../model/finding.ts';
import type { CertificateModel, UpstreamModel } from '../../model/model.ts';
import type { SourceRef } from '../../model/source.ts';
import { objectKey } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import type { TranslateOptions } from './options.ts';
import type { CertificateReader } from '../certificates/certificate-reader.ts';

/** What flags name for all hosts, as it is in the cluster now. */
export interface GlobalDefaults {
  /** --default-backend-service; undefined: a built-in 404 answers. */
  readonly upstream?: UpstreamModel;
  readonly certificate: CertificateModel;
  readonly findings: readonly Finding[];
}

/** Looks up the default backend and the default certificate. A missing one is a finding, and Serin's own takes its place. */
export function readDefaults(
  snapshot: ClusterSnapshot,
  options: TranslateOptions,
  reader: CertificateReader,
): GlobalDefaults {
  const findings = createFindings();
  let upstream: UpstreamModel | undefined;
  const serviceRef = options.defaultBackendService;
  if (serviceRef !== undefined) {
    const source: SourceRef = { kind: 'Service', ...pick(serviceRef) };
    const service = snapshot.services.get(objectKey(serviceRef));
    const port = service?.ports[0];
    if (service === undefined || port === undefined) {
      findings.error(source, service === undefined ? 'MissingService' : 'UnknownPort', {
        field: '--default-backend-service',
        problem: service === undefined ? 'does not exist' : 'has no ports',
        consequence: 'unmatched requests are answered by a built-in 404',
      });
    } else {
      upstream = {
        id: DEFAULT_BACKEND,
        namespace: serviceRef.namespace,
        service: serviceRef.name,
        port: String(port.port),
        kind: 'endpoints',
        policies: {},
        source,
      };
    }
  }
  const secretRef = options.defaultCertificateSecret;
  let certificate = options.fallbackCertificate;
  if (secretRef !== undefined) {
    const secret = snapshot.secrets.get(objectKey(secretRef));
    const result = secret && reader.read(secret);
    if (result?.ok === true) certificate = result.certificate;
    else {
      const source: SourceRef = { kind: 'Secret', ...pick(secretRef) };
      findings.error(source, result === undefined ? 'MissingSecret' : 'InvalidCertificate', {
        field: '--default-ssl-certificate',
        problem: result === undefined ? 'does not exist' : result.problem,
        consequence: 'a certificate made at start is the default one',
      });
    }
  }
  return { upstream, certificate, findings: findings.list() };
}

function pick({ namespace, name }: { readonly namespace: string; readonly name: string }) {
  return { namespace, name };
}
