import { keysInFiles, startWebhook, type Webhook, type WebhookKeySource } from '../admin/webhook.ts';
import type { Review } from '../controller/admission/review.ts';
import { LONGEST_LIFE_MS } from '../controller/certificates/webhook-certificate.ts';
import type { KubeClient } from '../controller/kube/client.ts';
import { SECRETS } from '../controller/kube/resources.ts';
import { readHeldCertificate } from '../controller/kube/webhook-objects.ts';
import { renewalPauseMs, type WebhookRenewalOptions } from '../controller/kube/webhook-renewal.ts';
import { getOrUndefined } from '../controller/kube/webhook-setup.ts';
import type { ObjectRef } from '../controller/store/object-store.ts';
import { revealBytes } from '../lib/redacted-bytes.ts';
import type { ControlMetrics } from '../observe/control-metrics.ts';
import type { ControlLog } from '../observe/log.ts';
import { UsageError, type FlagReader } from './args.ts';

export interface WebhookStart {
  readonly flags: FlagReader;
  readonly renewal: WebhookRenewalOptions | undefined;
  readonly client: KubeClient;
  readonly log: ControlLog;
  readonly metrics: ControlMetrics;
  readonly createReview: () => Review;
}

const SERVICE = 'ingress-nginx-controller-admission';
/** Certificates count in whole seconds. */
const SHORTEST_LIFE_MS = 10_000;

/** What --validating-webhook-rotation asks for; undefined: nothing. Throws UsageError. */
export function readRenewalOptions(
  flags: FlagReader,
  pod: ObjectRef | undefined,
): WebhookRenewalOptions | undefined {
  const mode = flags.string('validating-webhook-rotation');
  if (!['off', 'own', 'all'].includes(mode)) {
    throw new UsageError(`--validating-webhook-rotation: "${mode}" is not off, own or all`, 2);
  }
  if (mode === 'off' || flags.string('validating-webhook') === '') return undefined;
  if (pod === undefined) {
    throw new UsageError('--validating-webhook-rotation needs POD_NAME and POD_NAMESPACE', 2);
  }
  const names = flags.list('validating-webhook-host');
  const lifeMs = flags.number('validating-webhook-certificate-life') * 1_000;
  return {
    secret: { namespace: pod.namespace, name: flags.string('validating-webhook-secret') },
    configuration: flags.string('validating-webhook-configuration'),
    names: names.length > 0 ? names : [SERVICE, `${SERVICE}.${pod.namespace}.svc`],
    isTakenOver: mode === 'all',
    lifeMs: Math.min(Math.max(lifeMs, SHORTEST_LIFE_MS), LONGEST_LIFE_MS),
  };
}

/** Starts the admission webhook where --validating-webhook asks for one. Rejects with the flag and what is wrong with it. */
export async function startWebhookOf(start: WebhookStart): Promise<Webhook | undefined> {
  const { flags, log, metrics, renewal } = start;
  const address = flags.string('validating-webhook');
  if (address === '') return undefined;
  const webhook = await startWebhook(
    {
      review: start.createReview(),
      keys: readKeySource(start),
      shown({ validTo, validToDate }) {
        metrics.setWebhookCertificate(validToDate.getTime());
        log.info({ validTo }, "the webhook's certificate is shown");
      },
      judged({ namespace, name, verdict, tookMs }) {
        const { isAllowed, message, effort } = verdict;
        metrics.admissionChecked(namespace, name, isAllowed);
        if (effort !== undefined) {
          metrics.setAdmission({
            testedIngresses: effort.ingresses,
            testedSeconds: effort.translateMs / 1_000,
            renderedIngresses: effort.ingresses,
            renderSeconds: effort.checkMs / 1_000,
            configBytes: effort.modelBytes,
            roundtripSeconds: tookMs / 1_000,
          });
        }
        if (!isAllowed)
          log.info({ ingress: `${namespace}/${name}`, message }, 'the webhook refused an Ingress');
      },
      failed: (error) => log.warn({ error }, 'the webhook could not answer'),
    },
    address,
    renewal && renewalPauseMs(renewal.lifeMs),
  );
  log.info({ name: 'webhook', address: webhook.address, port: webhook.port }, 'listening');
  return webhook;
}

/** Where a webhook of this process is asked by itself. */
export function loopbackOf({ address }: Webhook): string {
  if (address === '::') return '::1';
  return address === '0.0.0.0' ? '127.0.0.1' : address;
}

/** The files that the flags name, else, where certificates are renewed, the Secret itself. */
function readKeySource({ flags, renewal, client }: WebhookStart): WebhookKeySource {
  const certificateFile = flags.string('validating-webhook-certificate');
  const keyFile = flags.string('validating-webhook-key');
  if (certificateFile !== '' && keyFile !== '') return keysInFiles(certificateFile, keyFile);
  if (renewal === undefined || certificateFile !== keyFile) {
    throw new UsageError(
      '--validating-webhook needs --validating-webhook-certificate and --validating-webhook-key, or neither and --validating-webhook-rotation',
      2,
    );
  }
  return {
    areOptional: true,
    async read() {
      const { served } = readHeldCertificate(
        await getOrUndefined(() => client.get(SECRETS, renewal.secret)),
        false,
      );
      if (served.certificate === '') return undefined;
      return { cert: Buffer.from(served.certificate), key: revealBytes(served.key) };
    },
  };
}
