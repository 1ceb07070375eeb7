/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export type Random = () => number;

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
const upTo = (random: Random, limit: number): number => Math.floor(random() * (limit + 1));

const METHODS = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'CONNECT',
  'get',
  'M-SEARCH',
  'FOO',
  'PRI',
];
const TARGETS = [
  '/',
  '/',
  '/a',
  '/a/b?x=1',
  '//a//b',
  '/a/../b',
  '/../a',
  '/%2e%2e/a',
  '/a%00',
  '/a%zz',
  '/%41?%',
  '*',
  'http://a.test/',
  'http://a.test:80/x',
  'http://u@a.test/',
  'http://b.test/',
  'https://a.test',
  'a.test:443',
  '/a#f',
  '/"\\^`{|}',
  '/a;b,c',
  '',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.10',
  'http/1.1',
  '',
];
const HOSTS = [
  'a.test',
  'a.test',
  'a.test',
  'A.test:80',
  'a.test.',
  '',
  'a b',
  'u@a',
  '[::1]:80',
  'a..b',
  'a:99999',
  'a/b',
];
const NAMES = [
  'Accept',
  'X-A',
  'x-forwarded-for',
  '__proto__',
  'constructor',
  'X_Y',
  'X.Y',
  'Content_Length',
  'Transfer.Encoding',
  'Cookie',
  'Trailer',
  'Proxy',
  'X Y',
  'X-\u00e9',
  '',
];
const VALUES = [
  '1',
  'a, b',
  '',
  ' padded \t',
  'a\tb',
  '\u00e9\u00ff',
  '"q"',
  '\x7f',
  'a\x00b',
  'a\rb',
  'a\nb',
  'a\r\n b',
  '\x0b',
  'x'.repeat(300),
];
const LENGTHS = [
  '0',
  '3',
  '5',
  '05',
  '+3',
  '-1',
  '3, 3',
  '3,4',
  '0x3',
  '3 ',
  '',
  '1e1',
  '99999999999999999999',
  '3\t',
];
const CODINGS = [
  'chunked',
  'chunked',
  'chunked',
  'Chunked',
  'chunked ',
  'gzip, chunked',
  'chunked, gzip',
  'chunked, chunked',
  'identity',
  'xchunked',
  '"chunked"',
  '\x0bchunked',
  '',
];
const CONNECTIONS = [
  'close',
  'keep-alive',
  'Upgrade',
  'upgrade, keep-alive',
  'close, x-a',
  'content-length',
  'transfer-encoding, host',
  ',',
  ' , close',
];
const UPGRADES = ['websocket', 'h2c', 'HTTP/2.0', 'foo/1', 'a, b', '"'];
const ENDS = [
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  '\n\r\n',
  '\r\n ',
];
const COLONS = [': ', ': ', ': ', ': ', ':', ':\t', ' : ', ':  '];
const SIZES = [
  '3',
  '3',
  '3',
  '03',
  '0000000000000003',
  '3;a',
  '3;a=b',
  '3;a="b;\\"c"',
  '3 ;a',
  '3; a',
  '3;',
  '3;=',
  '0x3',
  '-3',
  '3 ',
  '',
  'ffffffffffffffff',
  'FFFFFFFFFFFFFFFFF',
  'g',
  '1_0',
];
const STATUSES = [
  '200',
  '200',
  '200',
  '204',
  '304',
  '404',
  '101',
  '100',
  '103',
  '099',
  '600',
  '20',
  '2000',
  '2x0',
  '999',
];
const REASONS = [' OK', ' OK', ' OK', '', ' ', ' \u00e9', ' a\x00', '\tOK'];

/** How wild a case is: the odds of each odd choice. */
interface Mood {
  readonly oddity: number;
}

const usually = (random: Random, mood: Mood, items: readonly string[]): string =>
  random() < mood.oddity ? pick(random, items) : items[0]!;

function fields(
  random: Random,
  mood: Mood,
  isRequest: boolean,
): { text: string; isChunked: boolean; length: number } {
  const lines: string[] = [];
  const add = (name: string, value: string): void => {
    lines.push(name + usually(random, mood, COLONS) + value + usually(random, mood, ENDS));
  };
  let isChunked = false;
  let length = 0;
  if (isRequest && random() < 0.97) add(pick(random, ['Host', 'host', 'HOST']), usually(random, mood, HOSTS));
  for (let i = upTo(random, 4); i > 0; i--) add(usually(random, mood, NAMES), usually(random, mood, VALUES));
  const framing = random();
  if (framing < 0.3) {
    isChunked = true;
    add('Transfer-Encoding', usually(random, mood, CODINGS));
  } else if (framing < 0.6) {
    length = 3;
    add('Content-Length', random() < mood.oddity ? pick(random, LENGTHS) : '3');
  }
  if (random() < mood.oddity / 2) add('Content-Length', pick(random, LENGTHS));
  if (random() < mood.oddity / 2) add('Transfer-Encoding', pick(random, CODINGS));
  if (random() < mood.oddity / 2) add('Host', pick(random, HOSTS));
  if (random() < 0.2) add('Connection', pick(random, CONNECTIONS));
  if (random() < 0.1) add('Upgrade', pick(random, UPGRADES));
  if (random() < 0.1) add('Expect', pick(random, ['100-continue', '100-Continue', 'nothing']));
  if (random() < 0.3) lines.reverse();
  return { text: lines.join(''), isChunked, length };
}

