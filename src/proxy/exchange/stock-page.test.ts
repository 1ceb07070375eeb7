import { describe, expect, test } from 'vitest';
import { reasonOf, stockPage } from './stock-page.ts';

/** docs/reference/evaluation-order.md §3: status, reason, bytes. */
const PAGES: readonly (readonly [number, string, number])[] = [
  [301, 'Moved Permanently', 162],
  [302, 'Moved Temporarily', 138],
  [308, 'Permanent Redirect', 164],
  [400, 'Bad Request', 150],
  [401, 'Unauthorized', 172],
  [403, 'Forbidden', 146],
  [404, 'Not Found', 146],
  [405, 'Not Allowed', 150],
  [413, 'Request Entity Too Large', 176],
  [414, 'Request-URI Too Large', 170],
  [421, 'Misdirected Request', 166],
  [500, 'Internal Server Error', 170],
  [501, 'Not Implemented', 158],
  [502, 'Bad Gateway', 150],
  [503, 'Service Temporarily Unavailable', 190],
  [504, 'Gateway Time-out', 160],
  [505, 'HTTP Version Not Supported', 180],
];

describe('stock pages', () => {
  for (const [status, reason, bytes] of PAGES) {
    test(`${status} ${reason}`, () => {
      const page = stockPage(status);
      expect(page.reason).toBe(reason);
      expect(page.body.length).toBe(bytes);
      expect(page.body).toMatch(/<hr><center>nginx<\/center>\r\n<\/body>\r\n<\/html>\r\n$/);
    });
  }

  test('pages of their own', () => {
    expect(stockPage(400, 'header-too-large').body.length).toBe(226);
    expect(stockPage(400, 'plain-http-on-tls').body.length).toBe(248);
    expect(stockPage(400, 'no-client-certificate').body.length).toBe(230);
    expect(stockPage(400, 'bad-client-certificate').body.length).toBe(208);
  });

  test('a status without page has no body', () => {
    expect(stockPage(418)).toEqual({ reason: '', body: '' });
    expect(reasonOf(204)).toBe('No Content');
  });
});
