import type { Template } from '../../lib/variables/template.ts';
import type { UpstreamTlsPolicy } from '../../model/policy.ts';

/** What is asked beside an exchange, put together once when its route is linked. The request's body never goes along. */
export interface Question {
  /** Id that `TranslateContext.upstream` gave. */
  readonly upstreamId: string;
  /** Undefined: in the clear. */
  readonly tls?: UpstreamTlsPolicy | undefined;
  readonly method: string;
  /** Path and query. */
  readonly target: Template;
  readonly host: Template;
  /** Whether the header lines of the request go along, all but what speaks to the next hop only and those of `fields`. */
  readonly isHeadPassed: boolean;
  /** Lines of its own; those without value are not sent, and neither are the request's of that name. */
  readonly fields: readonly QuestionField[];
  /** Lower-case names of lines of the request that do not go along either. */
  readonly without?: readonly string[];
  /** Lower-case names of the headers of an answer that are wanted. */
  readonly kept: readonly string[];
  /** So much of an answer's body is kept; 0: none, and the answer is there as soon as its head is. */
  readonly maxBodyBytes: number;
  /** Largest head of an answer. */
  readonly maxHeadBytes: number;
  /** From asking to the answer, over all tries. */
  readonly timeoutMs: number;
  /** Has a line of its own in the access log. */
  readonly isLogged?: boolean;
  /** Undefined: every request asks. */
  readonly caching?: AnswerCaching | undefined;
}

export interface QuestionField {
  readonly name: string;
  readonly value: Template;
}

/** Answers are remembered, and one question at a time is asked for all that wait for the same answer; both in each worker. */
export interface AnswerCaching {
  /** What must be the same besides the key: whatever else decides the answer. */
  readonly scope: string;
  readonly key: Template;
  /** How long an answer is good; 0: for whoever waits for it alone. */
  readonly lifeMs: (answer: Answer) => number;
}

/** Outlives the exchange that asked. */
export interface Answer {
  /** 0: there was none. */
  readonly status: number;
  /** Why there was none: a code of proxy/message/proxy-errors. */
  readonly failure: string | undefined;
  /** The first line of that name, if it was asked for. */
  header(lowerName: string): string | undefined;
  /** All of them. */
  headers(lowerName: string): readonly string[];
  /** One byte per character, as far as it was to be kept. */
  readonly body: string;
  readonly isBodyCut: boolean;
}
