import type { ExchangeWatcher, RequestView, Subrequest } from '../../features/kit/filter.ts';
import type { Answer, Question } from '../../features/kit/subrequest.ts';
import { ExpiringMap } from '../../lib/expiring-map.ts';
import { digestOfText } from '../../lib/hash.ts';
import { plainWire, tlsWire } from '../upstream/wire-key.ts';
import type { AnswerRecord } from './answer-record.ts';
import { Flight, type FlightDeps, type LinkedQuestion } from './flight.ts';

/** What a worker remembers of answers, over all questions. */
const MAX_ANSWERS = 10_000;
const MAX_ANSWER_BYTES = 16_777_216;
/** Beyond it a key is told by its digest. */
const MAX_KEY_LENGTH = 256;

interface Remembered {
  readonly answer: AnswerRecord;
  /** What the request had in the headers that Vary names. */
  readonly varied: Varied;
}

type Varied = readonly (string | undefined)[];

/** Questions of features, asked beside exchanges over the pools of traffic. */
export class Subrequests {
  readonly #deps: FlightDeps;
  readonly #answers = new ExpiringMap<Remembered>({ maxEntries: MAX_ANSWERS, maxBytes: MAX_ANSWER_BYTES });
  readonly #shared = new Map<string, SharedFlight>();

  constructor(deps: FlightDeps) {
    this.#deps = deps;
  }

  create(question: Question): Subrequest {
    const { tls, fields, without = [], kept } = question;
    const linked: LinkedQuestion = {
      question,
      wire: tls === undefined ? plainWire('http/1.1') : tlsWire('http/1.1', tls),
      without: new Set([...without, ...fields.map(({ name }) => name.toLowerCase())]),
      kept: new Set(kept),
    };
    const { caching } = question;
    if (caching === undefined) return { ask: (request) => this.#askAlone(linked, request) };
    return {
      ask: (request) => {
        const text = `${caching.scope}\n${caching.key(request)}`;
        const key = text.length > MAX_KEY_LENGTH ? digestOfText(text) : text;
        return this.#recall(key, request) ?? this.#askShared(linked, key, request);
      },
    };
  }

  #recall(key: string, request: RequestView): Answer | undefined {
    const known = this.#answers.get(key, this.#deps.now());
    if (known === undefined || !isSame(known, request)) return undefined;
    return known.answer;
  }

  #askAlone(linked: LinkedQuestion, request: RequestView): Promise<Answer> {
    const waiter = new Waiter(request, () => flight.abort());
    const flight = new Flight(this.#deps, linked, request, (answer) => waiter.told(answer));
    flight.begin();
    return waiter.answer;
  }

  #askShared(linked: LinkedQuestion, key: string, request: RequestView): Promise<Answer> {
    const underWay = this.#shared.get(key);
    if (underWay !== undefined) return underWay.join(request);
    const shared: SharedFlight = new SharedFlight(this.#deps, linked, request, {
      over: () => this.#shared.delete(key),
      answered: (answer, varied) => this.#remember(linked, key, answer, varied),
      askAgain: (other) => this.#askAlone(linked, other),
    });
    this.#shared.set(key, shared);
    const answer = shared.join(request);
    shared.begin();
    return answer;
  }

  #remember({ question }: LinkedQuestion, key: string, answer: AnswerRecord, varied: Varied): void {
    if (answer.failure !== undefined || answer.vary?.includes('*') === true) return;
    const lifeMs = question.caching!.lifeMs(answer);
    if (lifeMs <= 0) return;
    const bytes = key.length + answer.headBytes + answer.body.length;
    this.#answers.set(key, { answer, varied }, bytes, this.#deps.now() + lifeMs);
  }
}

/** Whether a request has the same in all that an answer depends on. */
function isSame({ answer: { vary = [] }, varied }: Remembered, request: RequestView): boolean {
  for (let i = 0; i < vary.length; i++) if (request.header(vary[i]!) !== varied[i]) return false;
  return true;
}

/** Whether an answer is for the client alone that it was asked for: the same key does not make two clients one. */
function isForOne(answer: AnswerRecord): boolean {
  return (
    answer.header('set-cookie') !== undefined ||
    answer.headers('cache-control').some((value) => /\bprivate\b/i.test(value))
  );
}

/** One exchange that waits for an answer. Never told once its exchange is over. */
class Waiter implements ExchangeWatcher {
  readonly request: RequestView;
  readonly answer: Promise<Answer>;
  readonly #resolve: (answer: Answer | Promise<Answer>) => void;
  readonly #gone: (waiter: Waiter) => void;

  constructor(request: RequestView, gone: (waiter: Waiter) => void) {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.request = request;
    this.answer = promise;
    this.#resolve = resolve;
    this.#gone = gone;
    request.watch(this);
  }

  told(answer: Answer | Promise<Answer>): void {
    this.request.unwatch(this);
    this.#resolve(answer);
  }

  onExchangeOver(): void {
    this.#gone(this);
  }
}

interface SharedEvents {
  /** Nobody may join any more. */
  over(): void;
  /** `varied` is what the request had in the headers that Vary names. */
  answered(answer: AnswerRecord, varied: Varied): void;
  /** For a request that the answer is not good for. */
  askAgain(request: RequestView): Promise<Answer>;
}

/** A question that several exchanges wait for: it is taken back when the last of them is over. */
class SharedFlight {
  readonly #flight: Flight;
  readonly #events: SharedEvents;
  readonly #first: RequestView;
  #waiters: Waiter[] = [];

  constructor(deps: FlightDeps, linked: LinkedQuestion, request: RequestView, events: SharedEvents) {
    this.#events = events;
    this.#first = request;
    this.#flight = new Flight(deps, linked, request, (answer) => this.#conclude(answer));
  }

  begin(): void {
    this.#flight.begin();
  }

  join(request: RequestView): Promise<Answer> {
    const waiter = new Waiter(request, (gone) => this.#leave(gone));
    this.#waiters.push(waiter);
    return waiter.answer;
  }

  #leave(gone: Waiter): void {
    this.#waiters = this.#waiters.filter((waiter) => waiter !== gone);
    const next = this.#waiters[0];
    if (next !== undefined) {
      this.#flight.request = next.request;
      return;
    }
    this.#events.over();
    this.#flight.abort();
  }

  #conclude(answer: AnswerRecord): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#events.over();
    const varied = this.#variedOf(answer, waiters);
    if (varied !== undefined) this.#events.answered(answer, varied);
    const isForFirst = isForOne(answer);
    for (const waiter of waiters) {
      const isGood =
        varied !== undefined &&
        isSame({ answer, varied }, waiter.request) &&
        (!isForFirst || waiter.request === this.#first);
      waiter.told(isGood ? answer : this.#events.askAgain(waiter.request));
    }
  }

  /** What the request that was sent had in the headers that Vary names; undefined: its exchange is over, and nobody knows any more. */
  #variedOf({ vary }: AnswerRecord, waiters: readonly Waiter[]): Varied | undefined {
    if (vary === undefined) return [];
    const isFirstHere = waiters.some(({ request }) => request === this.#first);
    return isFirstHere ? vary.map((name) => this.#first.header(name)) : undefined;
  }
}
