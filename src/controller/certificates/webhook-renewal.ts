import type { X509Certificate } from 'node:crypto';
import {
  authoritiesIn,
  backdatedByMs,
  issuerOf,
  problemOfWebhookCertificate,
  readCertificate,
  spanOf,
  type WebhookCertificate,
  type WebhookPair,
} from './webhook-certificate.ts';

/** What the Secret of the webhook holds. All that a renewal has reached stands in it, so that any replica goes on with it. */
export interface HeldCertificate {
  /** Serin made it, or was told to take it over. What others made stays as it is. */
  readonly isRenewed: boolean;
  /** Its parts are empty where the Secret has none. */
  readonly served: WebhookCertificate;
  /** Is served as soon as the API server knows its authority. */
  readonly next?: WebhookPair;
}

export interface RenewalView {
  readonly held: HeldCertificate;
  /** The caBundles of the webhooks that lead to Serin; undefined: nobody may know. */
  readonly bundles: readonly string[] | undefined;
  /** Names that the certificate must be for. */
  readonly names: readonly string[];
  /** How long a certificate is to live. */
  readonly lifeMs: number;
  readonly nowMs: number;
}

/**
 * What is to be done next. Each step is one write, and holds the API server's trust in whatever a replica may still serve:
 * prepare, announce, serve, forget.
 */
export type RenewalStep =
  | { readonly kind: 'rest'; readonly trouble?: string }
  /** Make an authority and a certificate of it, beside what is served; `keep` are the authorities that stay known. */
  | { readonly kind: 'prepare'; readonly because: string; readonly keep: readonly X509Certificate[] }
  /** The API server is to know these as well. */
  | { readonly kind: 'announce'; readonly authorities: readonly X509Certificate[] }
  /** What was prepared takes the place of what is served. */
  | { readonly kind: 'serve' }
  /** Only the issuer of what is served is to be known; unless `isSafe`, once every replica serves that. */
  | { readonly kind: 'forget'; readonly issuer: X509Certificate; readonly isSafe: boolean };

const DAY_MS = 86_400_000;
const RENEWED_AT = 2 / 3;
/** Many clusters that were set up at once do not renew at once. */
const JITTER = 1 / 10;
/** Of the life: then it is served whether the API server is known to trust it or not, for the old one is refused in any case. */
const LAST_MOMENT = 1 / 20;
const REST: RenewalStep = { kind: 'rest' };

/** Decides from what stands in the cluster alone. */
export function nextStep(view: RenewalView): RenewalStep {
  const { held, bundles, names, nowMs } = view;
  const { served, next } = held;
  const known = authoritiesIn(served.ca);
  const valid = known.filter((one) => isValid(one, nowMs));
  const problem =
    served.certificate === '' ? 'there is none' : problemOfWebhookCertificate(served, names, nowMs);
  if (!held.isRenewed) return stepOfOthers(served, problem, valid, bundles);

  const because = next === undefined ? (problem ?? whyDue(served, view)) : whyUnfit(next, view);
  if (because !== undefined) {
    const unused = next && issuerIn(next.certificate, known);
    return { kind: 'prepare', because, keep: valid.filter((one) => one !== unused) };
  }
  if (lacks(bundles, valid)) return { kind: 'announce', authorities: valid };

  const server = readCertificate(served.certificate);
  const issuer = server && issuerOf(server, known);
  if (next !== undefined) {
    const isBlind = bundles === undefined && server !== undefined && issuer !== undefined;
    return isBlind && !isLastMoment(server, nowMs) ? REST : { kind: 'serve' };
  }
  if (issuer === undefined) return REST;
  const extras = [...known, ...(bundles ?? []).flatMap(authoritiesIn)].filter(
    (one) => one.fingerprint256 !== issuer.fingerprint256,
  );
  if (extras.length === 0) return REST;
  return { kind: 'forget', issuer, isSafe: !extras.some((one) => isValid(one, nowMs)) };
}

/** When a certificate is to be renewed: the same for every replica, and after every start. */
export function renewalDueMs(certificate: X509Certificate, lifeMs: number): number {
  const span = Math.min(spanOf(certificate), lifeMs + backdatedByMs(lifeMs));
  const chance = Number.parseInt(certificate.fingerprint256.replaceAll(':', '').slice(0, 4), 16) / 0x10000;
  return certificate.validFromDate.getTime() + span * (RENEWED_AT - JITTER * chance);
}

/** What others made is told to the API server, too, and is said to be at its end. */
function stepOfOthers(
  { certificate }: WebhookCertificate,
  problem: string | undefined,
  authorities: readonly X509Certificate[],
  bundles: readonly string[] | undefined,
): RenewalStep {
  // Under other keys, as cert-manager has it: then others tell the API server as well.
  if (certificate === '') return REST;
  if (problem !== undefined) return { kind: 'rest', trouble: problem };
  return lacks(bundles, authorities) ? { kind: 'announce', authorities } : REST;
}

function whyDue({ certificate }: WebhookCertificate, { lifeMs, nowMs }: RenewalView): string | undefined {
  const server = readCertificate(certificate);
  if (server === undefined || nowMs < renewalDueMs(server, lifeMs)) return undefined;
  return 'two thirds of its life are over';
}

function whyUnfit(next: WebhookPair, { held, names, nowMs }: RenewalView): string | undefined {
  const problem = problemOfWebhookCertificate({ ...next, ca: held.served.ca }, names, nowMs);
  return problem && `what was prepared will not do: ${problem}`;
}

function issuerIn(certificate: string, authorities: readonly X509Certificate[]): X509Certificate | undefined {
  const read = readCertificate(certificate);
  return read && issuerOf(read, authorities);
}

/** Whether the API server is known not to know some authority. */
function lacks(bundles: readonly string[] | undefined, authorities: readonly X509Certificate[]): boolean {
  return (bundles ?? []).some((bundle) => {
    const known = new Set(authoritiesIn(bundle).map((one) => one.fingerprint256));
    return authorities.some((one) => !known.has(one.fingerprint256));
  });
}

function isLastMoment(certificate: X509Certificate, nowMs: number): boolean {
  const lastMs = Math.min(DAY_MS, spanOf(certificate) * LAST_MOMENT);
  return nowMs >= certificate.validToDate.getTime() - lastMs;
}

/** Whether a certificate of it may still be trusted. */
export function isValid(authority: X509Certificate, nowMs: number): boolean {
  return authority.validToDate.getTime() > nowMs;
}
