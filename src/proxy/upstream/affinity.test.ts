import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { endpointAt, seededRandom } from '../../../test/fixtures/endpoints.ts';
import { fakeRequest } from '../../features/kit/testing.ts';
import { RingHash } from '../../lib/ring-hash.ts';
import type { AffinityPolicy } from '../../model/policy.ts';
import { Affinity } from './affinity.ts';
import type { EndpointState } from './endpoint.ts';
import { isSameSiteNoneUnderstood } from './same-site.ts';
import type { Endpoint, PickState } from './upstream.ts';

const ID = 'shop-cart-80';
const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const BACKEND_KEY = md5(md5(ID) + ID);
const EPOCH_MS = 1_795_440_332_804;

const BALANCED: AffinityPolicy = {
  mode: 'balanced',
  cookieName: 'INGRESSCOOKIE',
  isSameSiteNoneConditional: false,
  isAlwaysSecure: false,
  isChangedOnFailure: false,
};
const PERSISTENT: AffinityPolicy = { ...BALANCED, mode: 'persistent' };

function pickState(tried: Endpoint[] = []): PickState {
  return {
    tried,
    setCookie: undefined,
    cookiePath: '/cart',
    hostName: 'shop.test',
    affinity: undefined,
    isAffinityAsked: true,
  };
}

function affinityOf(open: readonly EndpointState[], all = open, seed = 1): Affinity {
  const random = seededRandom(seed);
  const affinity = new Affinity(ID, { random, nowMs: () => 0, epochMs: () => EPOCH_MS, processId: 10_520 });
  affinity.update(open, all);
  return affinity;
}

const pods = (count: number) => Array.from({ length: count }, (_, i) => endpointAt(i + 5));
const withCookie = (cookie: string, more: Record<string, string> = {}) =>
  fakeRequest({ headers: { cookie, ...more } });

/** Key and backend key of a Set-Cookie value. */
function issued(pick: PickState): [key: string, backendKey: string] {
  const [, key, backendKey] = /^INGRESSCOOKIE=([^|]+)\|([0-9a-f]{32}); Path=\/cart; HttpOnly$/.exec(
    pick.setCookie!,
  )!;
  return [key!, backendKey!];
}

describe('balanced', () => {
  test('a new session gets a key that leads back to its endpoint', () => {
    const open = pods(4);
    const affinity = affinityOf(open);
    for (let i = 0; i < 50; i++) {
      const pick = pickState();
      const endpoint = affinity.pick(BALANCED, fakeRequest(), pick);
      const [key, backendKey] = issued(pick);
      expect(key).toMatch(/^1795440333\.804\.10520\.\d{1,6}$/);
      expect(backendKey).toBe(BACKEND_KEY);
      const again = pickState();
      expect(affinity.pick(BALANCED, withCookie(`a=b; INGRESSCOOKIE=${key}|${backendKey}`), again)).toBe(
        endpoint,
      );
      expect(again.setCookie).toBeUndefined();
    }
  });

  test("a cookie of ingress-nginx's leads where its ring says; any value is a key and is kept", () => {
    const open = pods(4);
    const ring = new RingHash(open.map(({ address, port }) => `${address}:${port}`));
    for (const key of ['1795440332.804.10520.312478', 'anything']) {
      for (const value of [key, `${key}|${BACKEND_KEY}`, `${key}|of-another-upstream`]) {
        const pick = pickState();
        const endpoint = affinityOf(open).pick(BALANCED, withCookie(`INGRESSCOOKIE=${value}`), pick);
        expect(endpoint).toBe(open[ring.find(key)]);
        expect(pick.setCookie).toBeUndefined();
      }
    }
  });

  test('new sessions keep away from what is out of rotation', () => {
    const open = pods(3);
    open[0]!.started();
    open[0]!.finished('connect-failed', 1);
    const affinity = affinityOf(open);
    for (let i = 0; i < 200; i++)
      expect(affinity.pick(BALANCED, fakeRequest(), pickState())).not.toBe(open[0]);
  });
});

