import { redactBytes, revealBytes } from '../../lib/redacted-bytes.ts';
import type { WebhookCertificate, WebhookPair } from '../certificates/webhook-certificate.ts';
import type { HeldCertificate } from '../certificates/webhook-renewal.ts';
import type { KubeDraft, KubeObject } from './kube-object.ts';
import type { ResourceRef } from './resources.ts';

/** Stands on the Secret that Serin made: what has it may be renewed. */
const MARK = { 'serin.dev/renewed-by': 'serin' };
/** cert-manager writes into what has one of these, and would write again. */
const OF_CERT_MANAGER = /^cert-manager\.io\/(certificate-name|inject-)/;

/** Keys of the Secret: kube-webhook-certgen's, and those of the certificate that is to follow. */
const CA = 'ca';
const CERTIFICATE = 'cert';
const KEY = 'key';
const NEXT_CERTIFICATE = 'next-cert';
const NEXT_KEY = 'next-key';

/** Reads the webhook's Secret; `isTakenOver`: one that others made is renewed as well. */
export function readHeldCertificate(secret: KubeObject | undefined, isTakenOver: boolean): HeldCertificate {
  const data = dataOf(secret);
  const bytes = (key: string) => Buffer.from(String(data[key] ?? ''), 'base64');
  const pair = (certificate: string, key: string): WebhookPair => ({
    certificate: bytes(certificate).toString(),
    key: redactBytes(bytes(key)),
  });
  const isEmpty = Object.keys(data).length === 0;
  const isMarked = Object.entries(MARK).every(([name, value]) => annotationsOf(secret)[name] === value);
  const isFree = isTakenOver && CERTIFICATE in data && !isCertManagers(secret);
  const served = { ca: bytes(CA).toString(), ...pair(CERTIFICATE, KEY) };
  const next = NEXT_CERTIFICATE in data ? pair(NEXT_CERTIFICATE, NEXT_KEY) : undefined;
  return { isRenewed: isEmpty || isMarked || isFree, served, ...(next && { next }) };
}

/** The Secret as it is to be written: `found` with these in place of its own, and what else it holds. */
export function draftOfSecret(
  found: KubeObject | undefined,
  ref: ResourceRef,
  served: WebhookCertificate,
  next?: WebhookPair,
): KubeDraft {
  const { [NEXT_CERTIFICATE]: _, [NEXT_KEY]: __, ...others } = dataOf(found);
  const data = {
    ...others,
    [CA]: toBase64(served.ca),
    ...pairData(CERTIFICATE, KEY, served),
    ...(next && pairData(NEXT_CERTIFICATE, NEXT_KEY, next)),
  };
  const metadata = found?.metadata ?? { name: ref.name, namespace: ref.namespace };
  const annotations = { ...annotationsOf(found), ...MARK };
  return { ...(found ?? { type: 'Opaque' }), metadata: { ...metadata, annotations }, data };
}

/** The caBundles of the webhooks that lead to one of `names`. */
export function readBundles(configuration: KubeObject, names: readonly string[]): readonly string[] {
  return webhooksOf(configuration)
    .filter((webhook) => leadsTo(webhook, names))
    .map(({ clientConfig }) => Buffer.from(clientConfig?.caBundle ?? '', 'base64').toString());
}

/** The configuration with the caBundles changed of the webhooks that lead to one of `names`; without names, of all. */
export function withBundles(
  configuration: KubeObject,
  names: readonly string[] | undefined,
  change: (bundle: string) => string,
): KubeObject {
  const webhooks = webhooksOf(configuration).map((webhook) => {
    if (names !== undefined && !leadsTo(webhook, names)) return webhook;
    const before = Buffer.from(webhook.clientConfig?.caBundle ?? '', 'base64').toString();
    return { ...webhook, clientConfig: { ...webhook.clientConfig, caBundle: toBase64(change(before)) } };
  });
  return { ...configuration, webhooks };
}

/** Whether cert-manager writes into an object. */
export function isCertManagers(object: KubeObject | undefined): boolean {
  return Object.keys(annotationsOf(object)).some((name) => OF_CERT_MANAGER.test(name));
}

interface RawWebhook {
  readonly clientConfig?: {
    readonly url?: string;
    readonly service?: { readonly namespace?: string; readonly name?: string };
    readonly caBundle?: string;
  };
}

function webhooksOf(configuration: KubeObject): readonly RawWebhook[] {
  return (configuration['webhooks'] ?? []) as readonly RawWebhook[];
}

function leadsTo({ clientConfig }: RawWebhook, names: readonly string[]): boolean {
  const { service, url = '' } = clientConfig ?? {};
  if (service !== undefined) return names.includes(`${service.name}.${service.namespace}.svc`);
  return URL.canParse(url) && names.includes(new URL(url).hostname);
}

function dataOf(secret: KubeObject | undefined): Readonly<Record<string, unknown>> {
  return (secret?.['data'] ?? {}) as Readonly<Record<string, unknown>>;
}

function annotationsOf(object: KubeObject | undefined): Readonly<Record<string, string>> {
  return object?.metadata.annotations ?? {};
}

/** A pair of which there is nothing leaves no keys. */
function pairData(certificateKey: string, keyKey: string, { certificate, key }: WebhookPair) {
  if (certificate === '') return {};
  return {
    [certificateKey]: toBase64(certificate),
    [keyKey]: revealBytes(key).toString('base64'),
  };
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
