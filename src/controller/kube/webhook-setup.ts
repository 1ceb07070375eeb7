import {
  createWebhookCertificate,
  isCertificate,
  problemOfWebhookCertificate,
  type WebhookCertificate,
} from '../certificates/webhook-certificate.ts';
import { isKubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { SECRETS, VALIDATING_WEBHOOKS, type ResourceRef } from './resources.ts';

/** What became of the Secret. */
export interface EnsuredCertificate {
  /** PEM of the authorities that the API server should trust. */
  readonly ca: string;
  /** Why it was made; undefined: the one that was there will do. */
  readonly madeBecause?: string;
}

export interface CertificateWish {
  readonly client: KubeClient;
  readonly secret: ResourceRef;
  /** Names that the certificate must be for. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Others may write the same object: it is read anew so many times. */
const TRIES = 5;

/** Makes sure that a Secret holds a certificate for the webhook, under the keys of kube-webhook-certgen. */
export async function ensureWebhookCertificate(wish: CertificateWish): Promise<EnsuredCertificate> {
  const { client, secret, names, nowMs } = wish;
  return withRetries(async () => {
    const found = await getOrUndefined(() => client.get(SECRETS, secret));
    const held = found && readCertificate(found);
    const problem =
      held === undefined ? 'there is no Secret' : problemOfWebhookCertificate(held, names, nowMs);
    if (held !== undefined && problem === undefined) return { ca: held.ca };
    const made = createWebhookCertificate(names, nowMs);
    const data = { ca: toBase64(made.ca), cert: toBase64(made.certificate), key: toBase64(made.key) };
    const metadata = { name: secret.name, namespace: secret.namespace };
    if (found === undefined) {
      await client.create(SECRETS, secret.namespace, { metadata, type: 'Opaque', data });
    } else {
      await client.update(SECRETS, secret, { ...found, data: { ...(found['data'] as object), ...data } });
    }
    // Running Pods serve the old certificate until the kubelet has brought them the new one.
    const before = held !== undefined && isCertificate(held.ca) ? held.ca : '';
    return { ca: made.ca + before, madeBecause: problem };
  });
}

/** Writes the authorities, and the failurePolicy unless it is '', into every webhook of a ValidatingWebhookConfiguration. */
export async function setWebhookAuthority(
  client: KubeClient,
  name: string,
  ca: string,
  failurePolicy: string,
): Promise<void> {
  const ref = { namespace: '', name };
  await withRetries(async () => {
    const found = await client.get(VALIDATING_WEBHOOKS, ref);
    const webhooks = ((found['webhooks'] ?? []) as readonly RawWebhook[]).map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle: toBase64(ca) },
      ...(failurePolicy === '' ? {} : { failurePolicy }),
    }));
    await client.update(VALIDATING_WEBHOOKS, ref, { ...found, webhooks });
  });
}

interface RawWebhook {
  readonly clientConfig?: object;
}

function readCertificate(secret: KubeObject): WebhookCertificate {
  const data = (secret['data'] ?? {}) as Readonly<Record<string, unknown>>;
  const text = (key: string) => Buffer.from(String(data[key] ?? ''), 'base64').toString('utf8');
  return { ca: text('ca'), certificate: text('cert'), key: text('key') };
}

async function getOrUndefined(get: () => Promise<KubeObject>): Promise<KubeObject | undefined> {
  try {
    return await get();
  } catch (error) {
    if (isKubeError(error, 404)) return undefined;
    throw error;
  }
}

/** Once more after a 409: somebody was faster. */
async function withRetries<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (!isKubeError(error, 409) || tries === TRIES) throw error;
    }
  }
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
