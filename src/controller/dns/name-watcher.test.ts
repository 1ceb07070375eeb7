import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDnsServer, type FakeDnsServer } from '../../../test/fakes/dns-server.ts';
import { isClosedAddress } from './closed-addresses.ts';
import { createNameLookup, withoutClosed } from './name-lookup.ts';
import { createNameWatcher, type NameWatcher } from './name-watcher.ts';
import { candidatesOf, parseResolvConf } from './resolv-conf.ts';

describe('parseResolvConf', () => {
  test('reads what kubelet writes', () => {
    const text =
      'search shop.svc.cluster.test svc.cluster.test cluster.test\nnameserver 10.96.0.10\noptions ndots:5 timeout:2 attempts:3 edns0\n';
    expect(parseResolvConf(text)).toEqual({
      servers: ['10.96.0.10'],
      search: ['shop.svc.cluster.test', 'svc.cluster.test', 'cluster.test'],
      ndots: 5,
      timeoutMs: 2_000,
      attempts: 3,
    });
  });

  test('has the defaults of resolv.conf(5), and passes over what it cannot use', () => {
    const text =
      '# comment\nnameserver fe80::1%eth0\nnameserver nonsense\noptions ndots:x rotate ; more\ndomain a.test.\n';
    expect(parseResolvConf(text)).toEqual({
      servers: ['127.0.0.1'],
      search: ['a.test'],
      ndots: 1,
      timeoutMs: 5_000,
      attempts: 2,
    });
  });

  const cases: readonly [name: string, candidates: readonly string[]][] = [
    ['db', ['db.x.test', 'db.y.test', 'db']],
    ['db.shop', ['db.shop.x.test', 'db.shop.y.test', 'db.shop']],
    ['a.b.c', ['a.b.c', 'a.b.c.x.test', 'a.b.c.y.test']],
    ['db.', ['db']],
    ['a.b.c.', ['a.b.c']],
  ];
  for (const [name, candidates] of cases) {
    test(`candidates of ${name}`, () => {
      expect(candidatesOf(name, { search: ['x.test', 'y.test'], ndots: 2 })).toEqual(candidates);
    });
  }
});