describe('persistent', () => {
  test('the key is the digest of upstream and endpoint', () => {
    const open = pods(3);
    const pick = pickState();
    const endpoint = affinityOf(open).pick(PERSISTENT, fakeRequest(), pick)!;
    expect(issued(pick)).toEqual([md5(`${ID}${endpoint.address}:80`), BACKEND_KEY]);
  });

  test('nobody moves when it scales up', () => {
    const open = pods(6);
    const affinity = affinityOf(open.slice(0, 2));
    const sessions = Array.from({ length: 40 }, () => {
      const pick = pickState();
      return { endpoint: affinity.pick(PERSISTENT, fakeRequest(), pick), key: issued(pick).join('|') };
    });
    affinity.update(open, open);
    for (const { endpoint, key } of sessions) {
      const pick = pickState();
      expect(affinity.pick(PERSISTENT, withCookie(`INGRESSCOOKIE=${key}`), pick)).toBe(endpoint);
      expect(pick.setCookie).toBeUndefined();
    }
  });

  test('the key of an endpoint that is gone begins a new session', () => {
    const open = pods(2);
    const pick = pickState();
    const cookie = `INGRESSCOOKIE=${md5(`${ID}10.9.9.9:80`)}|${BACKEND_KEY}`;
    expect(open).toContain(affinityOf(open).pick(PERSISTENT, withCookie(cookie), pick));
    expect(pick.setCookie).toBeDefined();
  });

  test('the first choice is even', () => {
    const open = pods(4);
    const affinity = affinityOf(open);
    const counts = new Map<unknown, number>();
    for (let i = 0; i < 4_000; i++) {
      const endpoint = affinity.pick(PERSISTENT, fakeRequest(), pickState());
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(110);
  });

  test('a terminating endpoint keeps its sessions and gets no new ones', () => {
    const [staying, leaving] = pods(2) as [EndpointState, EndpointState];
    const affinity = affinityOf([staying], [staying, leaving]);
    const cookie = `INGRESSCOOKIE=${md5(`${ID}${leaving.key}`)}|${BACKEND_KEY}`;
    expect(affinity.pick(PERSISTENT, withCookie(cookie), pickState())).toBe(leaving);
    // Once it fails there is no use in trying it again.
    expect(affinity.pick(PERSISTENT, withCookie(cookie), pickState([leaving]))).toBe(staying);
    for (let i = 0; i < 50; i++) expect(affinity.pick(PERSISTENT, fakeRequest(), pickState())).toBe(staying);
  });

  test('an IPv6 endpoint is in brackets', () => {
    const open = [endpointAt(1)];
    Object.assign(open[0]!, { key: '[fd00::1]:80' });
    const pick = pickState();
    affinityOf(open).pick(PERSISTENT, fakeRequest(), pick);
    expect(issued(pick)[0]).toBe(md5(`${ID}[fd00::1]:80`));
  });
});

for (const policy of [BALANCED, PERSISTENT]) {
  describe(`after a failed try, ${policy.mode}`, () => {
    const session = (affinity: Affinity) => {
      const pick = pickState();
      const endpoint = affinity.pick(policy, fakeRequest(), pick)!;
      return { endpoint, request: withCookie(`INGRESSCOOKIE=${issued(pick).join('|')}`) };
    };

    test('a session stays where it is', () => {
      const affinity = affinityOf(pods(3));
      const { endpoint, request } = session(affinity);
      const pick = pickState([endpoint]);
      expect(affinity.pick(policy, request, pick)).toBe(endpoint);
      expect(pick.setCookie).toBeUndefined();
    });

    test('with change-on-failure it goes elsewhere with a new cookie', () => {
      const affinity = affinityOf(pods(3));
      const { endpoint, request } = session(affinity);
      const pick = pickState([endpoint]);
      const other = affinity.pick({ ...policy, isChangedOnFailure: true }, request, pick);
      expect(other).not.toBe(endpoint);
      expect(affinity.pick(policy, withCookie(`INGRESSCOOKIE=${issued(pick).join('|')}`), pickState())).toBe(
        other,
      );
    });

    test('with change-on-failure and nowhere else to go it stays', () => {
      const affinity = affinityOf(pods(1));
      const { endpoint, request } = session(affinity);
      const pick = pickState([endpoint]);
      expect(affinity.pick({ ...policy, isChangedOnFailure: true }, request, pick)).toBe(endpoint);
      expect(pick.setCookie).toBeUndefined();
    });

    test('a client without a session tries another endpoint', () => {
      const open = pods(3);
      const affinity = affinityOf(open);
      for (let i = 0; i < 30; i++) {
        const tried = open[i % 3]!;
        expect(affinity.pick(policy, fakeRequest(), pickState([tried]))).not.toBe(tried);
      }
    });
  });
}

describe('the cookie', () => {
  const cookieOf = (policy: Partial<AffinityPolicy>, request = fakeRequest()) => {
    const pick = pickState();
    affinityOf([endpointAt(5)]).pick({ ...PERSISTENT, ...policy }, request, pick);
    return pick.setCookie!.slice(pick.setCookie!.indexOf('; '));
  };

  test('has all attributes in order', () => {
    const policy = {
      expiresSeconds: 60,
      maxAgeSeconds: 120,
      domain: 'd.test',
      path: '/p',
      sameSite: 'Lax',
    } as const;
    expect(cookieOf({ ...policy, isAlwaysSecure: true })).toBe(
      '; Expires=Mon, 23-Nov-26 13:26:32 GMT; Max-Age=120; Domain=d.test; Path=/p; Secure; HttpOnly; SameSite=Lax',
    );
  });

  test('is Secure on https', () => {
    expect(cookieOf({}, fakeRequest({ connectionScheme: 'https' }))).toBe('; Path=/cart; Secure; HttpOnly');
  });

  test('leaves SameSite=None out for browsers that misunderstand it, if told to', () => {
    const old = fakeRequest({ headers: { 'user-agent': 'Mozilla/5.0 Chrome/66.0.3359' } });
    const none = { sameSite: 'None' } as const;
    expect(cookieOf(none, old)).toContain('SameSite=None');
    expect(cookieOf({ ...none, isSameSiteNoneConditional: true }, old)).not.toContain('SameSite');
    expect(cookieOf({ ...none, isSameSiteNoneConditional: true })).toContain('SameSite=None');
    expect(cookieOf({ sameSite: 'Lax', isSameSiteNoneConditional: true }, old)).toContain('SameSite=Lax');
  });

  test('is not set where the Ingress asks for no affinity, but is honoured', () => {
    const open = pods(3);
    const pick = { ...pickState(), isAffinityAsked: false };
    expect(affinityOf(open).pick(PERSISTENT, fakeRequest(), pick)).toBeDefined();
    expect(pick.setCookie).toBeUndefined();
    const cookie = `INGRESSCOOKIE=${md5(`${ID}${open[2]!.key}`)}|x`;
    expect(affinityOf(open).pick(PERSISTENT, withCookie(cookie), pick)).toBe(open[2]);
  });

  for (const [name, cookie] of [
    ['of another case', 'ingresscookie=x'],
    ['without a value', 'INGRESSCOOKIE='],
    ['without a key', 'INGRESSCOOKIE=|'],
  ] as const) {
    test(`${name} is none`, () => {
      const pick = pickState();
      affinityOf(pods(2)).pick(BALANCED, withCookie(cookie), pick);
      expect(pick.setCookie).toBeDefined();
    });
  }

  test('tells which upstream issued it', () => {
    const affinity = affinityOf(pods(1));
    expect(affinity.isBound(withCookie(`INGRESSCOOKIE=gone|${BACKEND_KEY}`), BALANCED)).toBe(true);
    expect(affinity.isBound(withCookie('INGRESSCOOKIE=gone|other'), BALANCED)).toBe(false);
    expect(affinity.isBound(withCookie('INGRESSCOOKIE=gone'), BALANCED)).toBe(false);
    expect(affinity.isBound(fakeRequest(), BALANCED)).toBe(false);
  });
});

test('browsers that misunderstand SameSite=None', () => {
  const cases: [userAgent: string, isUnderstood: boolean][] = [
    ['Mozilla/5.0 (X11) Chrome/49.0 Safari/537.36', false],
    ['Mozilla/5.0 (X11) Chrome/66.0 Safari/537.36', false],
    ['Mozilla/5.0 (X11) Chrome/80.0 Safari/537.36', true],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X)', false],
    ['Mozilla/5.0 (iPad; CPU OS 12_4 like Mac OS X)', false],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) Version/12.1 Safari/605', false],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) Chrome/90.0 Safari/605', true],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/13 Safari/605', true],
    ['', true],
  ];
  for (const [userAgent, want] of cases)
    expect([userAgent, isSameSiteNoneUnderstood(userAgent)]).toEqual([userAgent, want]);
});
