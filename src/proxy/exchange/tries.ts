import type { Attempt } from '../../lib/variables/source.ts';
import type { PickState, Upstream } from '../upstream/upstream.ts';

/** What is kept of an exchange's choice of endpoints over all its tries. */
class Picking implements PickState {
  readonly tried: PickState['tried'] = [];
  setCookie: string | undefined = undefined;
  cookiePath = '';
  hostName = '';
  affinity: PickState['affinity'] = undefined;
  isAffinityAsked = false;
}

/** One try at an endpoint. */
export class Try implements Attempt {
  address = '';
  status = 0;
  responseLength = 0;
  connectMs = -1;
  headerMs = -1;
  responseMs = -1;
  isRedirected = false;

  begin(address: string, isRedirected: boolean): void {
    this.address = address;
    this.status = 0;
    this.responseLength = 0;
    this.connectMs = -1;
    this.headerMs = -1;
    this.responseMs = -1;
    this.isRedirected = isRedirected;
  }
}

/** The tries of an exchange at its upstream. */
export class Tries {
  upstream: Upstream | undefined = undefined;
  readonly picking: Picking = new Picking();
  readonly attempts: Try[] = [];
  /** Those that count against the limit: one that met a stale kept-alive connection does not. */
  counted = 0;
  /** When the first one began. */
  startedAtMs = 0;
  /** Set once a server may have seen anything of the request. */
  isTouched = false;
  readonly #first: Try = new Try();

  /** Forgets those of the last request. */
  clear(): void {
    // Setting the length would leave the compiled code.
    while (this.attempts.length > 0) this.attempts.pop();
    while (this.picking.tried.length > 0) this.picking.tried.pop();
    this.picking.setCookie = undefined;
  }

  /** Says that the first try begins. */
  begin(nowMs: number): void {
    this.counted = 0;
    this.startedAtMs = nowMs;
    this.isTouched = false;
  }

  add(address: string, isRedirected: boolean): Try {
    const next = this.attempts.length === 0 ? this.#first : new Try();
    next.begin(address, isRedirected);
    this.attempts.push(next);
    this.counted++;
    return next;
  }
}
