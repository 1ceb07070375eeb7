import { badResponse, goodResponse } from './case.ts';
import type { CodecCase } from './case.ts';

const status = (line: string): string => `${line}\r\nContent-Length: 0\r\n\r\n`;

/** RFC 9112 §4: the status line, and what an upstream may answer at all. */
export const RFC9112_4: readonly CodecCase[] = [
  goodResponse('9112 §4: an ordinary one', status('HTTP/1.1 200 OK'), [{ startLine: ['1.1', '200', 'OK'] }]),
  goodResponse('9112 §4: no reason', status('HTTP/1.1 200 '), [{ startLine: ['1.1', '200', ''] }]),
  goodResponse('9112 §4: no blank behind the status', status('HTTP/1.1 200'), [
    { startLine: ['1.1', '200', ''] },
  ]),
  goodResponse('9112 §4: a status without a name', status('HTTP/1.1 599 Odd')),
  goodResponse('9112 §4: HTTP/1.0', status('HTTP/1.0 200 OK'), [{ isKeepAlive: false, framing: 'none' }]),
  badResponse('9110 §15: status 099', status('HTTP/1.1 099 Low')),
  badResponse('9110 §15: status 000', status('HTTP/1.1 000 None')),
  goodResponse('9110 §15: status 600', status('HTTP/1.1 600 High'), [{ startLine: ['1.1', '600', 'High'] }]),
  goodResponse('9110 §15: status 999', status('HTTP/1.1 999 Request denied'), [
    { startLine: ['1.1', '999', 'Request denied'] },
  ]),
  badResponse('9112 §4: two digits', status('HTTP/1.1 20 OK')),
  badResponse('9112 §4: four digits', status('HTTP/1.1 2000 OK')),
  badResponse('9112 §4: letters', status('HTTP/1.1 2xx OK')),
  badResponse('9112 §4: a sign', status('HTTP/1.1 -20 OK')),
  badResponse('9112 §4: two blanks', status('HTTP/1.1  200 OK')),
  badResponse('9112 §4: a tab', status('HTTP/1.1\t200 OK')),
  badResponse('9112 §4: a tab behind the status', status('HTTP/1.1 200\tOK')),
  badResponse('9112 §4: NUL in the reason', status('HTTP/1.1 200 O\0K')),
  badResponse('9112 §4: a bare CR in the reason', status('HTTP/1.1 200 OK\rSet-Cookie: a=b')),
  badResponse('9112 §2.3: HTTP/1.2', status('HTTP/1.2 200 OK')),
  badResponse('9112 §2.3: ICY', status('ICY 200 OK')),
  goodResponse(
    '9110 §15.2: interim responses come first',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na',
    [{ startLine: ['1.1', '100', 'Continue'] }, { framing: 'none' }, { body: 'a' }],
  ),
  goodResponse(
    '9110 §7.8: behind a 101 there is no HTTP',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00',
    [{ upgrade: 'websocket', framing: 'none' }],
    { unread: 2 },
  ),
  goodResponse(
    '9112 §9.2: a second response that nobody asked for is not read',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale',
    [{ framing: 'none' }],
    { unread: 43 },
  ),
];
