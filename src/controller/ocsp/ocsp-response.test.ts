import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeAuthority, makeCertificate } from '../../../test/fixtures/certificates.ts';
import { writeOcspResponse, type OcspDraft } from '../../../test/fixtures/ocsp.ts';
import { certificateIdOf, readOcspSubject } from './ocsp-request.ts';
import { judgeOcspResponse } from './ocsp-response.ts';

const NOW_MS = Date.UTC(2026, 10, 26, 20);
const HOUR_MS = 3_600_000;
const times = { notBeforeMs: NOW_MS - HOUR_MS, notAfterMs: NOW_MS + HOUR_MS };
const authority = makeAuthority();
const issuer = new X509Certificate(authority.certificate);
const leaf = makeCertificate(['a.test'], { issuer: authority, ...times });
const other = makeCertificate(['b.test'], { issuer: authority, ...times });
const stranger = makeAuthority('Somebody else');
const idOf = ({ certificate }: { certificate: string }) =>
  certificateIdOf(new X509Certificate(certificate), issuer);
const id = idOf(leaf);

const whole: OcspDraft = {
  id,
  signer: authority,
  thisUpdateMs: NOW_MS - HOUR_MS,
  nextUpdateMs: NOW_MS + HOUR_MS,
};

const judge = (bytes: Buffer) => judgeOcspResponse(bytes, { id, issuer }, NOW_MS);

test('a response of the issuer that says good counts until the next one is due', () => {
  expect(judge(writeOcspResponse(whole))).toEqual({ ok: true, endsAtMs: NOW_MS + HOUR_MS });
});

test('one without an end of its own counts for an hour', () => {
  const { nextUpdateMs: _, ...endless } = whole;
  expect(judge(writeOcspResponse(endless))).toEqual({ ok: true, endsAtMs: NOW_MS + HOUR_MS });
});

const UNSIGNED = 'answers with what nobody signed who may answer for its issuer';

const refused: readonly (readonly [name: string, draft: OcspDraft, problem: string])[] = [
  ['revoked', { ...whole, status: 'revoked' }, 'says that the certificate is revoked'],
  ['unknown', { ...whole, status: 'unknown' }, 'does not know the certificate'],
  ['an error', { ...whole, responseStatus: 3 }, 'answers with status tryLater'],
  ['of another certificate', { ...whole, id: idOf(other) }, 'answers for another certificate'],
  ['signed by somebody else', { ...whole, signer: stranger }, UNSIGNED],
  [
    'signed by somebody else who sends a certificate along',
    { ...whole, signer: stranger, certificates: [new X509Certificate(stranger.certificate).raw] },
    UNSIGNED,
  ],
  [
    'signed with a certificate of the issuer’s that is not for that',
    { ...whole, signer: other, certificates: [new X509Certificate(other.certificate).raw] },
    UNSIGNED,
  ],
  ['changed after it was signed', { ...whole, isForged: true }, UNSIGNED],
  ['not valid yet', { ...whole, thisUpdateMs: NOW_MS + HOUR_MS }, 'answers with what is not valid yet'],
  ['over', { ...whole, nextUpdateMs: NOW_MS - 1000 }, 'answers with what is not valid any more'],
];
for (const [name, draft, problem] of refused) {
  test(`refuses a response that is ${name}`, () =>
    expect(judge(writeOcspResponse(draft))).toMatchObject({ ok: false, problem }));
}

describe('bytes that are no response', () => {
  const problem = 'answers with what is no OCSP response';
  for (const [name, bytes] of [
    ['none', Buffer.alloc(0)],
    ['a page', Buffer.from('<html></html>')],
    ['lengths without end', Buffer.from('3080308030800000', 'hex')],
    ['a length of four gigabytes', Buffer.from('3084ffffffff00', 'hex')],
    ['one that is cut off', writeOcspResponse(whole).subarray(0, 60)],
  ] as const) {
    test(name, () => expect(judge(bytes)).toEqual({ ok: false, problem }));
  }

  test('whatever bytes are changed, nothing is thrown and nothing but what was signed is taken', () => {
    const good = writeOcspResponse(whole);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, byte] of changes) bytes[at] = byte;
        const verdict = judge(bytes);
        if (verdict.ok) expect(verdict.endsAtMs).toBe(NOW_MS + HOUR_MS);
      }),
    );
  });
});

test('a certificate that names no responder is not asked for', () => {
  expect(readOcspSubject(leaf.certificate + authority.certificate)).toBeUndefined();
  expect(readOcspSubject('')).toBeUndefined();
});
