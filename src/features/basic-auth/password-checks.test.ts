import { describe, expect, test } from 'vitest';
import { redactBytes } from '../../lib/redacted-bytes.ts';
import { takeBaton } from '../../lib/shared-baton.ts';
import { createCounterRoom } from '../../table/counter-room.ts';
import { createCounters, type Crew } from '../kit/counters.ts';
import type { CheckThreadEvents } from './check-thread.ts';
import { PASSWORD_LIMITS, PasswordChecks, type PasswordLimits } from './password-checks.ts';

const FAST = '$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a';
const SLOW = FAST.replace('$05$', '$10$');

const usersOf = (text: string) => redactBytes(Buffer.from(text));
const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`, 'latin1').toString('base64')}`;

/** The workers of a process. */
function crewOf(workers: number): Crew[] {
  const room = createCounterRoom(workers, { rateBuckets: 16, gaugeBuckets: 16 });
  return Array.from({ length: workers }, (_, index) => createCounters(room, index, () => 0).crew);
}

/** A thread that answers when it is told to. */
function setUp(limits: Partial<PasswordLimits> = {}) {
  const asked: string[] = [];
  const threads: CheckThreadEvents[] = [];
  const checks = new PasswordChecks({ ...PASSWORD_LIMITS, ...limits }, (events) => {
    threads.push(events);
    return { check: (password, hash) => void asked.push(`${password} ${hash.slice(0, 7)}`) };
  });
  const ask = (users: ReturnType<typeof usersOf>, user: string, password: string, nowMs = 0) =>
    checks.ask(users, basic(user, password), nowMs);
  return { checks, asked, threads, ask };
}

