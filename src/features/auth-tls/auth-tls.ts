import { revealBytes } from '../../lib/redacted-bytes.ts';
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { digestOf } from '../../lib/hash.ts';
import { parseNamespacedName } from '../../lib/namespaced-name.ts';
import { EXACT_CASE, toRegex } from '../../lib/pcre.ts';
import { Pattern } from '../../lib/pattern.ts';
import { wwwTwin } from '../../lib/www-twin.ts';
import type { ClientAuthPolicy } from '../../model/policy.ts';
import { CERTIFICATE_HEADERS, certificateHeader, clientAskedBy } from '../kit/certificate-headers.ts';
import { defineFeature, type Parser, type TranslateContext } from '../kit/feature.ts';
import type { DirectResponse, RequestView } from '../kit/filter.ts';
import { TIMED } from '../kit/timed-pattern.ts';
import { basic, bool, int, oneOf, serverish } from '../kit/values.ts';

const NO_CERTIFICATE: DirectResponse = { status: 400, refusal: 'no_client_certificate' };
const BAD_CERTIFICATE: DirectResponse = { status: 400, refusal: 'bad_client_certificate' };
const MISDIRECTED: DirectResponse = { status: 421, refusal: 'misdirected' };
const OUTDATED: DirectResponse = { status: 421, refusal: 'outdated_handshake' };
const UNAUTHORIZED: DirectResponse = { status: 403, body: 'client certificate unauthorized' };

/** A page is what these ask for; what another method would do is not done in its place. */
const PAGE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

const NEEDS_SECRET = {
  problem: 'counts only together with auth-tls-secret',
  holds: (values: { readonly 'auth-tls-secret'?: string | undefined }) =>
    values['auth-tls-secret'] === undefined,
};

const subjectPattern: Parser<string> = (raw) => {
  if (!raw.startsWith('CN=')) return { ok: false, problem: 'does not begin with CN=' };
  return serverish(raw);
};

const errorPage: Parser<string> = (raw) => {
  const named = raw.startsWith('@') ? serverish(raw.slice(1)) : serverish(raw.replaceAll(/[,?]/g, ''));
  return named.ok ? { ok: true, value: raw } : named;
};

/** Certificates that clients show (docs/reference/annotations.md §5.4). */
export const authTls = defineFeature({
  name: 'auth-tls',
  doc: 'Client certificates, for a whole host. The host answers 403 where its CA cannot be read.',
  scope: 'host',
  stage: 'host',
  annotations: {
    'auth-tls-secret': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'drop',
      isProtection: true,
      doc: 'namespace/name of the Secret with the CA (ca.crt) and, if there is one, its list of revoked certificates (ca.crl).',
    },
    'auth-tls-verify-client': {
      parse: oneOf(['on', 'off', 'optional', 'optional_no_ca']),
      risk: 'medium',
      onInvalid: 'default',
      fallback: 'on',
      isProtection: true,
      doc: '`on`: there must be a good one. `optional`: if there is one, it must be good. `optional_no_ca`: whoever signed it. `off`: none is asked for.',
    },
    'auth-tls-verify-depth': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      fallback: 1,
      doc: 'Most certificates between that of the client and that of the root; 0 is taken as 1.',
    },
    'auth-tls-error-page': {
      parse: errorPage,
      risk: 'high',
      onInvalid: 'drop',
      doc: 'In place of 400: a URL that a client without a good certificate is redirected to, or a path of the host that is served to it without one.',
      difference: 'a path is served for GET and HEAD alone, and no location is named (`@name`)',
    },
    'auth-tls-pass-certificate-to-upstream': {
      parse: bool,
      risk: 'low',
      onInvalid: 'drop',
      fallback: false,
      doc: 'Whether the upstream gets the certificate, in `ssl-client-cert`.',
    },
    'auth-tls-match-cn': {
      parse: subjectPattern,
      risk: 'high',
      onInvalid: 'drop',
      isProtection: true,
      doc: '`CN=` and a regular expression, searched in the name of the certificate; else 403.',
    },
  },
  vain: [
    {
      of: ['auth-tls-verify-client', 'auth-tls-match-cn'],
      consequence: 'it protects nothing',
      problem: NEEDS_SECRET.problem,
      holds: (values) => NEEDS_SECRET.holds(values) && values['auth-tls-verify-client'] !== 'off',
    },
    {
      of: ['auth-tls-verify-depth', 'auth-tls-error-page', 'auth-tls-pass-certificate-to-upstream'],
      consequence: 'it is ignored',
      ...NEEDS_SECRET,
    },
  ],
  translate: (values, context): ClientAuthPolicy | undefined => {
    const reference = values['auth-tls-secret'];
    if (reference === undefined) return undefined;
    const authority = readAuthority(reference, context);
    if (typeof authority === 'string') return closeHost(context, 'auth-tls-secret', reference, authority);
    const pattern = values['auth-tls-match-cn'];
    if (pattern !== undefined) {
      const regex = toRegex(pattern, EXACT_CASE);
      // Whom it was to let in is not known: nobody comes in.
      if (!regex.ok) return closeHost(context, 'auth-tls-match-cn', pattern, regex.problem);
      if (regex.isTimed === true) {
        const field = 'metadata.annotations[auth-tls-match-cn]';
        context.findings.warn(context.source, 'SlowPattern', { field, value: pattern, ...TIMED });
      }
    }
    const verify = values['auth-tls-verify-client'] ?? 'on';
    const depth = values['auth-tls-verify-depth'] || 1;
    const page = readErrorPage(values['auth-tls-error-page'], context);
    return {
      id: digestOf([authority, verify, depth]),
      ...authority,
      verify,
      depth,
      isCertificatePassed: values['auth-tls-pass-certificate-to-upstream'] ?? false,
      ...(page === undefined ? {} : { errorPage: page }),
      ...(pattern === undefined ? {} : { subjectPattern: pattern }),
    };
  },
  createFilter: (policy, { host }) => {
    const { verify } = policy;
    const subject = policy.subjectPattern === undefined ? undefined : patternOf(policy.subjectPattern);
    const { errorPage } = policy;
    const pagePath = errorPage?.startsWith('/') === true ? errorPage : undefined;
    const elsewhere: DirectResponse | undefined =
      errorPage === undefined || pagePath !== undefined
        ? undefined
        : { status: 302, headers: [['Location', errorPage]] };
    const refuse = (request: RequestView, refusal: DirectResponse): DirectResponse | undefined => {
      if (pagePath === undefined || !PAGE_METHODS.has(request.method) || request.hasBody)
        return elsewhere ?? refusal;
      request.servePage(pagePath);
      return undefined;
    };

    function check(request: RequestView): DirectResponse | undefined {
      const { client } = request.connection;
      const hostName = client?.hostName;
      if (hostName !== undefined && hostName !== host.name) return MISDIRECTED;
      const asked = clientAskedBy(policy, request);
      // The handshake was for this host, and then the host began to ask for something else.
      if (asked === undefined && hostName !== undefined) return OUTDATED;
      const verification = asked?.verification ?? 'NONE';
      if (verification === 'NONE') return verify === 'on' ? refuse(request, NO_CERTIFICATE) : undefined;
      if (verification === 'SUCCESS') return undefined;
      return verify === 'optional_no_ca' && asked?.isIssuerUnknown === true
        ? undefined
        : refuse(request, BAD_CERTIFICATE);
    }

    // The name that only redirects to the host is a host without questions.
    const twin = host.policies['www-redirect'] === undefined ? undefined : wwwTwin(host.name);

    return {
      onRequest(request) {
        if (request.host === twin) return undefined;
        if (verify !== 'off' && request.connectionScheme === 'https') {
          const refused = check(request);
          if (refused !== undefined) return refused;
        }
        if (subject === undefined) return undefined;
        return subject.test(clientAskedBy(policy, request)?.certificate?.subject ?? '')
          ? undefined
          : UNAUTHORIZED;
      },
      spokenHeaders: CERTIFICATE_HEADERS,
      onUpstreamRequest(head, request) {
        for (const name of CERTIFICATE_HEADERS) {
          const value = certificateHeader(policy, name, request);
          if (value === '') head.remove(name);
          else head.set(name, value);
        }
      },
    };
  },
});

