import { describe, expect, test } from 'vitest';
import { createSelfSigned } from '../../lib/self-signed.ts';
import type { TlsClient } from '../../lib/variables/source.ts';
import { fakeContext, fakeRequest, translateWith } from '../kit/testing.ts';
import { authTls } from './auth-tls.ts';

const ca = createSelfSigned(['ca.test'], Date.UTC(2026, 10, 23)).certificate;
const secrets = {
  'a/ca': { 'ca.crt': ca },
  'a/empty': { 'tls.crt': ca },
  'a/text': { 'ca.crt': 'hello' },
  'a/broken': { 'ca.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
  'a/crl': { 'ca.crt': ca, 'ca.crl': 'hello' },
};
const on = { 'auth-tls-secret': 'a/ca' };
const of = (annotations: Record<string, string>) => translateWith(authTls, annotations, { secrets });

describe('client certificates, from values to policy', () => {
  test('takes the CA of a Secret, and what else there is', () => {
    expect(of(on).policy).toMatchObject({ verify: 'on', depth: 1, isCertificatePassed: false });
    expect(
      of({
        ...on,
        'auth-tls-verify-client': 'optional_no_ca',
        'auth-tls-verify-depth': '0',
        'auth-tls-pass-certificate-to-upstream': 'true',
        'auth-tls-error-page': 'https://help.test/x?y=1',
        'auth-tls-match-cn': 'CN=a.*',
      }),
    ).toMatchObject({
      policy: {
        verify: 'optional_no_ca',
        depth: 1,
        isCertificatePassed: true,
        errorPage: 'https://help.test/x?y=1',
        subjectPattern: 'CN=a.*',
      },
      messages: [],
    });
  });

  test('what a handshake goes by has an id, and what it does not has none', () => {
    const idOf = (annotations: Record<string, string>) => of({ ...on, ...annotations }).policy!.id;
    expect(idOf({ 'auth-tls-match-cn': 'CN=a' })).toBe(idOf({}));
    expect(idOf({ 'auth-tls-verify-client': 'optional' })).not.toBe(idOf({}));
    expect(idOf({ 'auth-tls-verify-depth': '2' })).not.toBe(idOf({}));
  });

  const closed: [name: string, annotations: Record<string, string>, message: string][] = [
    [
      'no namespace',
      { 'auth-tls-secret': 'ca' },
      'metadata.annotations[auth-tls-secret]: "ca" is not namespace/name',
    ],
    [
      'no Secret',
      { 'auth-tls-secret': 'a/none' },
      'metadata.annotations[auth-tls-secret]: "a/none" is a Secret that does not exist',
    ],
    [
      'another namespace',
      { 'auth-tls-secret': 'b/ca' },
      'metadata.annotations[auth-tls-secret]: "b/ca" is a Secret that does not exist, or of another namespace',
    ],
    [
      'no ca.crt',
      { 'auth-tls-secret': 'a/empty' },
      'metadata.annotations[auth-tls-secret]: "a/empty" is a Secret without the key ca.crt',
    ],
    [
      'no certificate',
      { 'auth-tls-secret': 'a/text' },
      'metadata.annotations[auth-tls-secret]: "a/text" is a Secret whose ca.crt has no certificate',
    ],
    [
      'a broken certificate',
      { 'auth-tls-secret': 'a/broken' },
      'metadata.annotations[auth-tls-secret]: "a/broken" is a Secret whose ca.crt has a certificate that cannot be read',
    ],
    [
      'a broken list',
      { 'auth-tls-secret': 'a/crl' },
      'metadata.annotations[auth-tls-secret]: "a/crl" is a Secret whose ca.crl cannot be read',
    ],
    [
      'a pattern that is none',
      { ...on, 'auth-tls-match-cn': 'CN=(a' },
      'metadata.annotations[auth-tls-match-cn]: "CN=(a"',
    ],
  ];
  for (const [name, annotations, message] of closed) {
    test(`closes the hosts: ${name}`, () => {
      const { policy, isHostDenied, messages } = of(annotations);
      expect([policy, isHostDenied]).toEqual([undefined, true]);
      expect(messages).toHaveLength(1);
      expect(messages[0]).toContain(message);
      expect(messages[0]).toContain('; nobody is let in: the hosts of the Ingress answer 403');
    });
  }

  test('values that nothing can be made of', () => {
    expect(of({ ...on, 'auth-tls-match-cn': 'O=a' }).refused).toEqual([
      'auth-tls-match-cn does not begin with CN=: drop',
    ]);
    expect(of({ ...on, 'auth-tls-verify-client': 'yes' })).toMatchObject({
      policy: { verify: 'on' },
      refused: ['auth-tls-verify-client is not one of on, off, optional, optional_no_ca: default'],
    });
  });

  test('an error page that is neither URL nor path is told', () => {
    const { policy, messages } = of({ ...on, 'auth-tls-error-page': '@named' });
    expect(policy).not.toHaveProperty('errorPage');
    expect(messages).toEqual([
      'metadata.annotations[auth-tls-error-page]: "@named" is neither a URL nor a path, and nothing else is supported; clients without a good certificate are answered 400',
    ]);
  });
});

describe('client certificates, asked', () => {
  const policy = of(on).policy!;
  const client: TlsClient = {
    hostName: 'a.test',
    authId: policy.id,
    verification: 'SUCCESS',
    isIssuerUnknown: false,
    certificate: undefined,
  };
  const ask = (changes: Partial<TlsClient>, verify: 'on' | 'optional' | 'optional_no_ca' = 'on') => {
    const request = fakeRequest({ connectionScheme: 'https' });
    const connection = { ...request.connection, client: { ...client, ...changes } };
    return authTls.createFilter!({ ...policy, verify }, fakeContext())!.onRequest!({
      ...request,
      connection,
    });
  };
  const unknown = { verification: 'FAILED:self-signed certificate', isIssuerUnknown: true };
  const expired = { verification: 'FAILED:certificate has expired', isIssuerUnknown: false };

  test.each([
    ['a good one', {}, 'on', undefined],
    ['none', { verification: 'NONE' }, 'on', 'no_client_certificate'],
    ['none, optional', { verification: 'NONE' }, 'optional', undefined],
    ['a bad one, optional', unknown, 'optional', 'bad_client_certificate'],
    ['of whoever, optional_no_ca', unknown, 'optional_no_ca', undefined],
    ['expired, optional_no_ca', expired, 'optional_no_ca', 'bad_client_certificate'],
    ['shown to another host', { hostName: 'b.test' }, 'on', 'misdirected'],
    ['asked for by an older policy', { authId: 'old' }, 'on', 'outdated_handshake'],
    ['asked for by an older policy, optional', { authId: 'old' }, 'optional', 'outdated_handshake'],
    [
      'a good one of a handshake without a host',
      { hostName: undefined, authId: 'other' },
      'on',
      'no_client_certificate',
    ],
  ] as const)('%s', (_, changes, verify, refusal) => {
    expect((ask(changes, verify) as { refusal?: string } | undefined)?.refusal).toBe(refusal);
  });

  test.each([
    ['GET', false, true],
    ['HEAD', false, true],
    ['GET', true, false],
    ['DELETE', false, false],
  ] as const)('a page of the host: %s, with a body: %s', (method, hasBody, isServed) => {
    const pages: string[] = [];
    const request = fakeRequest({
      connectionScheme: 'https',
      method,
      hasBody,
      servePage: (target) => void pages.push(target),
    });
    const connection = { ...request.connection, client: { ...client, verification: 'NONE' } };
    const filter = authTls.createFilter!({ ...policy, errorPage: '/help?a=b' }, fakeContext())!;
    const answer = filter.onRequest!({ ...request, connection }) as { refusal?: string } | undefined;
    expect([pages, answer?.refusal]).toEqual(
      isServed ? [['/help?a=b'], undefined] : [[], 'no_client_certificate'],
    );
  });

  test('a page of the host is not served to who must have a name', () => {
    const request = fakeRequest({ connectionScheme: 'https' });
    const connection = { ...request.connection, client: { ...client, verification: 'NONE' } };
    const asked = { ...policy, errorPage: '/help', subjectPattern: 'CN=ann' };
    const filter = authTls.createFilter!(asked, fakeContext())!;
    expect(filter.onRequest!({ ...request, connection })).toMatchObject({ status: 403 });
  });

  test('nobody else speaks of the certificate', () =>
    expect(authTls.createFilter!(policy, fakeContext())!.spokenHeaders).toEqual([
      'ssl-client-cert',
      'ssl-client-verify',
      'ssl-client-subject-dn',
      'ssl-client-issuer-dn',
    ]));

  test('plain http is not asked, and has no name to match', () => {
    const filterOf = (subjectPattern?: string) =>
      authTls.createFilter!({ ...policy, ...(subjectPattern && { subjectPattern }) }, fakeContext())!;
    expect(filterOf().onRequest!(fakeRequest())).toBeUndefined();
    expect(filterOf('CN=ann').onRequest!(fakeRequest())).toEqual({
      status: 403,
      body: 'client certificate unauthorized',
    });
  });
});