describe('password checks', () => {
  test('ask the thread once, and know the answer from then on', async () => {
    const { ask, asked, threads } = setUp();
    const users = usersOf(`ann:${FAST}\n`);
    const right = ask(users, 'ann', 'secret');
    expect(right).toBeInstanceOf(Promise);
    threads[0]!.onAnswer(true);
    expect(await right).toBe('right');
    const wrong = ask(users, 'ann', 'other');
    threads[0]!.onAnswer(false);
    expect(await wrong).toBe('wrong');
    expect(ask(users, 'ann', 'secret')).toBe('right');
    expect(ask(users, 'ann', 'other')).toBe('wrong');
    expect(asked).toEqual(['secret $2y$05$', 'other $2y$05$']);
  });

  test('forget after a while, what is wrong sooner', async () => {
    const { ask, asked, threads } = setUp({ rightLifeMs: 100, wrongLifeMs: 10 });
    const users = usersOf(`ann:${FAST}\n`);
    for (const password of ['secret', 'other']) {
      const answer = ask(users, 'ann', password);
      threads[0]!.onAnswer(password === 'secret');
      await answer;
    }
    expect(ask(users, 'ann', 'secret', 99)).toBe('right');
    expect(ask(users, 'ann', 'other', 10)).toBeInstanceOf(Promise);
    expect(ask(users, 'ann', 'secret', 100)).toBeInstanceOf(Promise);
    expect(asked.length).toBe(3);
  });

  test('know nothing of a Secret that changed', async () => {
    const { ask, threads } = setUp();
    const answer = ask(usersOf(`ann:${FAST}\n`), 'ann', 'secret');
    threads[0]!.onAnswer(true);
    expect(await answer).toBe('right');
    // The same list in another table is the same list.
    expect(ask(usersOf(`ann:${FAST}\n`), 'ann', 'secret')).toBe('right');
    expect(ask(usersOf(`ann:${FAST}\n#\n`), 'ann', 'secret')).toBeInstanceOf(Promise);
    expect(ask(usersOf(`bob:${FAST}\n`), 'ann', 'secret')).toBeInstanceOf(Promise);
  });

  test('ask once for all who ask the same meanwhile', async () => {
    const { ask, asked, threads } = setUp();
    const users = usersOf(`ann:${FAST}\n`);
    const answers = [1, 2, 3].map(() => ask(users, 'ann', 'secret'));
    threads[0]!.onAnswer(true);
    expect(await Promise.all(answers)).toEqual(['right', 'right', 'right']);
    expect(asked.length).toBe(1);
  });

  test('an unknown user takes as long as a known one, and is never right', async () => {
    const { ask, asked, threads } = setUp();
    const users = usersOf(`bad:oops\nann:${SLOW}\n`);
    for (const user of ['eve', 'bad', '__proto__']) {
      const answer = ask(users, user, 'secret');
      threads[0]!.onAnswer(true);
      expect(await answer).toBe('wrong');
    }
    expect(asked).toEqual(['secret $2y$10$', 'secret $2y$10$', 'secret $2y$10$']);
  });

  test('nobody is right where there are no users, and nothing is asked', () => {
    const { ask, threads } = setUp();
    expect(ask(usersOf(''), 'ann', 'secret')).toBe('wrong');
    expect(ask(usersOf('ann:oops\n'), 'ann', 'secret')).toBe('wrong');
    expect(threads).toEqual([]);
  });

  test('what is no credentials is wrong at once', () => {
    const { checks } = setUp();
    expect(checks.ask(usersOf(`ann:${FAST}\n`), 'Bearer x', 0)).toBe('wrong');
  });

  test('only so much waits, and of one Secret half of it', async () => {
    const { ask, threads } = setUp({ waitingMs: 500, waitingOfOneMs: 250 });
    const [one, two, three] = [`ann:${SLOW}\n`, `bob:${SLOW}\n`, `cat:${SLOW}\n`].map(usersOf);
    const first = ask(one!, 'ann', '1');
    const waiting = [ask(one!, 'ann', '2'), ask(two!, 'bob', '1'), ask(two!, 'bob', '2')];
    expect(ask(one!, 'ann', '3')).toBe('busy');
    waiting.push(ask(three!, 'cat', '1'));
    expect(ask(three!, 'cat', '2')).toBe('busy');
    threads[0]!.onAnswer(true);
    expect(await first).toBe('right');
    // What was turned away is not remembered as wrong.
    expect(ask(one!, 'ann', '3')).toBeInstanceOf(Promise);
    for (let i = 0; i < 5; i++) threads[0]!.onAnswer(false);
    expect(await Promise.all(waiting)).toEqual(['wrong', 'wrong', 'wrong', 'wrong']);
  });

  test('who guesses one user’s password leaves room for the others of the list, and they do not wait for it', async () => {
    const { ask, asked, threads } = setUp({ waitingOfUserMs: 250 });
    const users = usersOf(`ann:${SLOW}\nbob:${SLOW}\ncat:${SLOW}\n`);
    const guesses = [1, 2].map((guess) => ask(users, 'ann', `guess ${guess}`));
    expect(ask(users, 'ann', 'guess 3')).toBe('busy');
    const unknown = [1, 2].map((guess) => ask(users, `user ${guess}`, `unknown ${guess}`));
    expect(ask(users, 'user 3', 'unknown 3')).toBe('busy');
    const bob = ask(users, 'bob', 'secret');
    for (let i = 0; i < 5; i++) threads[0]!.onAnswer(false);
    await Promise.all([...guesses, ...unknown, bob]);
    expect(asked.map((line) => line.replace(/ \$.*/, ''))).toEqual([
      'guess 1',
      'guess 2',
      'unknown 1',
      'secret',
      'unknown 2',
    ]);
  });

  test('of several workers each has its share of the room', () => {
    const { ask, checks } = setUp({ waitingMs: 400, waitingOfOneMs: 400, waitingOfUserMs: 400 });
    checks.join(crewOf(2)[0]!);
    const users = usersOf(`ann:${SLOW}\n`);
    const answers = [1, 2, 3].map((guess) => ask(users, 'ann', `guess ${guess}`));
    expect(answers.map((answer) => (typeof answer === 'string' ? answer : 'waits'))).toEqual([
      'waits',
      'waits',
      'busy',
    ]);
  });

  test('another Secret does not wait for one that is attacked', async () => {
    const { ask, asked, threads } = setUp();
    const [one, other] = [`ann:${SLOW}\n`, `bob:${SLOW}\n`].map(usersOf);
    const guesses = [1, 2, 3, 4].map((guess) => ask(one!, 'ann', `guess ${guess}`));
    const bob = ask(other!, 'bob', 'secret');
    for (let i = 0; i < 5; i++) threads[0]!.onAnswer(false);
    await Promise.all([...guesses, bob]);
    expect(asked.findIndex((line) => line.startsWith('secret'))).toBe(2);
  });

  test('a check that costs more than may wait is done where nothing waits', () => {
    const { ask } = setUp({ waitingMs: 10, waitingOfOneMs: 10 });
    expect(ask(usersOf(`ann:${SLOW}\n`), 'ann', '1')).toBeInstanceOf(Promise);
  });

  test('wrong answers never push out right ones', async () => {
    const { ask, threads } = setUp({ rememberedRight: 2, rememberedWrong: 2 });
    const users = usersOf(`ann:${FAST}\n`);
    for (const password of ['secret', 'a', 'b', 'c']) {
      const answer = ask(users, 'ann', password);
      threads[0]!.onAnswer(password === 'secret');
      await answer;
    }
    expect(ask(users, 'ann', 'secret')).toBe('right');
    expect(ask(users, 'ann', 'a')).toBeInstanceOf(Promise);
  });

  test('a thread that ends fails what it was asked, and another takes the rest', async () => {
    const { ask, asked, threads } = setUp();
    const users = usersOf(`ann:${FAST}\n`);
    const lost = ask(users, 'ann', 'lost');
    const next = ask(users, 'ann', 'next');
    threads[0]!.onEnd(new Error('gone'));
    await expect(lost).rejects.toThrow('gone');
    threads[1]!.onAnswer(true);
    expect(await next).toBe('right');
    expect(asked).toEqual(['lost $2y$05$', 'next $2y$05$']);
    expect(ask(users, 'ann', 'lost')).toBeInstanceOf(Promise);
  });
});

