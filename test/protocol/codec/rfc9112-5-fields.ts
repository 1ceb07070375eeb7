import { accepted, badResponse, get, goodResponse, ok, post, refused } from './case.ts';
import type { CodecCase } from './case.ts';

const HOST_LINE = ['Host', 'a.test'] as const;

/** RFC 9112 §5 and RFC 9110 §5: names, values, folds, limits. */
export const RFC9112_5: readonly CodecCase[] = [
  refused('9112 §5.1: a blank before the colon', 'bad_header_name', post('Content-Length : 3\r\n', 'abc')),
  refused('9112 §5.1: a tab before the colon', 'bad_header_name', post('Transfer-Encoding\t: chunked\r\n')),
  refused('9112 §5.1: a blank in a name', 'bad_header_name', get('X Y: a\r\n')),
  refused('9112 §5: a line without a colon', 'bad_header', get('Transfer-Encoding\r\n')),
  refused('9112 §5: an empty name', 'bad_header_name', get(': a\r\n')),
  refused('9112 §5.2: a fold', 'folded_header', get('X: a\r\n b\r\n')),
  refused('9112 §5.2: a fold by tab', 'folded_header', get('X: a\r\n\tb\r\n')),
  refused(
    '9112 §5.2: a fold that hides framing',
    'folded_header',
    post('X: a\r\n Content-Length: 3\r\n', 'abc'),
  ),
  refused('9112 §5.2: a line of one blank', 'folded_header', get('X: a\r\n \r\n')),
  refused('9110 §5.5: NUL in a value', 'bad_header', get('X: a\0b\r\n')),
  refused('9110 §5.5: DEL in a value', 'bad_header', get('X: a\x7fb\r\n')),
  refused(
    '9110 §5.5: a vertical tab before a value',
    'bad_header',
    post('Transfer-Encoding: \x0bchunked\r\n'),
  ),
  refused('9110 §5.5: an escape character in a value', 'bad_header', get('X: \x1b[31m\r\n')),
  refused('9110 §5.1: NUL in a name', 'bad_header_name', get('X\0: a\r\n')),
  refused('9110 §5.1: a name beyond ASCII', 'bad_header_name', get('X-\xe9: a\r\n')),
  refused('9110 §5.1: a parenthesis in a name', 'bad_header_name', get('X(a): a\r\n')),
  refused('9110 §5.1: a slash in a name', 'bad_header_name', get('a/b: a\r\n')),
  accepted('9110 §5.5: blanks around a value are no part of it', get('X:\t a b \t \r\n'), [
    { headers: [HOST_LINE, ['X', 'a b']] },
  ]),
  accepted('9110 §5.5: no blank before a value', get('X:a\r\n'), [{ headers: [HOST_LINE, ['X', 'a']] }]),
  accepted('9110 §5.5: an empty value', get('X:\r\nY: \r\nZ:  \t\r\n'), [
    { headers: [HOST_LINE, ['X', ''], ['Y', ''], ['Z', '']] },
  ]),
  accepted('9110 §5.5: obs-text in a value', get('X: caf\xc3\xa9\r\n'), [
    { headers: [HOST_LINE, ['X', 'caf\xc3\xa9']] },
  ]),
  accepted('9110 §5.5: a tab in a value', get('X: a\tb\r\n'), [{ headers: [HOST_LINE, ['X', 'a\tb']] }]),
  accepted(
    '9110 §5.1: names of every object are names like others',
    get('constructor: a\r\ntoString: b\r\n'),
    [{ headers: [HOST_LINE, ['constructor', 'a'], ['toString', 'b']] }],
  ),
  accepted(
    'routing §6: names of other characters are dropped',
    get('X_Y: a\r\nX.Y: b\r\n__proto__: c\r\nZ: d\r\n'),
    [{ headers: [HOST_LINE, ['Z', 'd']] }],
  ),
  accepted(
    'routing §6: a dropped look-alike frames nothing',
    post('Content_Length: 3\r\nTransfer.Encoding: chunked\r\n'),
    [{ headers: [HOST_LINE], framing: 'none', contentLength: -1 }],
  ),
  accepted(
    'routing §6: underscores by setting',
    get('X_Y: a\r\n'),
    [{ headers: [HOST_LINE, ['X_Y', 'a']] }],
    {
      limits: { areUnderscoresAllowed: true },
    },
  ),
  accepted(
    'routing §6: framing look-alikes are dropped even so',
    post('Content_Length: 3\r\nTRANSFER_ENCODING: chunked\r\n'),
    [{ headers: [HOST_LINE], framing: 'none' }],
    { limits: { areUnderscoresAllowed: true } },
  ),
  accepted(
    'routing §6: look-alikes of what Serin says of the client are dropped even so',
    get(
      'X_Real_IP: 1\r\nx_forwarded-for: 2\r\nX-Forwarded_Proto: 3\r\nssl_client_verify: 4\r\nX_Request_ID: 5\r\nX_Scheme: 6\r\nX_Y: 7\r\n',
    ),
    [{ headers: [HOST_LINE, ['X_Y', '7']] }],
    { limits: { areUnderscoresAllowed: true } },
  ),
  refused('routing §6: ignore-invalid-headers false', 'bad_header_name', get('X.Y: a\r\n'), {
    limits: { areInvalidHeadersIgnored: false },
  }),
  refused('routing §6: ignore-invalid-headers false, an underscore', 'bad_header_name', get('X_Y: a\r\n'), {
    limits: { areInvalidHeadersIgnored: false },
  }),
  refused('routing §5: a target above its limit', 'target_too_long', `GET /${'a'.repeat(8192)} HTTP/1.1\r\n`),
  refused('routing §5: a method without end', 'target_too_long', 'A'.repeat(9000)),
  accepted(
    'routing §5: a request line at its limit',
    `GET /${'a'.repeat(8192 - 16)} HTTP/1.1\r\nHost: a.test\r\n\r\n`,
  ),
  refused('routing §5: a header line above its limit', 'header_too_large', get(`X: ${'a'.repeat(8192)}\r\n`)),
  refused('routing §5: a name without end', 'header_too_large', get('a'.repeat(9000))),
  refused('routing §5: blanks without end', 'header_too_large', get(`X:${' '.repeat(9000)}`)),
  accepted('routing §5: a header line at its limit', get(`X: ${'a'.repeat(8192 - 5)}\r\n`)),
  refused(
    'routing §5: a head above its limit',
    'header_too_large',
    get(`X: ${'a'.repeat(8000)}\r\n`.repeat(5)),
  ),
  refused('routing §5: too many headers', 'header_too_large', get('X: a\r\n'.repeat(200))),
  accepted('routing §5: as many headers as may be', get('X: a\r\n'.repeat(199))),
  refused('routing §5: dropped names count too', 'header_too_large', get('X_Y: a\r\n'.repeat(200))),
  badResponse('9112 §5.1: a blank before the colon of a response', ok('Content-Length : 3\r\n', 'abc')),
  badResponse('9112 §5.2: a fold in a response', ok('X: a\r\n b\r\nContent-Length: 0\r\n')),
  badResponse('9112 §5: a response line without a colon', ok('garbage\r\nContent-Length: 0\r\n')),
  badResponse('9110 §5.5: NUL in a response value', ok('X: a\0b\r\nContent-Length: 0\r\n')),
  badResponse('9110 §5.1: a blank in a response name', ok('X Y: a\r\nContent-Length: 0\r\n')),
  badResponse('routing §10: a response head too large', ok(`X: ${'a'.repeat(8192)}\r\n`), {
    error: 'upstream_head_too_large',
  }),
  goodResponse(
    '9110 §5.1: every token is a name of a response',
    ok('X_Y: a\r\nx.y: b\r\n__proto__: c\r\nContent-Length: 0\r\n'),
    [
      {
        headers: [
          ['X_Y', 'a'],
          ['x.y', 'b'],
          ['__proto__', 'c'],
          ['Content-Length', '0'],
        ],
      },
    ],
  ),
];
