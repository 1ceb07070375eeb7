import fc from 'fast-check';
import { createHeadRig, type Configured, type HeadRig, type Served } from '../fixtures/head-rig.ts';
import type { FuzzMode } from './mode.ts';
import { RequestParser } from '../../src/proxy/http1/request-parser.ts';
import { LIMITS, linesOf, readResponses } from '../protocol/codec/drive.ts';

/** What every hostile text tries to bring about: a line, or a request, of its own. */
const EVIL = /evil/i;

/** Text as a tenant or a ConfigMap may hold it. */
const ATOMS = [
  '\r\nX-Evil: 1\r\n',
  '\r\n\r\nGET /evil HTTP/1.1\r\nHost: a.test\r\n\r\n',
  '\nX-Evil: 1',
  '\r',
  '\0',
  // U+010D U+010A: their low bytes are CR LF.
  '\u010d\u010aX-Evil: 1\u010d\u010a',
  '\u560d\u560aX-Evil: 1',
  '%0d%0aX-Evil:%201%0d%0a',
  '\u00e9',
  '\u0085',
  '\ud800',
  ' HTTP/1.1',
  '$uri',
  '${uri}',
  '$1',
  '$args',
  '$request_uri',
  '$http_x_any',
  '$cookie_any',
  '$arg_any',
  '$host',
  '/',
  '; ',
  'a',
  'b=c',
  ': ',
  '\t',
];

const text: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...ATOMS) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((atoms) => atoms.join(''));

/** A value that mostly is in order, so that one hostile text at a time comes far. */
const or = (usual: string): fc.Arbitrary<string> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: text });

const perhaps = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });

const headerMap: fc.Arbitrary<ReadonlyMap<string, string>> = fc
  .array(fc.tuple(or('X-Own'), or('v')), { maxLength: 2 })
  .map((entries) => new Map(entries));

const policies = fc.record({
  rewrite: perhaps(fc.record({ target: or('/to/$1'), isRegex: fc.boolean(), forwardedPrefix: or('/p$1') })),
  'upstream-vhost': perhaps(fc.record({ host: or('vhost.test') })),
  redirect: fc.option(
    fc.record({ location: or('/there'), status: fc.constant(302), isRelative: fc.boolean() }),
    {
      nil: undefined,
      freq: 9,
    },
  ),
  cors: perhaps(
    fc.record({
      origins: fc.constant('*'),
      methods: or('GET'),
      headers: or('X-A'),
      areCredentialsAllowed: fc.boolean(),
      exposed: or('X-B'),
      maxAgeSeconds: fc.constant(1),
    }),
  ),
  'custom-headers': perhaps(
    fc.record({ headers: fc.array(fc.tuple(or('X-Custom'), or('v')), { maxLength: 2 }) }),
  ),
  'proxy-redirect': perhaps(fc.record({ from: or('http://inside.test/'), to: or('/outside/') })),
  'proxy-cookie': perhaps(
    fc.record({
      domain: fc.record({ from: fc.constant('inside.test'), to: or('outside.test') }),
      path: fc.record({ from: fc.constant('/in'), to: or('/out') }),
    }),
  ),
  affinity: fc.constant({}),
});

const affinity = perhaps(
  fc.record({
    mode: fc.constantFrom('balanced', 'persistent'),
    cookieName: or('C'),
    path: or('/'),
    domain: or('a.test'),
    isSameSiteNoneConditional: fc.constant(false),
    isAlwaysSecure: fc.boolean(),
    isChangedOnFailure: fc.boolean(),
  }),
);

const configured: fc.Arbitrary<Configured> = fc.record({
  path: fc.oneof(
    fc.constant('/'),
    fc.constant('/(.*)'),
    text.map((tail) => `/${tail}`),
  ),
  isRegex: fc.boolean(),
  policies: policies.map(withoutUndefined),
  hostPolicies: fc
    .record({ 'app-root': fc.option(fc.record({ path: or('/root') }), { nil: undefined, freq: 5 }) })
    .map(withoutUndefined),
  upstreamPolicies: fc.record({ affinity }).map(withoutUndefined),
  setHeaders: headerMap,
  addHeaders: headerMap,
  keys: fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'use-forwarded-headers',
          'proxy-add-original-uri-header',
          'compute-full-forwarded-for',
          'enable-real-ip',
        ),
        fc.constant('true'),
      ),
      { maxLength: 2 },
    )
    .map((entries) => new Map(entries)),
});

