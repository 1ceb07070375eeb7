import { expect, test } from 'vitest';
import { fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { upstreamVhost } from './upstream-vhost.ts';

const cases: [text: string, want: string][] = [
  ['inner.test:8080', 'inner.test:8080'],
  ['$host', 'a.test'],
  ['${host}.inner.test', 'a.test.inner.test'],
  ['$service_name.$namespace.svc', 'web.a.svc'],
  ['${ingress_name}-${service_port}.test', 'web-80.test'],
  ['$http_x_tenant.inner.test', 'blue.inner.test'],
  ['$1.inner.test', 'red.inner.test'],
  ['$tenant.inner.test', 'green.inner.test'],
  ['$service_name.$namespace.svc', 'web.a.svc'],
  ['${ingress_name}-${service_port}.test', 'web-80.test'],
];
for (const [text, want] of cases) {
  test(`${text} is ${want}`, () => {
    const request = fakeRequest({
      hostHeader: 'a.test:81',
      headers: { 'x-tenant': 'blue' },
      capture: (number) => (number === 1 ? 'red' : ''),
      group: (name) => (name === 'tenant' ? 'green' : undefined),
    });
    expect(filterOf(upstreamVhost, { 'upstream-vhost': text })!.onRequest!(request)).toBeUndefined();
    expect(request.upstreamHost).toBe(want);
  });
}

test('characters that no host has refuse the Ingress', () => {
  expect(translateWith(upstreamVhost, { 'upstream-vhost': 'a;b' }).refused[0]).toMatch(/: drop$/);
});

test('a name that is no variable is a finding', () => {
  expect(translateWith(upstreamVhost, { 'upstream-vhost': '$nope.$host' }).messages).toEqual([
    'metadata.annotations[upstream-vhost]: "$nope.$host" has variables that Serin does not know: $nope; they are filled in with nothing',
  ]);
});
