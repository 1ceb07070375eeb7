import { expect, test } from 'vitest';
import { fakeContext, fakeRequest, filterOf } from '../kit/testing.ts';
import { sslRedirect } from './ssl-redirect.ts';

const secured = { host: { hasCertificate: true } };

interface Case {
  readonly name: string;
  readonly annotations?: Record<string, string>;
  readonly settings?: Record<string, string>;
  readonly context?: Parameters<typeof fakeContext>[0];
  readonly request?: Parameters<typeof fakeRequest>[0];
  readonly location: string | undefined;
  readonly status?: number;
}

const cases: Case[] = [
  {
    name: 'a host with a certificate',
    context: secured,
    request: { target: '/a?b' },
    location: 'https://a.test/a?b',
  },
  { name: 'a host without one stays', location: undefined },
  {
    name: 'forced without a certificate',
    annotations: { 'force-ssl-redirect': 'true' },
    location: 'https://a.test',
  },
  { name: 'off', annotations: { 'ssl-redirect': 'false' }, context: secured, location: undefined },
  { name: 'https stays', context: secured, request: { connectionScheme: 'https' }, location: undefined },
  { name: 'a trusted hop says https', context: secured, request: { scheme: 'https' }, location: undefined },
  { name: 'the root loses its slash', context: secured, location: 'https://a.test' },
  {
    name: 'the last slash of the target goes',
    context: secured,
    request: { target: '/?a=/' },
    location: 'https://a.test/?a=',
  },
  {
    name: 'the last slash is kept when asked',
    annotations: { 'preserve-trailing-slash': 'true' },
    context: secured,
    request: { target: '/a/' },
    location: 'https://a.test/a/',
  },
  {
    name: 'the port of the Host goes',
    context: secured,
    request: { target: '/a', hostHeader: 'a.test:8080' },
    location: 'https://a.test/a',
  },
  {
    name: 'the https port is shown when asked',
    annotations: { 'use-port-in-redirects': 'true' },
    context: secured,
    request: { target: '/a' },
    location: 'https://a.test:443/a',
  },
  {
    name: 'another code',
    settings: { 'http-redirect-code': '301' },
    context: secured,
    location: 'https://a.test',
    status: 301,
  },
  {
    name: 'a code that is not allowed',
    settings: { 'http-redirect-code': '200' },
    context: secured,
    location: 'https://a.test',
  },
  {
    name: 'the ACME challenge is exempt',
    context: { ...secured, path: '/.well-known/acme-challenge/x' },
    location: undefined,
  },
  {
    name: 'an exempt prefix of the ConfigMap',
    settings: { 'no-tls-redirect-locations': '/plain' },
    annotations: { 'force-ssl-redirect': 'true' },
    context: { path: '/plain/x' },
    location: undefined,
  },
  {
    name: 'an alias without a certificate stays',
    context: { host: { hasCertificate: true, aliases: ['b.test'] } },
    request: { hostHeader: 'b.test' },
    location: undefined,
  },
  {
    name: 'an alias with one goes',
    context: { host: { hasCertificate: true, aliases: ['b.test'], certificateNames: ['b.test'] } },
    request: { hostHeader: 'b.test' },
    location: 'https://b.test',
  },
];
for (const { name, annotations = {}, settings = {}, context, request, location, status = 308 } of cases) {
  test(name, () => {
    const filter = filterOf(sslRedirect, annotations, fakeContext(context), { settings });
    const answer = filter?.onRequest?.(fakeRequest(request));
    expect(answer).toEqual(
      location === undefined ? undefined : { status, headers: [['Location', location]] },
    );
  });
}
