import { accepted, badResponse, get, ok, refused, goodResponse } from './case.ts';
import type { CodecCase } from './case.ts';

/** RFC 9112 §2: line ends, what stands before a message, versions. */
export const RFC9112_2: readonly CodecCase[] = [
  refused(
    '9112 §2.2: a bare LF ends no request line',
    'bad_line_end',
    'GET / HTTP/1.1\nHost: a.test\r\n\r\n',
  ),
  refused('9112 §2.2: a bare LF ends no header line', 'bad_line_end', 'GET / HTTP/1.1\r\nHost: a.test\n\r\n'),
  refused('9112 §2.2: a bare LF ends no head', 'bad_line_end', 'GET / HTTP/1.1\r\nHost: a.test\r\n\n'),
  refused('9112 §2.2: two bare LFs end no head', 'bad_line_end', 'GET / HTTP/1.1\nHost: a.test\n\n'),
  refused('9112 §2.2: a bare CR in a value', 'bad_line_end', get('X: a\rb\r\n')),
  refused('9112 §2.2: a bare CR hides a header', 'bad_line_end', get('X: a\rContent-Length: 5\r\n')),
  refused('9112 §2.2: CR CR LF', 'bad_line_end', get('X: a\r\r\n')),
  refused('9112 §2.2: a bare CR in a name', 'bad_header', get('X\rY: a\r\n')),
  refused(
    '9112 §2.2: a bare CR in the target',
    'bad_request_line',
    'GET /\ra HTTP/1.1\r\nHost: a.test\r\n\r\n',
  ),
  refused('9112 §2.2: a bare CR behind the version', 'bad_line_end', 'GET / HTTP/1.1\rHost: a.test\r\n\r\n'),
  accepted('9112 §2.2: one empty line before a request is skipped', `\r\n${get('')}`),
  refused('9112 §2.2: two empty lines are not', 'bad_method', `\r\n\r\n${get('')}`),
  refused('9112 §2.2: an empty line is CRLF, not LF', 'bad_method', `\n${get('')}`),
  accepted('9112 §2.2: an empty line between pipelined requests', `${get('')}\r\n${get('')}`, [{}, {}]),
  refused(
    '9112 §2.2: a blank before the first header',
    'folded_header',
    'GET / HTTP/1.1\r\n Host: a.test\r\n\r\n',
  ),
  refused(
    '9112 §2.2: a tab before the first header',
    'folded_header',
    'GET / HTTP/1.1\r\n\tHost: a.test\r\n\r\n',
  ),
  refused('9112 §2.3: version in lower case', 'bad_version', 'GET / http/1.1\r\nHost: a.test\r\n\r\n'),
  refused('9112 §2.3: no version (HTTP/0.9)', 'bad_request_line', 'GET /\r\n'),
  refused('9112 §2.3: an empty version', 'bad_version', 'GET / \r\nHost: a.test\r\n\r\n'),
  refused('9112 §2.3: two minor digits', 'bad_version', 'GET / HTTP/1.10\r\nHost: a.test\r\n\r\n'),
  refused('9112 §2.3: a blank behind the version', 'bad_version', 'GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n'),
  refused('9112 §2.3: a comma for the dot', 'bad_version', 'GET / HTTP/1,1\r\nHost: a.test\r\n\r\n'),
  refused('9110 §15.6.6: HTTP/1.2', 'unsupported_version', 'GET / HTTP/1.2\r\nHost: a.test\r\n\r\n'),
  refused('9110 §15.6.6: HTTP/2.0', 'unsupported_version', 'GET / HTTP/2.0\r\nHost: a.test\r\n\r\n'),
  refused('9110 §15.6.6: HTTP/0.9 by name', 'unsupported_version', 'GET / HTTP/0.9\r\n\r\n'),
  refused(
    '9113 §3.4: the HTTP/2 preface is known for what it is',
    'http2_preface',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ),
  refused(
    '9112 §2.2: a TLS ClientHello on the plain port',
    'bad_method',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ),
  goodResponse('9112 §2.2: a bare LF ends a status line', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', [
    { startLine: ['1.1', '200', 'OK'], contentLength: 0 },
  ]),
  goodResponse(
    '9112 §2.2: a bare LF ends a status line without reason',
    'HTTP/1.1 200\nContent-Length: 0\n\n',
    [{ startLine: ['1.1', '200', ''] }],
  ),
  goodResponse(
    '9112 §2.2: a bare LF ends a response header',
    'HTTP/1.1 200 OK\r\nX: a \nContent-Length: 0\n\r\n',
    [
      {
        headers: [
          ['X', 'a'],
          ['Content-Length', '0'],
        ],
      },
    ],
  ),
  goodResponse('9112 §2.2: two bare LFs end a response head', 'HTTP/1.1 200 OK\nContent-Length: 1\n\na', [
    { body: 'a' },
  ]),
  badResponse('9112 §5.2: a fold behind a bare LF', 'HTTP/1.1 200 OK\nX: a\n b\nContent-Length: 0\n\n'),
  badResponse(
    '9112 §6.1: a tab behind chunked, and a bare LF',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked \t\n\n0\r\n\r\n',
  ),
  badResponse(
    '9112 §2.2: a response header without a colon before a bare LF',
    'HTTP/1.1 200 OK\r\nX\nContent-Length: 0\r\n\r\n',
  ),
  badResponse('9112 §2.2: a bare CR in a response value', ok('X: a\rSet-Cookie: b\r\nContent-Length: 0\r\n')),
  badResponse('9112 §2.2: an empty line before a response', `\r\n${ok('Content-Length: 0\r\n')}`),
  badResponse('9112 §2.3: HTTP/2.0 response', 'HTTP/2.0 200 OK\r\n\r\n'),
  badResponse('9112 §2.3: a response of no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'),
];
