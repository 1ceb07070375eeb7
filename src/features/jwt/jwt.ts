import { revealBytes } from '../../lib/redacted-bytes.ts';
import { parseNamespacedName } from '../../lib/namespaced-name.ts';
import { readKeySet, type PublicJwk } from '../../lib/key-set.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { defineFeature, LIST_LENGTH_MAX, type Parser, type TranslateContext } from '../kit/feature.ts';
import type { AccessDenial } from '../kit/filter.ts';
import { isRedirected } from '../kit/vain.ts';
import { int, where } from '../kit/values.ts';
import { claimText } from './claims.ts';
import type { ClaimHeader, JwtPolicy } from './policy.ts';
import { createTokenMemory, TokenVerifier, type Claims } from './token-verifier.ts';

/** What is known of a request's token; filled in when it was checked. */
interface Bearer {
  claims: Claims | undefined;
}

const TEXT = /^[\x21-\x7e]{1,2048}$/;
const HEADER_NAME = /^[A-Za-z0-9-]{1,128}$/;
const COOKIE_NAME = /^[A-Za-z0-9_.-]{1,128}$/;
const CLAIMS_MAX = 32;
/** Headers that say how a message is framed, where it goes and what it is let through by. */
const OWN_HEADERS =
  /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|authorization|cookie|keep-alive|proxy-.*)$/i;

const text: Parser<string> = (raw) =>
  TEXT.test(raw) ? { ok: true, value: raw } : { ok: false, problem: 'is empty, too long or has blanks' };

const url: Parser<string> = (raw) => {
  const parsed = URL.parse(raw);
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    return { ok: false, problem: 'is not an http or https URL' };
  if (parsed.username !== '' || parsed.password !== '')
    return { ok: false, problem: 'has a user or a password in it' };
  return { ok: true, value: parsed.href };
};

const audiences: Parser<readonly string[]> = (raw) => {
  const items = raw.split(',').map((item) => item.trim());
  return items.every((item) => TEXT.test(item))
    ? { ok: true, value: items }
    : { ok: false, problem: 'has an audience that is empty or has blanks' };
};

const claimHeaders: Parser<readonly ClaimHeader[]> = (raw) => {
  const items = raw.split(',').map((item) => item.trim());
  if (items.length > CLAIMS_MAX) return { ok: false, problem: `names more than ${CLAIMS_MAX} claims` };
  const read: ClaimHeader[] = [];
  for (const item of items) {
    const colon = item.lastIndexOf(':');
    const claim = item.slice(0, colon).trim();
    const header = item.slice(colon + 1).trim();
    if (colon < 1 || !TEXT.test(claim) || !HEADER_NAME.test(header)) {
      return { ok: false, problem: `has an item that is not claim:Header: ${item}` };
    }
    if (OWN_HEADERS.test(header))
      return { ok: false, problem: `has a header that is not set by claims: ${header}` };
    read.push({ claim, header });
  }
  return { ok: true, value: read };
};

const cookieName: Parser<string> = (raw) =>
  COOKIE_NAME.test(raw) ? { ok: true, value: raw } : { ok: false, problem: 'is not the name of a cookie' };