test('the real thread checks one after the other', async () => {
  const checks = new PasswordChecks();
  const users = usersOf(`ann:${FAST}\nbob:{PLAIN}b\n`);
  const answers = await Promise.all([
    checks.ask(users, basic('ann', 'secret'), 0),
    checks.ask(users, basic('ann', 'other'), 0),
    checks.ask(users, basic('bob', 'b'), 0),
    checks.ask(users, basic('eve', 'secret'), 0),
  ]);
  expect(answers).toEqual(['right', 'wrong', 'right', 'wrong']);
});

test('threads of several workers take turns, and one that ends with the baton gives it back', async () => {
  const users = usersOf(`ann:${FAST}\n`);
  const crew = crewOf(3);
  const [one, other] = crew.map((member) => {
    const checks = new PasswordChecks();
    checks.join(member);
    return checks;
  });
  const answers = [1, 2, 3].flatMap((guess) =>
    [one!, other!].map((checks) => checks.ask(users, basic('ann', `guess ${guess}`), 0)),
  );
  expect(await Promise.all(answers)).toEqual(Array(6).fill('wrong'));
  const { checks, threads, ask } = setUp();
  checks.join(crew[2]!);
  takeBaton(crew[2]!.baton);
  const lost = ask(users, 'ann', 'secret');
  threads[0]!.onEnd(new Error('gone'));
  await expect(lost).rejects.toThrow('gone');
  expect(await one!.ask(users, basic('ann', 'secret'), 0)).toBe('right');
});

test('who is known to one worker is known to all', async () => {
  const users = usersOf(`ann:${FAST}\n`);
  const [one, other] = crewOf(2).map((member) => {
    const worker = setUp();
    worker.checks.join(member);
    return worker;
  });
  const answer = one!.ask(users, 'ann', 'secret');
  one!.threads[0]!.onAnswer(true);
  expect(await answer).toBe('right');
  while (other!.ask(users, 'ann', 'secret') !== 'right') await new Promise(setImmediate);
  expect(other!.ask(users, 'ann', 'other')).toBeInstanceOf(Promise);
});
