import type { X509Certificate } from 'node:crypto';
import {
  authoritiesIn,
  createWebhookCertificate,
  problemOfWebhookCertificate,
  toBundle,
} from '../certificates/webhook-certificate.ts';
import {
  isValid,
  nextStep,
  type HeldCertificate,
  type RenewalStep,
} from '../certificates/webhook-renewal.ts';
import { isKubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { SECRETS, VALIDATING_WEBHOOKS, type ResourceRef } from './resources.ts';
import { sleep, type Timing } from './timing.ts';
import {
  draftOfSecret,
  isCertManagers,
  readBundles,
  readHeldCertificate,
  withBundles,
} from './webhook-objects.ts';
import { getOrUndefined } from './webhook-setup.ts';

/** Which certificate of the webhook is renewed, and where it is made known. */
export interface WebhookRenewalOptions {
  readonly secret: ResourceRef;
  /** Name of the ValidatingWebhookConfiguration; empty: nobody is told. */
  readonly configuration: string;
  /** Names that the certificate is for: those of the webhook's Service. */
  readonly names: readonly string[];
  /** One that others made is renewed as well. */
  readonly isTakenOver: boolean;
  readonly lifeMs: number;
}

export interface WebhookRenewalDeps {
  readonly client: KubeClient;
  readonly timing: Timing;
  readonly options: WebhookRenewalOptions;
  readonly isLeader: () => boolean;
  /** Whether every replica shows a certificate of this authority. */
  readonly isServedEverywhere: (ca: string, signal: AbortSignal) => Promise<boolean>;
  readonly observer: WebhookRenewalObserver;
}

export interface WebhookRenewalObserver {
  /** A step was done. */
  did(what: string, about?: Readonly<Record<string, string>>): void;
  /** Something that only people can mend; told once a day while it lasts. */
  trouble(message: string): void;
  /** The API server cannot be asked; told once until it can. */
  failed(error: unknown): void;
}

/** Renews the certificate of the webhook while this replica leads (docs/webhook-certificate.md). */
export interface WebhookRenewal {
  start(): void;
  /** Does what is to be done now. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

const LONGEST_PAUSE_MS = 10_000;
/** Of a life. */
const PAUSE_PART = 1 / 100;
/** API servers take in a changed configuration one after the other; so many pauses is it left to them. */
const SETTLE_PAUSES = 3;
/** Replicas are asked what they show no more often than this. */
const PROOF_PAUSES = 12;
const REMIND_MS = 86_400_000;
const MAX_SAID = 20;
/** More steps than any look needs: each is one write. */
const MAX_STEPS = 8;

/** How often the Secret is looked at, by who renews and by who serves it: more often where certificates are short-lived. */
export function renewalPauseMs(lifeMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, lifeMs * PAUSE_PART);
}

export function createWebhookRenewal(deps: WebhookRenewalDeps): WebhookRenewal {
  const { client, timing, options, observer } = deps;
  const { secret, configuration, names, lifeMs } = options;
  const pauseMs = renewalPauseMs(lifeMs);
  const secretName = `${secret.namespace}/${secret.name}`;
  const configurationRef = { namespace: '', name: configuration };
  const stopping = new AbortController();
  const { signal } = stopping;
  const saidMs = new Map<string, number>();
  let running: Promise<void> | undefined;
  let hasFailed = false;
  /** When the prepared certificate may be served: API servers have had the time to learn its authority. */
  let servedFromMs: number | undefined;
  let proofFromMs = -Infinity;
  let provenAuthority = '';

  function say(message: string): void {
    const nowMs = timing.elapsedMs();
    if (nowMs - (saidMs.get(message) ?? -Infinity) < REMIND_MS) return;
    if (saidMs.size === MAX_SAID) saidMs.clear();
    saidMs.set(message, nowMs);
    observer.trouble(message);
  }

  /** Undefined where it is forbidden, which is said with what to do about it. */
  async function unlessForbidden<T>(what: string, run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      if (!isKubeError(error, 403)) throw error;
      say(`${what} is forbidden: ${error.message}. ${remedy()}`);
      return undefined;
    }
  }

  function remedy(): string {
    const [namespace, name] = [`--namespace=${secret.namespace}`, `--secret-name=${secret.name}`];
    const told = `--webhook-name=${configuration} --host=${names.join(',')}`;
    return `Grant it (serin rbac prints the roles), or run as somebody who may: serin certgen ${namespace} ${name} ${told}`;
  }

  /** undefined: it may not be read. Nobody to be told is nobody who lacks anything. */
  async function readConfiguration(): Promise<KubeObject | undefined> {
    const none = { metadata: { name: configuration } };
    if (configuration === '') return none;
    return unlessForbidden(`reading validatingwebhookconfigurations "${configuration}"`, async () => {
      return (await getOrUndefined(() => client.get(VALIDATING_WEBHOOKS, configurationRef, signal))) ?? none;
    });
  }

  /** undefined where webhooks are there and none leads to Serin by its names: then it is not known who is to be told. */
  function bundlesOf(webhooks: KubeObject): readonly string[] | undefined {
    const bundles = readBundles(webhooks, names);
    const areOthers = bundles.length === 0 && webhooks['webhooks'] !== undefined;
    if (!areOthers) return bundles;
    say(`no webhook of "${configuration}" leads to one of ${names.join(', ')} (--validating-webhook-host)`);
    return undefined;
  }

  /** One step; false: there is nothing more to do now. */
  async function step(): Promise<boolean> {
    const found = await unlessForbidden(
      `reading secrets "${secret.name}" in ${secret.namespace}`,
      async () => ({
        secret: await getOrUndefined(() => client.get(SECRETS, secret, signal)),
      }),
    );
    if (found === undefined) return false;
    const held = readHeldCertificate(found.secret, options.isTakenOver);
    const webhooks = await readConfiguration();
    const bundles = webhooks && bundlesOf(webhooks);
    const next = nextStep({ held, bundles, names, lifeMs, nowMs: timing.nowMs() });
    if (next.kind !== 'serve') servedFromMs = undefined;
    if (!deps.isLeader() || signal.aborted) return false;
    switch (next.kind) {
      case 'rest':
        if (next.trouble !== undefined)
          say(
            `the certificate of Secret ${secretName}, which Serin did not make, will not do: ${next.trouble}. Whoever made it is to renew it, or --validating-webhook-rotation=all`,
          );
        return false;
      case 'prepare':
        return prepare(found.secret, held, next);
      case 'announce':
        return setBundles(webhooks!, (before) => {
          const kept = authoritiesIn(before).filter((one) => isValid(one, timing.nowMs()));
          return toBundle([...kept, ...next.authorities]);
        });
      case 'serve':
        if (!isSettled(bundles ?? [])) return false;
        return writeSecret(found.secret, { ca: held.served.ca, ...held.next! }, 'the certificate is served');
      case 'forget':
        if (!next.isSafe && !(await isProven(next.issuer))) return false;
        if (authoritiesIn(held.served.ca).length > 1) {
          const served = { ...held.served, ca: toBundle([next.issuer]) };
          return writeSecret(found.secret, served, 'the authority before is forgotten');
        }
        return webhooks !== undefined && setBundles(webhooks, () => toBundle([next.issuer]));
    }
  }

  async function prepare(
    found: KubeObject | undefined,
    { served }: HeldCertificate,
    { because, keep }: RenewalStep & { kind: 'prepare' },
  ): Promise<boolean> {
    const made = createWebhookCertificate(names, timing.nowMs(), lifeMs);
    const problem = problemOfWebhookCertificate(made, names, timing.nowMs());
    if (problem !== undefined) {
      say(`none can be made for ${names.join(', ')} (--validating-webhook-host): ${problem}`);
      return false;
    }
    const ca = made.ca + toBundle(keep);
    return writeSecret(found, { ...served, ca }, 'a certificate was made', because, made);
  }

  async function writeSecret(
    found: KubeObject | undefined,
    served: HeldCertificate['served'],
    what: string,
    reason?: string,
    next?: HeldCertificate['next'],
  ): Promise<boolean> {
    const draft = draftOfSecret(found, secret, served, next);
    const verb = found === undefined ? 'creating' : 'updating';
    const written = await unlessForbidden(`${verb} secrets "${secret.name}" in ${secret.namespace}`, () =>
      found === undefined
        ? client.create(SECRETS, secret.namespace, draft, signal)
        : client.update(SECRETS, secret, draft, undefined, signal),
    );
    if (written === undefined) return false;
    observer.did(what, { secret: secretName, ...(reason === undefined ? {} : { reason }) });
    return true;
  }

  async function setBundles(webhooks: KubeObject, change: (bundle: string) => string): Promise<boolean> {
    if (isCertManagers(webhooks)) {
      say(
        `cert-manager writes the caBundles of "${configuration}", which lack what Secret ${secretName} holds`,
      );
      return false;
    }
    const changed = withBundles(webhooks, names, change);
    const what = `updating validatingwebhookconfigurations "${configuration}"`;
    const written = await unlessForbidden(what, () =>
      client.update(VALIDATING_WEBHOOKS, configurationRef, changed, undefined, signal),
    );
    if (written === undefined) return false;
    observer.did('the API server knows the authorities of the webhook', { webhook: configuration });
    return true;
  }

  function isSettled(bundles: readonly string[]): boolean {
    if (bundles.length === 0) return true;
    const nowMs = timing.elapsedMs();
    servedFromMs ??= nowMs + SETTLE_PAUSES * pauseMs;
    return nowMs >= servedFromMs;
  }

  async function isProven(issuer: X509Certificate): Promise<boolean> {
    const ca = toBundle([issuer]);
    if (provenAuthority === ca) return true;
    const nowMs = timing.elapsedMs();
    if (nowMs < proofFromMs) return false;
    proofFromMs = nowMs + PROOF_PAUSES * pauseMs;
    if (await deps.isServedEverywhere(ca, signal)) provenAuthority = ca;
    return provenAuthority === ca;
  }

  async function look(): Promise<void> {
    if (!deps.isLeader()) {
      servedFromMs = undefined;
      return;
    }
    try {
      provenAuthority = '';
      for (let steps = 0; steps < MAX_STEPS; steps++) {
        if (!(await stepOrConflict())) break;
      }
      hasFailed = false;
    } catch (error) {
      if (!hasFailed && !signal.aborted) observer.failed(error);
      hasFailed = true;
    }
  }

  /** Whoever was faster has changed what is to be done: it is looked at anew. */
  async function stepOrConflict(): Promise<boolean> {
    try {
      return await step();
    } catch (error) {
      if (!isKubeError(error, 409)) throw error;
      return true;
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await look();
      await sleep(timing, pauseMs, signal);
    }
  }

  return {
    look,
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      await running;
    },
  };
}