/** Bearer tokens (RFC 6750) that are signed (RFC 7519, RFC 8725): Serin's own, which ingress-nginx never had. */
export const jwt = defineFeature({
  name: 'jwt',
  doc:
    'JSON Web Tokens: requests need one that is signed by a key of the set, by an asymmetric algorithm, and neither expired nor of another issuer or audience. ' +
    'Serin’s own; the names are whole, without `nginx.ingress.kubernetes.io/`. The keys of a URL are fetched by the controller.',
  scope: 'route',
  stage: 'access',
  annotations: {
    'serin.dev/jwt-issuer': {
      parse: text,
      risk: 'low',
      onInvalid: 'deny',
      isProtection: true,
      doc: 'Needed: the `iss` that tokens must have.',
    },
    'serin.dev/jwt-jwks-url': {
      parse: url,
      risk: 'medium',
      onInvalid: 'deny',
      isProtection: true,
      doc: 'Where the key set is (RFC 7517).',
    },
    'serin.dev/jwt-jwks-secret': {
      parse: text,
      risk: 'low',
      onInvalid: 'deny',
      isProtection: true,
      doc: 'Instead: a Secret, `name` or `namespace/name`, with the key set under `jwks.json`.',
    },
    'serin.dev/jwt-audience': {
      parse: audiences,
      risk: 'low',
      onInvalid: 'deny',
      isProtection: true,
      maxLength: LIST_LENGTH_MAX,
      doc: 'Audiences, comma-separated, one of which `aud` must name; without it any will do.',
    },
    'serin.dev/jwt-claims-to-headers': {
      parse: claimHeaders,
      risk: 'medium',
      onInvalid: 'deny',
      doc: 'Claims for the backend: `sub:X-User, realm.role:X-Role`. A client’s own headers of these names never pass.',
    },
    'serin.dev/jwt-cookie': {
      parse: cookieName,
      risk: 'low',
      onInvalid: 'deny',
      doc: 'A cookie that may hold the token where there is no Authorization header.',
    },
    'serin.dev/jwt-leeway': {
      parse: where(int, (value) => value >= 0 && value <= 300, 'is not within 0 to 300'),
      risk: 'low',
      onInvalid: 'deny',
      fallback: 30,
      doc: 'Seconds by which clocks may differ.',
    },
  },
  vain: [
    {
      of: ['serin.dev/jwt-issuer'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'the redirect is answered without a token',
      holds: (_, place) => isRedirected(place),
    },
  ],
  translate: (values, context): JwtPolicy | undefined => {
    const asked = ANNOTATIONS.find((name) => context.has(name));
    if (asked === undefined) return undefined;
    const issuer = values['serin.dev/jwt-issuer'];
    if (issuer === undefined) {
      return denyRoutes(context, 'InvalidAnnotation', {
        field: `metadata.annotations[${asked}]`,
        problem: 'needs serin.dev/jwt-issuer beside it',
      });
    }
    const keys = keysOf(values['serin.dev/jwt-jwks-url'], values['serin.dev/jwt-jwks-secret'], context);
    if (keys === undefined) return undefined;
    const cookie = values['serin.dev/jwt-cookie'];
    return {
      issuer,
      audiences: values['serin.dev/jwt-audience'] ?? [],
      keys,
      claims: values['serin.dev/jwt-claims-to-headers'] ?? [],
      ...(cookie === undefined ? {} : { cookie }),
      leewaySeconds: values['serin.dev/jwt-leeway'] ?? 30,
    };
  },
  createFilter: (policy, { slot, ofWorker }) => {
    const verifier = new TokenVerifier(policy, ofWorker(createTokenMemory));
    const bearers = slot<Bearer>();
    const { claims: wanted, cookie } = policy;
    return {
      checkAccess(request) {
        const token = tokenOf(
          request.header('authorization'),
          cookie === undefined ? undefined : request.cookie(cookie),
        );
        if (token === undefined) return ASKED;
        const known = verifier.known(token);
        // Others may be waited for: what is found then belongs to this request all the same.
        const bearer: Bearer = { claims: known };
        bearers.set(request, bearer);
        if (known !== undefined) return 'allow';
        return verifier.verify(token).then((claims) => {
          bearer.claims = claims;
          return claims === undefined ? REFUSED : 'allow';
        });
      },
      spokenHeaders: wanted.map(({ header }) => header.toLowerCase()),
      onUpstreamRequest(head, request) {
        const claims = bearers.get(request)?.claims;
        for (const { claim, header } of wanted) {
          const value = claims === undefined ? undefined : claimText(claims, claim);
          if (value === undefined) head.remove(header.toLowerCase());
          else head.set(header, value);
        }
      },
    };
  },
});

const ANNOTATIONS = Object.keys(jwt.annotations);

/** RFC 6750 §3.1: who brought no token is not told of an error. */
const ASKED: AccessDenial = { status: 401, headers: [['WWW-Authenticate', 'Bearer']] };
const REFUSED: AccessDenial = {
  status: 401,
  headers: [['WWW-Authenticate', 'Bearer error="invalid_token"']],
};

const SCHEME = 'bearer ';

/** What may be a token; its characters are whoever's business that checks it. */
function tokenOf(authorization: string | undefined, cookie: string | undefined): string | undefined {
  if (authorization === undefined) return cookie || undefined;
  if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
  return authorization.slice(SCHEME.length).trim() || undefined;
}

function keysOf(
  from: string | undefined,
  secret: string | undefined,
  context: TranslateContext,
): readonly PublicJwk[] | undefined {
  if ((from === undefined) === (secret === undefined)) {
    return denyRoutes(context, 'InvalidAnnotation', {
      field: 'metadata.annotations[serin.dev/jwt-issuer]',
      problem: 'needs either serin.dev/jwt-jwks-url or serin.dev/jwt-jwks-secret beside it',
    });
  }
  if (from !== undefined) {
    const found = context.lookup.keySet(from);
    if (found !== undefined && found.keys.length > 0) return found.keys;
    return denyRoutes(context, 'MissingKeys', {
      field: 'metadata.annotations[serin.dev/jwt-jwks-url]',
      value: from,
      problem: found === undefined || found.problem === '' ? 'was not asked for its keys yet' : found.problem,
    });
  }
  return keysOfSecret(secret!, context);
}

function keysOfSecret(name: string, context: TranslateContext): readonly PublicJwk[] | undefined {
  const refuse = (problem: string) =>
    denyRoutes(context, 'MissingKeys', {
      field: 'metadata.annotations[serin.dev/jwt-jwks-secret]',
      value: name,
      problem,
    });
  const ref = name.includes('/') ? parseNamespacedName(name) : { namespace: context.namespace, name };
  const data = ref && context.lookup.secret(ref.namespace, ref.name);
  if (data === undefined) return refuse('is a Secret that does not exist, or of another namespace');
  const set = data.get('jwks.json');
  if (set === undefined) return refuse('is a Secret without the key jwks.json');
  const read = readKeySet(revealBytes(set).toString('utf8'));
  if (!read.ok) return refuse(`is a Secret whose jwks.json ${read.problem}`);
  if (read.keys.length === 0) return refuse('is a Secret whose jwks.json has no public key for signatures');
  if (read.left > 0) {
    context.findings.warn(context.source, 'MissingKeys', {
      field: 'metadata.annotations[serin.dev/jwt-jwks-secret]',
      value: name,
      problem: `has ${read.left} keys that are not public keys for signatures`,
      consequence: 'they are left out',
    });
  }
  return read.keys;
}