describe('createNameWatcher', () => {
  let server: FakeDnsServer;
  let watcher: NameWatcher;
  let changes: string[];
  let problems: string[];
  let due: { callback: () => void; delayMs: number }[];
  let wake: () => void;

  beforeEach(async () => {
    server = await startDnsServer();
    changes = [];
    problems = [];
    due = [];
    wake = () => {};
    const conf = {
      servers: [server.address],
      search: ['svc.test'],
      ndots: 2,
      timeoutMs: 100,
      attempts: 1,
    };
    watcher = createNameWatcher({
      lookup: withoutClosed(createNameLookup(conf), isClosedAddress),
      changed: (name) => changes.push(name),
      failing: (name, problem) => problems.push(`${name} ${problem}`),
      schedule: (callback, delayMs) => {
        const item = { callback, delayMs };
        due.push(item);
        wake();
        return () => {
          due = due.filter((other) => other !== item);
        };
      },
    });
  });

  afterEach(async () => {
    watcher.stop();
    await server.close();
  });

  /** Lets the time run out that the next question waits for; resolves when it was answered. */
  async function askAgain(): Promise<void> {
    const item = due.shift()!;
    const answered = new Promise<void>((resolve) => {
      wake = resolve;
    });
    item.callback();
    await answered;
  }

  test('all IPv4 addresses, asked for again when the TTL has run out', async () => {
    server.answers.set('ext.a.test', { a: ['192.0.2.2', '192.0.2.1'], aaaa: ['2001:db8::1'], ttlSeconds: 7 });
    watcher.watch(['ext.a.test.']);
    await watcher.settled();
    expect(watcher.addressesOf('ext.a.test.')).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(server.questions).toEqual(['A ext.a.test']);
    expect(due.map(({ delayMs }) => delayMs)).toEqual([7_000]);
    server.answers.set('ext.a.test', { a: ['192.0.2.3'], ttlSeconds: 0 });
    await askAgain();
    expect(watcher.addressesOf('ext.a.test.')).toEqual(['192.0.2.3']);
    expect(changes).toEqual(['ext.a.test.', 'ext.a.test.']);
    expect(due.map(({ delayMs }) => delayMs)).toEqual([1_000]);
    await askAgain();
    expect(changes).toHaveLength(2);
  });

  test('IPv6 where there is no IPv4', async () => {
    server.answers.set('six.a.test', { aaaa: ['2001:db8::1', '2001:db8::2'] });
    watcher.watch(['six.a.test.']);
    await watcher.settled();
    expect(watcher.addressesOf('six.a.test.')).toEqual(['2001:db8::1', '2001:db8::2']);
  });

  test('a name does not lead to this Pod, its link or a metadata service, whoever answers for it', async () => {
    server.answers.set('evil.a.test', { a: ['127.0.0.1', '169.254.169.254', '100.100.100.200'] });
    server.answers.set('mixed.a.test', { a: ['127.0.0.1', '10.0.0.1'] });
    server.answers.set('six.a.test', { aaaa: ['::1', '::ffff:127.0.0.1', 'fe80::1', 'fd00:ec2::254'] });
    watcher.watch(['evil.a.test.', 'mixed.a.test.', 'six.a.test.']);
    await watcher.settled();
    expect(watcher.addressesOf('evil.a.test.')).toEqual([]);
    expect(watcher.addressesOf('mixed.a.test.')).toEqual(['10.0.0.1']);
    expect(watcher.addressesOf('six.a.test.')).toEqual([]);
    expect(problems.toSorted()).toEqual([
      'evil.a.test. leads to this Pod, its link or a metadata service',
      'six.a.test. leads to this Pod, its link or a metadata service',
    ]);
    // What led elsewhere a moment ago is let go of.
    server.answers.set('mixed.a.test', { a: ['127.0.0.1'] });
    await askAgain();
    await askAgain();
    await askAgain();
    expect(watcher.addressesOf('mixed.a.test.')).toEqual([]);
  });

  test('goes through the search list by ndots', async () => {
    server.answers.set('db.svc.test', { a: ['192.0.2.1'] });
    watcher.watch(['db']);
    await watcher.settled();
    expect(watcher.addressesOf('db')).toEqual(['192.0.2.1']);
    server.answers.set('other', { a: ['192.0.2.9'] });
    watcher.watch(['other', 'db']);
    await watcher.settled();
    expect(watcher.addressesOf('other')).toEqual(['192.0.2.9']);
    expect(server.questions).toEqual(['A db.svc.test', 'A other.svc.test', 'AAAA other.svc.test', 'A other']);
  });

  test('keeps the last good addresses while nobody answers, and drops them when the name is gone', async () => {
    server.answers.set('ext.a.test', { a: ['192.0.2.1'] });
    watcher.watch(['ext.a.test.']);
    await watcher.settled();
    for (const trouble of ['servfail', 'silent'] as const) {
      server.answers.set('ext.a.test', trouble);
      await askAgain();
      expect(watcher.addressesOf('ext.a.test.')).toEqual(['192.0.2.1']);
    }
    expect(due.map(({ delayMs }) => delayMs)).toEqual([2_000]);
    server.answers.set('ext.a.test', 'nxdomain');
    await askAgain();
    expect(watcher.addressesOf('ext.a.test.')).toEqual([]);
    server.answers.set('ext.a.test', { a: ['192.0.2.1'] });
    await askAgain();
    expect(watcher.addressesOf('ext.a.test.')).toEqual(['192.0.2.1']);
    expect(changes).toHaveLength(3);
    expect(problems).toEqual([
      'ext.a.test. is not answered for (ESERVFAIL)',
      'ext.a.test. is not answered for (ETIMEOUT)',
      'ext.a.test. has no address',
      'ext.a.test. ',
    ]);
  });

  test('a question that fails in the search list leaves the name unknown, not gone', async () => {
    server.answers.set('db.svc.test', { a: ['192.0.2.1'] });
    watcher.watch(['db']);
    await watcher.settled();
    server.answers.set('db.svc.test', 'servfail');
    await askAgain();
    expect(watcher.addressesOf('db')).toEqual(['192.0.2.1']);
  });

  test('forgets names that are no longer followed', async () => {
    server.answers.set('ext.a.test', { a: ['192.0.2.1'] });
    watcher.watch(['ext.a.test.']);
    await watcher.settled();
    watcher.watch([]);
    expect(watcher.addressesOf('ext.a.test.')).toEqual([]);
    expect(due).toEqual([]);
  });
});
