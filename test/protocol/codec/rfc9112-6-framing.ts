import { accepted, badResponse, get, goodResponse, ok, post, refused } from './case.ts';
import type { CodecCase } from './case.ts';

const BAD_LENGTHS = [
  '',
  '+3',
  '-3',
  '3,3',
  '3, 3',
  '3, 4',
  '0x3',
  '3.0',
  '3e0',
  '3 3',
  '1_0',
  'abc',
  '99999999999999999999',
  '\u00b2',
];
const BAD_CODINGS = [
  '',
  'identity',
  'gzip',
  'gzip, chunked',
  'chunked, gzip',
  'chunked, chunked',
  'chunked,',
  ',chunked',
  'chunked;a=b',
  '"chunked"',
  'xchunked',
  'chunked identity',
  'chunked\t',
];
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const EMPTY = '0\r\n\r\n';

/** RFC 9112 §6: how a body is delimited. Whatever two readers could take differently is refused. */
export const RFC9112_6: readonly CodecCase[] = [
  refused(
    '9112 §6.3: Content-Length with Transfer-Encoding',
    'ambiguous_framing',
    post(`Content-Length: 3\r\n${CHUNKED}`, EMPTY),
  ),
  refused(
    '9112 §6.3: the other way round',
    'ambiguous_framing',
    post(`${CHUNKED}Content-Length: 5\r\n`, EMPTY),
  ),
  refused('9112 §6.3: on a GET too', 'ambiguous_framing', get(`Content-Length: 5\r\n${CHUNKED}`, EMPTY)),
  refused(
    '9112 §6.3: with an empty Transfer-Encoding',
    'ambiguous_framing',
    post('Content-Length: 3\r\nTransfer-Encoding:\r\n', 'abc'),
  ),
  refused(
    '9112 §6.3: lengths that disagree',
    'bad_content_length',
    post('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd'),
  ),
  refused(
    'routing §6: lengths that agree',
    'bad_content_length',
    post('Content-Length: 3\r\ncontent-length: 3\r\n', 'abc'),
  ),
  ...BAD_LENGTHS.map((value) =>
    refused(
      `9110 §8.6: Content-Length "${value}"`,
      'bad_content_length',
      post(`Content-Length: ${value}\r\n`, 'abc'),
    ),
  ),
  ...BAD_CODINGS.map((value) =>
    refused(
      `9112 §6.1: Transfer-Encoding "${value}"`,
      'unknown_transfer_encoding',
      post(`Transfer-Encoding: ${value}\r\n`, EMPTY),
    ),
  ),
  refused('9112 §6.1: Transfer-Encoding twice', 'ambiguous_framing', post(CHUNKED + CHUNKED, EMPTY)),
  refused(
    '9112 §6.1: Transfer-Encoding in two parts',
    'ambiguous_framing',
    post(`Transfer-Encoding: gzip\r\n${CHUNKED}`, EMPTY),
  ),
  refused(
    '9112 §6.1: Transfer-Encoding on HTTP/1.0',
    'transfer_encoding_on_http10',
    `POST / HTTP/1.0\r\n${CHUNKED}\r\n${EMPTY}`,
  ),
  accepted('9112 §6.1: codings know no case', post('TRANSFER-ENCODING: Chunked\r\n', EMPTY), [
    { framing: 'chunked' },
  ]),
  accepted('9112 §6.3: a body on GET is read as such', get('Content-Length: 3\r\n', `abc${get('')}`), [
    { body: 'abc' },
    { body: '' },
  ]),
  accepted(
    '9112 §6.3: a body on DELETE that looks like a request',
    `DELETE / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${get('').length}\r\n\r\n${get('')}`,
    [{ body: get('') }],
  ),
  accepted('9110 §8.6: leading zeros', post('Content-Length: 0003\r\n', 'abc'), [
    { body: 'abc', contentLength: 3 },
  ]),
  accepted('9112 §6.3: no framing, no body', post('', get('')), [{ framing: 'none', body: '' }, {}]),
  accepted('9112 §6.3: length 0', post('Content-Length: 0\r\n', get('')), [
    { framing: 'none', contentLength: 0 },
    {},
  ]),
  accepted('9112 §8: a body cut short is not complete', post('Content-Length: 5\r\n', 'abc'), [], {
    underWay: 'body',
  }),
  badResponse('9112 §6.3: a response with both', ok(`Content-Length: 3\r\n${CHUNKED}`, EMPTY)),
  badResponse(
    '9112 §6.3: a response with two lengths',
    ok('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd'),
  ),
  badResponse(
    '9112 §6.3: a response with two equal lengths',
    ok('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
  ),
  badResponse('9112 §6.3: a HEAD answer with two lengths', ok('Content-Length: 3\r\nContent-Length: 4\r\n'), {
    methods: ['HEAD'],
  }),
  ...BAD_LENGTHS.map((value) =>
    badResponse(
      `9110 §8.6: a response's Content-Length "${value}"`,
      ok(`Content-Length: ${value}\r\n`, 'abc'),
    ),
  ),
  ...BAD_CODINGS.map((value) =>
    badResponse(
      `9112 §6.1: a response's Transfer-Encoding "${value}"`,
      ok(`Transfer-Encoding: ${value}\r\n`, EMPTY),
    ),
  ),
  badResponse(
    '9112 §6.1: a response of HTTP/1.0 with Transfer-Encoding',
    `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n${EMPTY}`,
  ),
  goodResponse('9112 §6.3: until the end of the connection', ok('', 'abc'), [
    { framing: 'close', body: 'abc', isKeepAlive: false },
  ]),
  goodResponse(
    '9112 §6.3: a HEAD answer keeps its length and has no body',
    ok('Content-Length: 9\r\n'),
    [{ framing: 'none', contentLength: 9, isKeepAlive: true }],
    { methods: ['HEAD'] },
  ),
  goodResponse(
    '9112 §6.3: a HEAD answer in chunks has no body',
    ok(CHUNKED),
    [{ framing: 'none', body: '' }],
    { methods: ['HEAD'] },
  ),
  goodResponse('9112 §6.3: 304 has no body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', [
    { framing: 'none', isKeepAlive: true },
  ]),
  goodResponse('9112 §6.3: 204 has no body', 'HTTP/1.1 204 No Content\r\n\r\n', [
    { framing: 'none', isKeepAlive: true },
  ]),
  goodResponse(
    '9112 §6.3: a body on 204 is read by nobody, and the connection used by nobody',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nstale',
    [{ framing: 'none', body: '', isKeepAlive: false }],
    { unread: 5 },
  ),
  goodResponse(
    '9112 §6.1: chunks on 204 likewise',
    `HTTP/1.1 204 No Content\r\n${CHUNKED}\r\n${EMPTY}`,
    [{ framing: 'none', isKeepAlive: false }],
    { unread: 5 },
  ),
  goodResponse('9112 §8: a response cut short is not complete', ok('Content-Length: 5\r\n', 'abc'), [], {
    underWay: 'body',
  }),
  goodResponse('9112 §8: a chunked response cut short is not complete', ok(CHUNKED, '3\r\nabc\r\n'), [], {
    underWay: 'body',
  }),
  goodResponse(
    '9112 §8: chunks without the last line are not complete',
    ok(CHUNKED, '3\r\nabc\r\n0\r\n'),
    [],
    { underWay: 'body' },
  ),
  goodResponse('9112 §8: a head cut short is none', 'HTTP/1.1 200 OK\r\nContent-Le', [], {
    underWay: 'head',
  }),
];
