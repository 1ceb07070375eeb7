import { X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { redactBytes } from '../../lib/redacted-bytes.ts';
import { authoritiesIn, createWebhookCertificate, type WebhookCertificate } from './webhook-certificate.ts';
import { nextStep, renewalDueMs, type HeldCertificate, type RenewalStep } from './webhook-renewal.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 26);
const LIFE_MS = 365 * DAY_MS;
const NAMES = ['front.ingress-nginx.svc'];
const make = (agoMs: number, lifeMs = LIFE_MS, names = NAMES) =>
  createWebhookCertificate(names, NOW_MS - agoMs, lifeMs);
const old = make(300 * DAY_MS);
const young = make(0);
const next = make(0);
const over = make(400 * DAY_MS);
const aged = make(300 * DAY_MS, 36_500 * DAY_MS);
const other = make(0, LIFE_MS, ['other.svc']);
const nothing: WebhookCertificate = { ca: '', certificate: '', key: redactBytes(Buffer.alloc(0)) };
const bundleOf = (...made: WebhookCertificate[]) => made.map(({ ca }) => ca).join('');
const held = (
  served: WebhookCertificate,
  more: Partial<HeldCertificate> = {},
  ...others: WebhookCertificate[]
): HeldCertificate => ({ isRenewed: true, served: { ...served, ca: bundleOf(served, ...others) }, ...more });

const nameOf = (ca: string | X509Certificate) => {
  const { fingerprint256 } = typeof ca === 'string' ? authoritiesIn(ca)[0]! : ca;
  const known = Object.entries({ old, young, next, over, aged, other });
  return known.find(([, { ca: one }]) => new X509Certificate(one).fingerprint256 === fingerprint256)?.[0];
};

/** A step in one line. */
function told(step: RenewalStep): string {
  switch (step.kind) {
    case 'rest':
      return `rest ${step.trouble ?? ''}`.trim();
    case 'prepare':
      return `prepare, keep ${step.keep.map(nameOf).join(' ')}: ${step.because}`;
    case 'announce':
      return `announce ${step.authorities.map(nameOf).join(' ')}`;
    case 'serve':
      return 'serve';
    case 'forget':
      return `forget all but ${nameOf(step.issuer)}${step.isSafe ? '' : ', once it is proven'}`;
  }
}

const foreign = { isRenewed: false };
type Case = [name: string, held: HeldCertificate, bundles: readonly string[] | undefined, told: string];
const cases: Case[] = [
  ['no Secret: one is prepared', held(nothing), [''], 'prepare, keep : there is none'],
  ['a young certificate that is known: nothing', held(young), [young.ca], 'rest'],
  ['nobody is to be told: nothing', held(young), [], 'rest'],
  ['nobody may say what is known: nothing', held(young), undefined, 'rest'],
  [
    'an old one: the next is prepared',
    held(old),
    [old.ca],
    'prepare, keep old: two thirds of its life are over',
  ],
  [
    'one that lives longer than wished: the next is prepared',
    held(aged),
    [aged.ca],
    'prepare, keep aged: two thirds of its life are over',
  ],
  [
    'one for other names: the next is prepared',
    held(other),
    [other.ca],
    'prepare, keep other: the certificate is not for front.ingress-nginx.svc',
  ],
  [
    'one that is over: what it was known by is of no use',
    held(over),
    [over.ca],
    'prepare, keep : the certificate ends',
  ],
  ['prepared: both are announced', held(old, { next }, next), [old.ca], 'announce old next'],
  [
    'prepared over nothing: it is announced',
    held({ ...nothing, ca: next.ca }, { next }),
    [''],
    'announce next',
  ],
  [
    'a second webhook does not know it yet',
    held(old, { next }, next),
    [bundleOf(old, next), old.ca],
    'announce old next',
  ],
  ['announced: the next is served', held(old, { next }, next), [bundleOf(next, old)], 'serve'],
  ['prepared, and nobody to be told', held(old, { next }, next), [], 'serve'],
  [
    'prepared, and nobody may say what is known: the old one stays',
    held(old, { next }, next),
    undefined,
    'rest',
  ],
  ['that and the last moment of the old one', held(over, { next }, next), undefined, 'serve'],
  ['that and nothing that is served', held({ ...nothing, ca: next.ca }, { next }), undefined, 'serve'],
  [
    'what was prepared is broken: another one is, and its CA is dropped',
    held(old, { next: { ...next, key: old.key } }, next),
    [old.ca],
    'prepare, keep old: what was prepared will not do: the key is not that of the certificate',
  ],
  [
    'what was prepared waited too long: another one is',
    held(old, { next: over }, over),
    [old.ca],
    'prepare, keep old: what was prepared will not do: the certificate ends',
  ],
  [
    'served: the one before is forgotten when all serve it',
    held(young, {}, old),
    [bundleOf(young, old)],
    'forget all but young, once it is proven',
  ],
  [
    'served, and the one before is over',
    held(young, {}, over),
    [bundleOf(young, over)],
    'forget all but young',
  ],
  [
    'forgotten in the Secret, known still',
    held(young),
    [bundleOf(old, young)],
    'forget all but young, once it is proven',
  ],
  ['somebody wrote the configuration anew', held(young), [''], 'announce young'],
  ['somebody wrote nonsense into it', held(young), ['nonsense'], 'announce young'],
  ['that amid the hand-over: both are announced again', held(young, {}, old), [''], 'announce young old'],
  ["others' stays however old it is", held(old, foreign), [old.ca], 'rest'],
  ["others' is told to the API server", held(old, foreign), [''], 'announce old'],
  ["others' at its end is said to be", held(over, foreign), [over.ca], 'rest the certificate ends'],
  [
    "others' that would not do is not announced",
    held(other, foreign),
    [''],
    'rest the certificate is not for front',
  ],
  ["cert-manager's is none of ours", held(nothing, foreign), [''], 'rest'],
];
for (const [name, secret, bundles, want] of cases) {
  test(name, () => {
    const step = nextStep({ held: secret, bundles, names: NAMES, lifeMs: LIFE_MS, nowMs: NOW_MS });
    if (want.endsWith('ends') || want.endsWith('front')) expect(told(step)).toContain(want);
    else expect(told(step)).toBe(want);
  });
}

test('it is due between 57 and 67 % of the life, always at the same moment', () => {
  for (let count = 0; count < 20; count++) {
    const { certificate } = make(0);
    const read = new X509Certificate(certificate);
    const part = (renewalDueMs(read, LIFE_MS) - (NOW_MS - DAY_MS)) / (LIFE_MS + DAY_MS);
    expect(part).toBeGreaterThan(0.56);
    expect(part).toBeLessThan(0.67);
    expect(renewalDueMs(read, LIFE_MS)).toBe(renewalDueMs(new X509Certificate(certificate), LIFE_MS));
  }
});

test('a certificate of seconds is not over before it is due', () => {
  const lifeMs = 20_000;
  const read = new X509Certificate(make(0, lifeMs).certificate);
  expect(renewalDueMs(read, lifeMs)).toBeGreaterThan(NOW_MS + 8_000);
  expect(renewalDueMs(read, lifeMs)).toBeLessThan(NOW_MS + 14_000);
});

test('no key is shown by what is printed', () => {
  const text = inspect(held(old, { next }, next), { depth: Infinity, showHidden: true });
  expect(text).toContain('BEGIN CERTIFICATE');
  expect(text).not.toContain('PRIVATE KEY');
});

test('a bundle of nonsense without an end costs no more than its length', () => {
  expect(authoritiesIn('-----BEGIN CERTIFICATE-----'.repeat(40_000))).toEqual([]);
});
