import type { Question } from '../../features/kit/subrequest.ts';
import type { RequestView } from '../../features/kit/filter.ts';
import { Timer, type TimerOwner, type Timers } from '../../lib/timer-wheel.ts';
import type { AccessLog } from '../../observe/sinks.ts';
import { headerLine, joinLines, parsedLines, requestTarget, UnsafeText } from '../message/head-text.ts';
import type { ResponseHead } from '../message/heads.ts';
import { PROXY_ERRORS, type ProxyErrorCode } from '../message/proxy-errors.ts';
import type { Pools } from '../upstream/pools.ts';
import type { UpstreamHandler, UpstreamRequest, UpstreamStream } from '../upstream/stream.ts';
import type { Endpoint, PickState, Upstream } from '../upstream/upstream.ts';
import type { WireKey } from '../upstream/wire-key.ts';
import { AnswerRecord } from './answer-record.ts';
import { isIdempotent } from './idempotent.ts';
import { QuestionLine } from './question-line.ts';
import { outcomeOf } from './try-outcome.ts';

export interface FlightDeps {
  readonly pools: Pools;
  readonly timers: Timers;
  readonly now: () => number;
  readonly upstreamOf: (id: string) => Upstream;
  readonly accessLog: AccessLog;
  report(fault: unknown): void;
}

/** A question with what follows from it, worked out once. */
export interface LinkedQuestion {
  readonly question: Question;
  readonly wire: WireKey;
  /** Lower-case names of request lines that do not go along. */
  readonly without: ReadonlySet<string>;
  readonly kept: ReadonlySet<string>;
}

/** Endpoints that one question may meet. */
const MAX_TRIES = 3;
/** What is read of an answer's body that nobody wants, so that the connection can be used again. */
const MAX_DRAINED_BYTES = 65_536;

/** One question under way: asked once, answered to everybody who waits for it. */
export class Flight implements UpstreamHandler, TimerOwner, PickState {
  readonly tried: Endpoint[] = [];
  setCookie: string | undefined = undefined;
  readonly cookiePath = '';
  readonly hostName = '';
  readonly isAffinityAsked = false;
  readonly affinity: PickState['affinity'] = undefined;
  /** Who asks on whose behalf: balancing may go by it. */
  request: RequestView;
  readonly #deps: FlightDeps;
  readonly #linked: LinkedQuestion;
  readonly #concluded: (answer: AnswerRecord) => void;
  readonly #timer: Timer;
  #head: UpstreamRequest | undefined = undefined;
  #stream: UpstreamStream | undefined = undefined;
  #endpoint: Endpoint | undefined = undefined;
  #tryStartedAtMs = 0;
  #isFreshNeeded = false;
  #answer: AnswerRecord | undefined = undefined;
  #isConcluded = false;
  #bodyBytes = 0;
  readonly #line: QuestionLine | undefined;

  /** `concluded` is told once, with the answer or the failure. */
  constructor(
    deps: FlightDeps,
    linked: LinkedQuestion,
    request: RequestView,
    concluded: (answer: AnswerRecord) => void,
  ) {
    this.#deps = deps;
    this.#linked = linked;
    this.request = request;
    this.#concluded = concluded;
    this.#timer = new Timer(this);
    this.#line = linked.question.isLogged === true ? new QuestionLine(deps.accessLog, deps.now()) : undefined;
  }

  /** Asks; the head is made from the request as it is now. */
  begin(): void {
    try {
      this.#head = headOf(this.#linked, this.request);
      this.#deps.timers.arm(this.#timer, this.#linked.question.timeoutMs);
      this.#attempt('no_endpoints');
    } catch (fault) {
      const isUnsafe = fault instanceof UnsafeText;
      if (!isUnsafe) this.#deps.report(fault);
      this.#end('aborted');
      this.#conclude(AnswerRecord.failed(isUnsafe ? 'unsafe_request' : 'internal'));
    }
  }