function patternOf(text: string): Pattern {
  const regex = toRegex(text, EXACT_CASE);
  if (!regex.ok) throw new Error(`a pattern that was taken in ${regex.problem}`);
  return new Pattern(regex, false);
}

function closeHost(
  { findings, source, denyHost }: TranslateContext,
  name: string,
  value: string,
  problem: string,
): undefined {
  const consequence = 'nobody is let in: the hosts of the Ingress answer 403';
  const field = `metadata.annotations[${name}]`;
  findings.error(source, 'InvalidAnnotation', { field, value, problem, consequence });
  denyHost(name);
  return undefined;
}

/** CA and revocation list of a Secret, or what is wrong with it. */
function readAuthority(
  reference: string,
  { lookup, namespace }: TranslateContext,
): Pick<ClientAuthPolicy, 'ca' | 'crl'> | string {
  const named = parseNamespacedName(reference);
  if (named === undefined) return 'is not namespace/name';
  const data = lookup.secret(named.namespace, named.name);
  if (data === undefined) {
    return named.namespace === namespace
      ? 'is a Secret that does not exist'
      : 'is a Secret that does not exist, or of another namespace';
  }
  const text = (key: string) => {
    const value = data.get(key);
    return value === undefined ? undefined : revealBytes(value).toString('latin1') || undefined;
  };
  const [ca, crl] = [text('ca.crt'), text('ca.crl')];
  if (ca === undefined) return 'is a Secret without the key ca.crt';
  const blocks = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return 'is a Secret whose ca.crt has no certificate';
  try {
    for (const block of blocks) void new X509Certificate(block);
    createSecureContext({ ca });
  } catch {
    return 'is a Secret whose ca.crt has a certificate that cannot be read';
  }
  const bundle = { ca: `${blocks.join('\n')}\n` };
  if (crl === undefined) return bundle;
  try {
    createSecureContext({ ca, crl });
  } catch {
    return 'is a Secret whose ca.crl cannot be read';
  }
  return { ...bundle, crl };
}

/** A URL, or a path of the host. */
function readErrorPage(page: string | undefined, { findings, source }: TranslateContext): string | undefined {
  if (page === undefined || /^(?:\/|https?:\/\/)/.test(page)) return page;
  findings.warn(source, 'UnsupportedAnnotation', {
    field: 'metadata.annotations[auth-tls-error-page]',
    value: page,
    problem: 'is neither a URL nor a path, and nothing else is supported',
    consequence: 'clients without a good certificate are answered 400',
  });
  return undefined;
}
