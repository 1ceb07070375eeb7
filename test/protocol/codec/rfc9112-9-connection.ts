import { accepted, get, goodResponse, ok, post } from './case.ts';
import type { CodecCase } from './case.ts';

const HTTP10 = 'GET / HTTP/1.0\r\nHost: a.test\r\n';
const WEBSOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

/** RFC 9112 §9, RFC 9110 §7.6-7.8 and RFC 6455: keeping, closing and leaving connections. */
export const RFC9112_9: readonly CodecCase[] = [
  accepted('9112 §9.3: HTTP/1.1 keeps', get(''), [{ isKeepAlive: true }]),
  accepted('9112 §9.3: unless told to close', get('Connection: close\r\n'), [{ isKeepAlive: false }]),
  accepted('9112 §9.3: close among others', get('Connection: x-a , CLOSE\r\n'), [{ isKeepAlive: false }]),
  accepted('9112 §9.3: close in a second line', get('Connection: keep-alive\r\nConnection: close\r\n'), [
    { isKeepAlive: false },
  ]),
  accepted('9112 §9.3: close beats keep-alive', get('Connection: close, keep-alive\r\n'), [
    { isKeepAlive: false },
  ]),
  accepted('9112 §9.3: HTTP/1.0 closes', `${HTTP10}\r\n`, [{ isKeepAlive: false }]),
  accepted('9112 §9.3: unless told to keep', `${HTTP10}Connection: keep-alive\r\n\r\n`, [
    { isKeepAlive: true },
  ]),
  accepted(
    '9112 §9.6: nothing is read behind close',
    get('Connection: close\r\n', get('')),
    [{ isKeepAlive: false }],
    {
      unread: get('').length,
    },
  ),
  accepted('6455 §4.1: a WebSocket handshake', get(WEBSOCKET), [{ upgrade: 'websocket' }]),
  accepted(
    '6455 §4.1: bytes behind it wait for the 101',
    get(WEBSOCKET, get('')),
    [{ upgrade: 'websocket' }],
    {
      unread: get('').length,
    },
  ),
  accepted('9110 §7.8: Upgrade without Connection is none', get('Upgrade: websocket\r\n', get('')), [
    { upgrade: undefined },
    {},
  ]),
  accepted('9110 §7.8: on HTTP/1.0 there is none', `${HTTP10}${WEBSOCKET}\r\n`, [{ upgrade: undefined }]),
  accepted(
    '9110 §7.8: h2c is not passed on',
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'),
    [{ upgrade: undefined }],
  ),
  accepted('9110 §7.8: h2c among others is not', get('Connection: upgrade\r\nUpgrade: websocket, H2C\r\n'), [
    { upgrade: undefined },
  ]),
  accepted('9110 §7.8: nor HTTP itself', get('Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n'), [
    { upgrade: undefined },
  ]),
  accepted('9110 §7.8: other protocols are', get('Connection: upgrade\r\nUpgrade: foo/1, bar\r\n'), [
    { upgrade: 'foo/1, bar' },
  ]),
  accepted(
    '9110 §7.8: an upgrade with a body is served without',
    post(`${WEBSOCKET}Content-Length: 3\r\n`, 'abc'),
    [{ upgrade: undefined, body: 'abc' }],
  ),
  goodResponse('9112 §9.3: an upstream that closes', ok('Content-Length: 0\r\nConnection: close\r\n'), [
    { isKeepAlive: false },
  ]),
  goodResponse(
    '9112 §9.3: an HTTP/1.0 upstream that keeps',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
    [{ isKeepAlive: true }],
  ),
];
