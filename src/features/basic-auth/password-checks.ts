import { hash, randomBytes } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { revealBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';
import { giveBaton } from '../../lib/shared-baton.ts';
import type { Crew } from '../kit/counters.ts';
import { AnswerMemory } from './answer-memory.ts';
import { startCheckThread, type CheckThread } from './check-thread.ts';
import { readHash } from './hash-format.ts';
import { readCredentials, readPasswordFile } from './password-file.ts';
import { FairQueue } from './fair-queue.ts';

/** `busy`: so much waits that this one is not looked at. */
export type PasswordAnswer = 'right' | 'wrong' | 'busy';

export interface PasswordLimits {
  /**
   * Estimated work that may wait, in milliseconds: in all, of one list of users, and of one user (all that are unknown count as one), so that
   * who attacks one does not close the others.
   */
  readonly waitingMs: number;
  readonly waitingOfOneMs: number;
  readonly waitingOfUserMs: number;
  readonly rememberedRight: number;
  readonly rememberedWrong: number;
  readonly rightLifeMs: number;
  readonly wrongLifeMs: number;
}

export const PASSWORD_LIMITS: PasswordLimits = {
  waitingMs: 3_000,
  waitingOfOneMs: 1_500,
  waitingOfUserMs: 750,
  rememberedRight: 8_192,
  rememberedWrong: 4_096,
  rightLifeMs: 300_000,
  wrongLifeMs: 60_000,
};

/** The users of a Secret. */
interface UserList {
  readonly digest: string;
  readonly hashes: ReadonlyMap<string, string | undefined>;
  /** What the password of an unknown user is held against, so that it takes as long as that of a known one; undefined: nobody is known. */
  readonly decoy: string | undefined;
  waitingMs: number;
  /** The same by user; who has nothing waiting is not there. */
  readonly waitingOf: Map<string, number>;
}

/** What one worker tells the others; the digest is of use to nobody who does not know the key. */
interface RightAnswer {
  readonly question: string;
  readonly atMs: number;
}

/** What stands for every user that a list does not know. */
const UNKNOWN = '';

interface Check {
  readonly list: UserList;
  readonly user: string;
  readonly password: string;
  readonly hash: string;
  /** Whether the hash is that of the user who asks. */
  readonly isOwn: boolean;
  readonly costMs: number;
  settle(answer: boolean): void;
  fail(fault: unknown): void;
}

/**
 * Users and passwords held against those of Secrets, for all routes of a worker. The work is done one by one in a thread of its own,
 * which begins with the first; lists of users take turns, and users of a list. What was answered lately is answered at once.
 */
export class PasswordChecks {
  readonly #limits: PasswordLimits;
  readonly #startThread: typeof startCheckThread;
  /** In front of every question, so that its digest says nothing to others. */
  #key = randomBytes(32).toString('latin1');
  readonly #right: AnswerMemory;
  readonly #wrong: AnswerMemory;
  readonly #lists = new WeakMap<RedactedBytes, UserList>();
  readonly #asked = new Map<string, Promise<PasswordAnswer>>();
  readonly #waiting = new FairQueue<UserList, Check>();
  #waitingMs = 0;
  #crew: Crew | undefined;
  /** By which workers tell each other who was right. */
  #channel: BroadcastChannel | undefined;
  #running: Check | undefined;
  #thread: CheckThread | undefined;

  constructor(limits: PasswordLimits = PASSWORD_LIMITS, startThread = startCheckThread) {
    this.#limits = limits;
    this.#startThread = startThread;
    this.#right = new AnswerMemory(limits.rememberedRight, limits.rightLifeMs);
    this.#wrong = new AnswerMemory(limits.rememberedWrong, limits.wrongLifeMs);
  }

  /** Checks as one of several workers: one at a time over all of them, each with its share of the room, and who is known to one is known to all. */
  join(crew: Crew): void {
    if (this.#crew !== undefined) return;
    this.#crew = crew;
    this.#key = revealBytes(crew.secret).toString('latin1');
    this.#channel = new BroadcastChannel('serin-passwords');
    this.#channel.addEventListener('message', ({ data }: MessageEvent) => {
      const { question, atMs } = data as RightAnswer;
      this.#right.add(question, atMs);
    });
    this.#channel.unref();
  }

  /** Whether an Authorization header names one of the users with his password: at once, where that is known. */
  ask(users: RedactedBytes, authorization: string, nowMs: number): PasswordAnswer | Promise<PasswordAnswer> {
    const question = hash('sha256', this.#key + users.digest + authorization, 'latin1');
    if (this.#right.has(question, nowMs)) return 'right';
    if (this.#wrong.has(question, nowMs)) return 'wrong';
    return this.#asked.get(question) ?? this.#askThread(users, authorization, question, nowMs);
  }

  #askThread(
    users: RedactedBytes,
    authorization: string,
    question: string,
    nowMs: number,
  ): PasswordAnswer | Promise<PasswordAnswer> {
    const credentials = readCredentials(authorization);
    const list = this.#listOf(users);
    if (credentials === undefined || list.decoy === undefined) return 'wrong';
    const own = list.hashes.get(credentials.user);
    const held = own ?? list.decoy;
    const format = readHash(held);
    const costMs = format.ok ? format.costMs : 0;
    const user = own === undefined ? UNKNOWN : credentials.user;
    if (!this.#hasRoom(list, user, costMs)) return 'busy';
    const answer = new Promise<boolean>((settle, fail) => {
      this.#count(list, user, costMs);
      const { password } = credentials;
      const isOwn = own !== undefined;
      this.#waiting.add(list, user, { list, user, password, hash: held, isOwn, costMs, settle, fail });
      this.#runNext();
    }).then(
      (isRight): PasswordAnswer => {
        this.#asked.delete(question);
        (isRight ? this.#right : this.#wrong).add(question, nowMs);
        if (isRight) this.#channel?.postMessage({ question, atMs: nowMs } satisfies RightAnswer);
        return isRight ? 'right' : 'wrong';
      },
      (fault) => {
        this.#asked.delete(question);
        throw fault;
      },
    );
    this.#asked.set(question, answer);
    return answer;
  }

  /** A list, or a user, that has nothing waiting may always ask, as far as there is room in all, or for the list. */
  #hasRoom({ waitingMs, waitingOf }: UserList, user: string, costMs: number): boolean {
    const { waitingMs: most, waitingOfOneMs, waitingOfUserMs } = this.#limits;
    const workers = this.#crew?.workers ?? 1;
    const hasPlace = (waiting: number, bound: number) => waiting === 0 || waiting + costMs <= bound / workers;
    return (
      hasPlace(this.#waitingMs, most) &&
      hasPlace(waitingMs, waitingOfOneMs) &&
      hasPlace(waitingOf.get(user) ?? 0, waitingOfUserMs)
    );
  }

  #count(list: UserList, user: string, costMs: number): void {
    this.#waitingMs += costMs;
    list.waitingMs += costMs;
    const waiting = (list.waitingOf.get(user) ?? 0) + costMs;
    if (waiting > 0) list.waitingOf.set(user, waiting);
    else list.waitingOf.delete(user);
  }

  #listOf(users: RedactedBytes): UserList {
    let list = this.#lists.get(users);
    if (list === undefined) {
      const { users: hashes } = readPasswordFile(revealBytes(users).toString('latin1'));
      const decoy = hashes.values().find((own) => own !== undefined);
      list = { digest: users.digest, hashes, decoy, waitingMs: 0, waitingOf: new Map() };
      this.#lists.set(users, list);
    }
    return list;
  }

  #runNext(): void {
    if (this.#running !== undefined) return;
    const check = this.#waiting.take();
    if (check === undefined) return;
    this.#running = check;
    this.#thread ??= this.#startThread(
      {
        onAnswer: (isRight) => this.#settle(({ settle, isOwn }) => settle(isRight && isOwn)),
        onEnd: (fault) => {
          if (this.#crew !== undefined) giveBaton(this.#crew.baton);
          this.#thread = undefined;
          this.#settle(({ fail }) => fail(fault));
        },
      },
      this.#crew?.baton,
    );
    this.#thread.check(check.password, check.hash);
  }

  #settle(tell: (check: Check) => void): void {
    const check = this.#running;
    if (check === undefined) return;
    this.#running = undefined;
    this.#count(check.list, check.user, -check.costMs);
    tell(check);
    this.#runNext();
  }
}