  /** Takes the question back: nobody waits any more. */
  abort(): void {
    if (this.#isConcluded) return;
    this.#isConcluded = true;
    this.#end('aborted');
  }

  onTimer(): void {
    this.#end(this.#isConcluded ? 'aborted' : 'timed-out');
    this.#conclude(AnswerRecord.failed('read_timeout'));
  }

  onUpstreamReady(): void {
    this.#line?.connected(this.#deps.now());
    this.#send();
  }

  onInterimHead(): void {}

  onResponseHead({ status, headers }: ResponseHead): void {
    const { question, kept } = this.#linked;
    this.#answer = AnswerRecord.of(status, headers, kept);
    this.#line?.answered(status, this.#deps.now());
    if (question.maxBodyBytes === 0) this.#conclude(this.#answer);
  }

  /** No other protocol was asked for. */
  onTunnel(): void {
    this.#end('bad-response');
    this.#conclude(AnswerRecord.failed('upstream_malformed'));
  }

  onResponseBody(buffer: Buffer, start: number, end: number): void {
    const { maxBodyBytes } = this.#linked.question;
    if (!this.#isConcluded) {
      const answer = this.#answer!;
      const room = maxBodyBytes - answer.body.length;
      answer.body += buffer.toString('latin1', start, Math.min(end, start + room));
      answer.isBodyCut = end - start > room;
      if (answer.isBodyCut) this.#conclude(answer);
    }
    this.#bodyBytes += end - start;
    if (this.#bodyBytes > maxBodyBytes + MAX_DRAINED_BYTES) this.#end('ok');
  }

  onReadDone(): void {}

  onResponseEnd(): void {
    this.#stream = undefined;
    this.#end('ok');
    this.#conclude(this.#answer!);
  }

  onUpstreamFailed(code: ProxyErrorCode, isUntouched: boolean): void {
    const isStale = this.#stream?.isStale === true;
    this.#stream = undefined;
    this.#finishTry(outcomeOf(code));
    this.#line?.failed(PROXY_ERRORS[code].status, this.#deps.now());
    if (isStale) {
      this.tried.pop();
      this.#isFreshNeeded = true;
    }
    const isLost = code === 'read_timeout' || code === 'send_timeout' || this.#answer !== undefined;
    const isRepeatable = isUntouched || isIdempotent(this.#head!.method);
    if (!isLost && isRepeatable && this.tried.length < MAX_TRIES) {
      this.#attempt(code);
      return;
    }
    this.#end('reset');
    this.#conclude(AnswerRecord.failed(code));
  }

  onUpstreamDrain(): void {}
  onTunnelData(): void {}
  onTunnelEnd(): void {}

  #attempt(failure: ProxyErrorCode): void {
    const { upstreamOf, now, pools } = this.#deps;
    const { question, wire } = this.#linked;
    const endpoint = upstreamOf(question.upstreamId).pick(this.request, this);
    if (endpoint === undefined || this.tried.includes(endpoint)) {
      this.#end('reset');
      this.#conclude(AnswerRecord.failed(failure));
      return;
    }
    this.tried.push(endpoint);
    this.#endpoint = endpoint;
    endpoint.started();
    this.#tryStartedAtMs = now();
    this.#line?.tried(endpoint, this.#tryStartedAtMs);
    const stream = pools.poolOf(endpoint, wire).acquire(this, this.#isFreshNeeded, question.timeoutMs);
    this.#stream = stream;
    if (stream.isReady) this.onUpstreamReady();
  }

  #send(): void {
    const stream = this.#stream!;
    stream.sendHead(this.#head!);
    stream.send([], 0, true);
  }

  #conclude(answer: AnswerRecord): void {
    if (this.#isConcluded) return;
    this.#isConcluded = true;
    if (this.#line !== undefined) this.#log(this.#line, answer);
    this.#concluded(answer);
  }

  #log(line: QuestionLine, { status, failure }: AnswerRecord): void {
    const outcome = failure === undefined ? status : PROXY_ERRORS[failure].status;
    try {
      line.write(this.request, outcome, this.#deps.now());
    } catch (fault) {
      this.#deps.report(fault);
    }
  }

  /** Lets go of what it holds. */
  #end(outcome: 'ok' | 'reset' | 'timed-out' | 'bad-response' | 'aborted'): void {
    this.#deps.timers.cancel(this.#timer);
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.reset();
    this.#finishTry(outcome);
  }

  #finishTry(outcome: Parameters<Endpoint['finished']>[0]): void {
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    endpoint?.finished(outcome, this.#deps.now() - this.#tryStartedAtMs);
  }
}

/** Throws UnsafeText. */
function headOf({ question, without }: LinkedQuestion, request: RequestView): UpstreamRequest {
  let lines = headerLine('Host', question.host(request));
  if (question.isHeadPassed) lines = joinLines(lines, parsedLines(request.passedLines(without)));
  for (const { name, value } of question.fields) {
    const text = value(request);
    if (text !== '') lines = joinLines(lines, headerLine(name, text));
  }
  return {
    method: question.method,
    target: requestTarget(question.method, question.target(request)),
    receivedLine: '',
    lines,
    hasBody: false,
    contentLength: -1,
    upgrade: undefined,
    areTrailersTaken: false,
    connectionHeader: undefined,
    maxResponseHeadBytes: question.maxHeadBytes,
    readTimeoutMs: question.timeoutMs,
    sendTimeoutMs: question.timeoutMs,
  };
}
