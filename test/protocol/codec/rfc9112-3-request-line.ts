import { accepted, get, refused } from './case.ts';
import type { CodecCase } from './case.ts';

const line = (text: string, lines = 'Host: a.test\r\n'): string => `${text} HTTP/1.1\r\n${lines}\r\n`;
const host = (value: string): string => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`;

const BAD_HOSTS: readonly (readonly [what: string, value: string])[] = [
  ['empty', ''],
  ['a blank inside', 'a b'],
  ['userinfo', 'u@a.test'],
  ['a path', 'a.test/x'],
  ['a query', 'a.test?x'],
  ['a fragment', 'a.test#x'],
  ['a list', 'a.test,b.test:80:81'],
  ['an empty label', 'a..test'],
  ['a leading dot', '.a.test'],
  ['only a dot', '.'],
  ['two trailing dots', 'a.test..'],
  ['only a port', ':80'],
  ['a port of letters', 'a.test:http'],
  ['two ports', 'a.test:80:80'],
  ['a port above 65535', 'a.test:65536'],
  ['a port of many digits', 'a.test:000080'],
  ['a backslash', 'a.test\\b'],
  ['angle brackets', '<a>'],
  ['a percent escape', 'a%2etest'],
  ['other than ASCII', 'caf\u00e9.test'],
  ['an open literal', '[::1'],
  ['text behind a literal', '[::1]x'],
  ['a literal of no address', '[zz]'],
  ['a zone', '[fe80::1%25eth0]'],
];

/** RFC 9112 §3: method, target in its four forms, Host. */
export const RFC9112_3: readonly CodecCase[] = [
  refused('9112 §3: two blanks before the target', 'bad_target', 'GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('9112 §3: a tab for a blank', 'bad_method', 'GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('9112 §3: two blanks before the version', 'bad_version', 'GET /  HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('9112 §3: a blank in the target', 'bad_version', 'GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('9112 §3: a blank before the method', 'bad_method', ' GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('9112 §3.1: a method in lower case', 'bad_method', line('get /')),
  refused('9112 §3.1: a mixed method', 'bad_method', line('Get /')),
  refused('9112 §3.1: a method with a colon', 'bad_method', line('GE:T /')),
  refused('9112 §3.1: no method', 'bad_method', '/ HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('9112 §3.1: NUL in a method', 'bad_method', line('G\0T /')),
  accepted('9110 §9.1: a method nobody knows', line('FROBNICATE /'), [
    { startLine: ['FROBNICATE', '/', '1.1'] },
  ]),
  accepted('9110 §9.1: a method that is a property of every object', line('__PROTO__ /'), [
    { startLine: ['__PROTO__', '/', '1.1'] },
  ]),
  refused('9110 §9.3.8: TRACE', 'method_not_allowed', line('TRACE /')),
  refused('9110 §9.3.6: CONNECT in its proper form', 'connect_refused', line('CONNECT a.test:443')),
  refused('9110 §9.3.6: CONNECT with a path', 'method_not_allowed', line('CONNECT /')),
  refused('9110 §9.3.6: CONNECT with an absolute URL', 'method_not_allowed', line('CONNECT http://a.test/')),
  refused('9112 §3.2.4: OPTIONS *', 'bad_target', line('OPTIONS *')),
  refused('9112 §3.2.4: GET *', 'bad_target', line('GET *')),
  refused('9112 §3.2.3: an authority without CONNECT', 'bad_target', line('GET a.test:80')),
  refused('9112 §3.2: a relative path', 'bad_target', line('GET a/b')),
  refused('9112 §3.2: NUL in the target', 'bad_target', line('GET /a\0b')),
  refused('9112 §3.2: DEL in the target', 'bad_target', line('GET /a\x7fb')),
  refused('9112 §3.2: a control character in the target', 'bad_target', line('GET /a\x01b')),
  accepted('9112 §3.2.1: origin form', line('GET /a/b?c=/../d&e=%zz#f'), [{ path: '/a/b', host: 'a.test' }]),
  accepted('9112 §3.2.1: the target is kept as it was sent', line('GET /a/..%2fb//c/./d'), [
    { path: '/b/c/d', startLine: ['GET', '/a/..%2fb//c/./d', '1.1'] },
  ]),
  accepted('9112 §3.2.1: bytes beyond ASCII', line('GET /\xc3\xa9"\\'), [{ path: '/\xc3\xa9"\\' }]),
  accepted('3986 §5.2.4: an encoded dot segment', line('GET /a/%2e%2e/b'), [{ path: '/b' }]),
  accepted('3986 §2.4: decoded once', line('GET /a/%252e%252e/b'), [{ path: '/a/%2e%2e/b' }]),
  refused('3986 §5.2.4: above the root', 'bad_path', line('GET /..')),
  refused('3986 §5.2.4: above the root, encoded', 'bad_path', line('GET /a/%2e%2e/%2E./b')),
  refused('3986 §5.2.4: above the root by an encoded slash', 'bad_path', line('GET /a/..%2f../b')),
  refused('3986 §2.1: %00', 'bad_path', line('GET /a%00')),
  refused('3986 §2.1: an escape of no digits', 'bad_path', line('GET /%zz')),
  refused('3986 §2.1: an escape cut short', 'bad_path', line('GET /a%2')),
  refused('3986 §2.1: an escape cut short by the query', 'bad_path', line('GET /a%?20')),
  accepted('9112 §3.2.2: absolute form', line('GET http://a.test/x?y'), [{ path: '/x', host: 'a.test' }]),
  accepted('9112 §3.2.2: absolute form without a path', line('GET http://a.test'), [
    { path: '/', host: 'a.test' },
  ]),
  accepted('9112 §3.2.2: absolute form without a path, with a query', line('GET http://a.test?y'), [
    { path: '/' },
  ]),
  accepted('9112 §3.2.2: the default port is no disagreement', line('GET HTTP://A.test:80/'), [
    { host: 'a.test' },
  ]),
  accepted('9112 §3.2.2: the target counts where Host disagrees', line('GET http://B.test/x'), [
    { path: '/x', host: 'b.test' },
  ]),
  accepted('9112 §3.2.2: the target counts where the port disagrees', line('GET http://a.test:81/'), [
    { host: 'a.test' },
  ]),
  refused(
    '9112 §3.2: a bad Host is refused whatever the target says',
    'bad_host',
    'GET http://a.test/ HTTP/1.1\r\nHost: a b\r\n\r\n',
  ),
  refused('9112 §3.2.2: absolute form needs Host too', 'missing_host', line('GET http://a.test/', '')),
  refused('9110 §4.2.4: userinfo', 'bad_target', line('GET http://u:p@a.test/')),
  refused('9110 §4.2.4: userinfo that looks like the host', 'bad_target', line('GET http://a.test@b.test/')),
  refused('9110 §4.2.1: an empty authority', 'bad_target', line('GET http:///x')),
  refused('9112 §3.2.2: another scheme', 'bad_target', line('GET ftp://a.test/')),
  refused('9112 §3.2.2: file', 'bad_target', line('GET file:///etc/passwd')),
  refused('9112 §3.2: no Host', 'missing_host', 'GET / HTTP/1.1\r\n\r\n'),
  refused('9112 §3.2: two Hosts', 'repeated_host', get('Host: b.test\r\n')),
  refused('9112 §3.2: the same Host twice', 'repeated_host', get('HOST: a.test\r\n')),
  refused(
    '9112 §3.2: two Hosts on HTTP/1.0',
    'repeated_host',
    'GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n',
  ),
  accepted('9112 §3.2: HTTP/1.0 may go without', 'GET / HTTP/1.0\r\n\r\n', [
    { host: '', isKeepAlive: false },
  ]),
  accepted('9110 §7.2: port and trailing dot', host('A.Test.:8080'), [{ host: 'a.test' }]),
  accepted('9110 §7.2: an empty port', host('a.test:'), [{ host: 'a.test' }]),
  accepted('9110 §7.2: a v6 literal', host('[::1]:8080'), [{ host: '[::1]' }]),
  accepted('9110 §7.2: a host that is a property of every object', host('__proto__'), [
    { host: '__proto__' },
  ]),
  ...BAD_HOSTS.map(([what, value]) => refused(`9110 §7.2: Host is ${what}`, 'bad_host', host(value))),
];