function body(random: Random, mood: Mood, isChunked: boolean, length: number): string {
  if (!isChunked) return 'abc'.slice(0, length);
  let text = '';
  for (let i = upTo(random, 3); i > 0; i--) {
    text += usually(random, mood, SIZES) + usually(random, mood, ENDS) + 'abc' + usually(random, mood, ENDS);
  }
  text += `${usually(random, mood, ['0', '00', '0;x', '0 ', '000000000000000000'])}${usually(random, mood, ENDS)}`;
  for (let i = random() < 0.3 ? upTo(random, 2) : 0; i > 0; i--) {
    text += `${usually(random, mood, NAMES)}${usually(random, mood, COLONS)}${usually(random, mood, VALUES)}\r\n`;
  }
  return text + usually(random, mood, ENDS);
}

function requestText(random: Random, mood: Mood): string {
  const blank = usually(random, mood, [' ', ' ', '  ', '\t', '']);
  const { text, isChunked, length } = fields(random, mood, true);
  const line = `${usually(random, mood, METHODS)}${blank}${usually(random, mood, TARGETS)} ${usually(random, mood, VERSIONS)}`;
  const lead = random() < mood.oddity / 4 ? pick(random, ['\r\n', '\n', '\r\n\r\n', ' ']) : '';
  return `${lead}${line}${usually(random, mood, ENDS)}${text}${usually(random, mood, ENDS)}${body(random, mood, isChunked, length)}`;
}

/** Bytes of one to three requests, well-formed, a little odd, or spoilt. */
export function generateRequests(random: Random): Buffer {
  const mood: Mood = { oddity: pick(random, [0, 0.05, 0.2, 0.5]) };
  let text = '';
  for (let i = upTo(random, 2); i >= 0; i--) text += requestText(random, mood);
  return spoil(random, Buffer.from(text, 'latin1'));
}

/** Bytes of a response, perhaps behind an interim one, perhaps with bytes behind it. */
export function generateResponse(random: Random): Buffer {
  const mood: Mood = { oddity: pick(random, [0, 0.05, 0.2, 0.5]) };
  const { text, isChunked, length } = fields(random, mood, false);
  const line = `${usually(random, mood, VERSIONS)} ${usually(random, mood, STATUSES)}${usually(random, mood, REASONS)}`;
  const interim = random() < 0.1 ? 'HTTP/1.1 100 Continue\r\n\r\n' : '';
  const rest = random() < mood.oddity / 2 ? 'HTTP/1.1 200 OK\r\n\r\n' : '';
  const whole = `${interim}${line}${usually(random, mood, ENDS)}${text}${usually(random, mood, ENDS)}${body(random, mood, isChunked, length)}${rest}`;
  return spoil(random, Buffer.from(whole, 'latin1'));
}

/** Where the bytes are cut: nowhere, everywhere, or at a few places. */
export function generateCuts(random: Random, length: number): number[] {
  if (random() < 0.2) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: upTo(random, 6) }, () => upTo(random, length));
}

const OCTETS = [0, 9, 10, 11, 13, 32, 34, 44, 45, 48, 58, 59, 61, 65, 92, 95, 127, 128, 255];

/** Now and then changes, adds, drops or doubles some bytes. */
function spoil(random: Random, bytes: Buffer): Buffer {
  if (random() < 0.5 || bytes.length === 0) return bytes;
  let result = Buffer.from(bytes);
  for (let i = upTo(random, 2); i >= 0; i--) {
    const at = upTo(random, result.length);
    const kind = random();
    if (kind < 0.3)
      result = Buffer.concat([result.subarray(0, at), Buffer.of(pick(random, OCTETS)), result.subarray(at)]);
    else if (kind < 0.6 && at < result.length) result[at] = pick(random, OCTETS);
    else if (kind < 0.8) result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1)]);
    else {
      const from = upTo(random, at);
      result = Buffer.concat([
        result.subarray(0, at),
        result.subarray(from, from + upTo(random, 40)),
        result.subarray(at),
      ]);
    }
  }
  return result;
}
