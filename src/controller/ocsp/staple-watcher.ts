import { createAtOnce } from '../../lib/at-once.ts';
import type { StapleEntry } from '../../table/staple.ts';
import type { FetchStaple } from './fetch-staple.ts';
import { readOcspSubject } from './ocsp-request.ts';

/** A certificate that is served. */
export interface StapledCertificate {
  readonly id: string;
  /** PEM of its chain. */
  readonly certificate: string;
}

export interface StapleWatcherDeps {
  readonly fetch: FetchStaple;
  /** What is known of a certificate is something else now; undefined: nothing. */
  readonly changed: (certificateId: string, staple: StapleEntry | undefined) => void;
  /** A certificate has no response, or has one again where `problem` is empty. */
  readonly failing: (certificateId: string, problem: string) => void;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Calls back later; the answer cancels. */
  readonly schedule?: (callback: () => void, delayMs: number) => () => void;
}

/** Follows what authorities say of certificates: each is asked anew before the response of before ends. */
export interface StapleWatcher {
  /** Follows these and no others. */
  watch(certificates: readonly StapledCertificate[]): void;
  stop(): void;
}

interface Watched {
  staple: StapleEntry | undefined;
  problem: string;
  failures: number;
  cancel: (() => void) | undefined;
  readonly aborter: AbortController;
}

/** Tenants bring certificates, and choose whom they lead to. */
const CERTIFICATES_MAX = 4096;
const AT_ONCE_MAX = 8;
const RETRY_MIN_MS = 30_000;
const RETRY_MAX_MS = 3_600_000;
const REFRESH_MIN_MS = 60_000;
const REFRESH_MAX_MS = 43_200_000;

export function createStapleWatcher(deps: StapleWatcherDeps): StapleWatcher {
  const { fetch, changed, failing, epochMs, random, schedule = byTimer } = deps;
  const watched = new Map<string, Watched>();
  const queue = createAtOnce(AT_ONCE_MAX);
  let followed: readonly StapledCertificate[] | undefined;

  function enqueue(certificate: StapledCertificate, state: Watched): void {
    state.cancel = undefined;
    queue.add(() => ask(certificate, state));
  }

  /** Reads the certificate in its turn: thousands may have come at once. */
  async function ask(given: StapledCertificate, state: Watched): Promise<void> {
    const { id, certificate } = given;
    if (watched.get(id) !== state) return;
    const subject = readOcspSubject(certificate);
    if (subject === undefined) return;
    if (typeof subject === 'string') return tell(id, state, subject);
    const result = await fetch(subject, state.aborter.signal);
    if (watched.get(id) !== state) return;
    let delayMs: number;
    if (result.ok) {
      const { response, endsAtMs } = result;
      state.failures = 0;
      state.staple = { certificateId: id, response, endsAtMs };
      changed(id, state.staple);
      delayMs = Math.min(Math.max((endsAtMs - epochMs()) / 2, REFRESH_MIN_MS), REFRESH_MAX_MS);
    } else {
      delayMs = Math.min(RETRY_MIN_MS * 2 ** state.failures, RETRY_MAX_MS);
      state.failures++;
      // What was said before counts to its end, unless it is taken back.
      if (result.isRevoked === true && state.staple !== undefined) {
        state.staple = undefined;
        changed(id, undefined);
      }
    }
    tell(id, state, result.ok ? '' : result.problem);
    // Certificates that came at once are not asked for at once for ever.
    state.cancel = schedule(() => enqueue(given, state), delayMs * (0.9 + 0.1 * random()));
  }

  function tell(id: string, state: Watched, problem: string): void {
    if (problem === state.problem) return;
    state.problem = problem;
    failing(id, problem);
  }

  function follow(certificate: StapledCertificate): void {
    const state: Watched = {
      staple: undefined,
      problem: '',
      failures: 0,
      cancel: undefined,
      aborter: new AbortController(),
    };
    watched.set(certificate.id, state);
    enqueue(certificate, state);
  }

  function drop(id: string, state: Watched): void {
    watched.delete(id);
    state.cancel?.();
    state.aborter.abort();
  }

  return {
    watch(certificates) {
      if (certificates === followed) return;
      followed = certificates;
      const wanted = new Set(certificates.map(({ id }) => id));
      for (const [id, state] of watched) {
        if (wanted.has(id)) continue;
        drop(id, state);
        if (state.staple !== undefined) changed(id, undefined);
      }
      for (const certificate of certificates) {
        if (watched.size >= CERTIFICATES_MAX) return;
        if (!watched.has(certificate.id)) follow(certificate);
      }
    },
    stop() {
      for (const [id, state] of watched) drop(id, state);
      queue.clear();
    },
  };
}

function byTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs).unref();
  return () => clearTimeout(timer);
}