/** Bytes that a client may put anywhere in a line: anything but what ends it. */
const clientText: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      '%0d%0aX-Evil:%201%0d%0a',
      '%0D%0A%0D%0AGET%20/evil%20HTTP/1.1%0d%0a',
      '%c4%8d%c4%8aX-Evil:',
      '%00',
      '%0a',
      '\u00c4\u008d\u00c4\u008aX-Evil:1',
      '\u0085',
      '\u00ff',
      '%',
      '..',
      '/',
      '?any=%0d%0aX-Evil:%201',
      'a',
      '\\r\\n',
    ),
    { maxLength: 5 },
  )
  .map((atoms) => atoms.join(''));

const request: fc.Arbitrary<string> = fc
  .record({
    target: clientText,
    host: fc.constantFrom('a.test', 'A.test:80', 'a.test.'),
    names: fc.array(
      fc.constantFrom(
        'X-Any',
        'Cookie',
        'Origin',
        'X-Forwarded-For',
        'X-Forwarded-Host',
        'X-Forwarded-Proto',
        'X-Forwarded-Port',
        'X-Forwarded-Prefix',
        'X-Request-ID',
        'User-Agent',
      ),
      { maxLength: 4 },
    ),
    value: clientText,
    isAbsolute: fc.boolean(),
  })
  .map(({ target, host, names, value, isAbsolute }) => {
    const lines = names.map((name) => `${name}: ${name === 'Cookie' ? `any=${value}` : value}\r\n`).join('');
    const authority = isAbsolute ? 'http://a.test' : '';
    return `GET ${authority}/${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${lines}\r\n`;
  });

const answer: fc.Arbitrary<string> = fc
  .record({ status: fc.constantFrom(200, 302, 404), tail: clientText, reason: clientText })
  .map(
    ({ status, tail, reason }) =>
      `HTTP/1.1 ${status} ${reason}\r\nLocation: http://inside.test/${tail}\r\nRefresh: 1; url=http://inside.test/${tail}\r\n` +
      `Set-Cookie: s=${tail}; Domain=inside.test; Path=/in${tail}\r\nContent-Length: 2\r\n\r\nok`,
  );

export const headCases = fc.record({ configured, request, answer });

/** Why what was sent and received is more than one request and its response; undefined: it is not. */
export function judge({ sent, received, tries }: Served): string | undefined {
  if (sent.length !== tries) return `${sent.length} requests reached the upstream, ${tries} were sent`;
  for (const one of sent) {
    const parser = new RequestParser(LIMITS);
    const bytes = Buffer.from(one, 'latin1');
    if (parser.parse(bytes, 0, bytes.length) !== bytes.length) {
      return `a request that no parser takes (${parser.error}): ${JSON.stringify(one)}`;
    }
    const evil = linesOf(parser.head.headers).find(([name]) => EVIL.test(name));
    if (evil !== undefined) return `the upstream got the header ${evil[0]}: ${JSON.stringify(one)}`;
  }
  const { messages, error, unread } = readResponses(Buffer.from(received, 'latin1'), ['GET']);
  if (messages.length !== 1 || unread > 0) {
    return `a response that no parser takes (${error}): ${JSON.stringify(received)}`;
  }
  const evil = messages[0]!.headers.find(([name]) => EVIL.test(name));
  return evil === undefined ? undefined : `the client got the header ${evil[0]}: ${JSON.stringify(received)}`;
}

/** Runs cases of one seed; rejects with the smallest that fails. */
export async function fuzzHeads(rig: HeadRig, seed: number, cases: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(headCases, async (one) => {
      const problem = judge(await rig.serve(one.configured, one.request, one.answer));
      if (problem !== undefined) throw new Error(problem);
      if (rig.faults.length > 0) throw new Error('a fault was reported', { cause: rig.faults[0] });
    }),
    { seed, numRuns: cases, endOnFailure: false },
  );
}

const CASES_PER_SEED = 500;

/** One seed after another. */
export const headers: FuzzMode = async (seed, isOver) => {
  const rig = await createHeadRig();
  let cases = 0;
  let found: string | undefined;
  try {
    for (let next = seed; !isOver(cases); next++) {
      await fuzzHeads(rig, next, CASES_PER_SEED);
      cases += CASES_PER_SEED;
    }
  } catch (error) {
    found = String((error as Error).stack);
  } finally {
    await rig.close();
  }
  return { cases, summary: `${cases} cases, ${rig.oddities.refusedHeads} heads refused`, found };
};

function withoutUndefined<T extends object>(policies: T): { [feature: string]: unknown } {
  return Object.fromEntries(Object.entries(policies).filter(([, policy]) => policy !== undefined));
}
