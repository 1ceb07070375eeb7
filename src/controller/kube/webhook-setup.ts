import {
  authoritiesIn,
  createWebhookCertificate,
  problemOfWebhookCertificate,
  toBundle,
} from '../certificates/webhook-certificate.ts';
import { isKubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { SECRETS, VALIDATING_WEBHOOKS, type ResourceRef } from './resources.ts';
import { draftOfSecret, readHeldCertificate, withBundles } from './webhook-objects.ts';

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
  /** Called before a certificate takes the place of another one, with the authorities of both. */
  readonly announce?: (ca: string) => Promise<void>;
}

/** Others may write the same object: it is read anew so many times. */
const TRIES = 5;

/** Makes sure that a Secret holds a certificate for the webhook, under the keys of kube-webhook-certgen. */
export async function ensureWebhookCertificate(wish: CertificateWish): Promise<EnsuredCertificate> {
  const { client, secret, names, nowMs } = wish;
  return withRetries(async () => {
    const found = await getOrUndefined(() => client.get(SECRETS, secret));
    const { served } = readHeldCertificate(found, false);
    const problem =
      found === undefined ? 'there is no Secret' : problemOfWebhookCertificate(served, names, nowMs);
    if (problem === undefined) return { ca: served.ca };
    const made = createWebhookCertificate(names, nowMs);
    const draft = draftOfSecret(found, secret, made);
    // Running Pods serve the old certificate until the kubelet has brought them the new one.
    const ca = made.ca + toBundle(authoritiesIn(served.ca));
    if (found === undefined) {
      await client.create(SECRETS, secret.namespace, draft);
    } else {
      await wish.announce?.(ca);
      await client.update(SECRETS, secret, draft);
    }
    return { ca, madeBecause: problem };
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
    const found = withBundles(await client.get(VALIDATING_WEBHOOKS, ref), undefined, () => ca);
    const policy = failurePolicy === '' ? {} : { failurePolicy };
    const webhooks = (found['webhooks'] as readonly object[]).map((webhook) => ({ ...webhook, ...policy }));
    await client.update(VALIDATING_WEBHOOKS, ref, { ...found, webhooks });
  });
}

/** The object, or undefined where there is none. */
export async function getOrUndefined(get: () => Promise<KubeObject>): Promise<KubeObject | undefined> {
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
