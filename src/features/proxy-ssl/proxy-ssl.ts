import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { costOf } from '../../lib/costly-key.ts';
import { revealBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';
import { parseNamespacedName } from '../../lib/namespaced-name.ts';
import type { UpstreamTlsPolicy } from '../../model/policy.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { defineFeature, type Parser, type TranslateContext } from '../kit/feature.ts';
import type { Place } from '../kit/place.ts';
import { basic, bool, ciphers, int, onOff, serverish } from '../kit/values.ts';

const LOCATION_ONLY = 'proxy-ssl-location-only';

const protocols: Parser<readonly ('TLSv1.2' | 'TLSv1.3')[]> = (raw) => {
  const words = raw.split(/\s+/);
  const known = (['TLSv1.2', 'TLSv1.3'] as const).filter((version) => words.includes(version));
  return known.length === 0
    ? { ok: false, problem: 'names neither TLSv1.2 nor TLSv1.3' }
    : { ok: true, value: known };
};

/** TLS towards the upstream (docs/reference/annotations.md §3.8); everything but the secret counts only together with it. */
export const proxySsl = defineFeature({
  name: 'proxy-ssl',
  doc: 'Client certificate, verification and parameters of TLS towards the upstream.',
  scope: 'route',
  needsService: true,
  isForHost: ({ ca }, setting) => ca !== undefined && !isTrue(setting(LOCATION_ONLY)),
  configMapKeys: {
    [LOCATION_ONLY]: {
      parse: bool,
      onInvalid: 'default',
      doc: '`true`: proxy-ssl-* count for the paths of their own Ingress alone. Else the first Ingress of a host with a ca.crt decides for all paths of the host without proxy-ssl-secret.',
    },
  },
  annotations: {
    'proxy-ssl-secret': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'drop',
      isProtection: true,
      doc: 'namespace/name of a Secret with a client certificate (tls.crt, tls.key), a CA (ca.crt), or both.',
    },
    'proxy-ssl-verify': {
      parse: onOff,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      isProtection: true,
      doc: 'Verify the upstream against ca.crt; a failure is a 502.',
    },
    'proxy-ssl-verify-depth': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      fallback: 1,
      doc: 'Longest chain that is verified.',
    },
    'proxy-ssl-name': {
      parse: serverish,
      risk: 'high',
      onInvalid: 'default',
      doc: 'Name for verification and SNI.',
    },
    'proxy-ssl-server-name': {
      parse: onOff,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      doc: 'Send SNI.',
    },
    'proxy-ssl-protocols': {
      parse: protocols,
      risk: 'low',
      onInvalid: 'default',
      fallback: ['TLSv1.2'],
      doc: 'TLSv1.2, TLSv1.3, or both.',
    },
    'proxy-ssl-ciphers': {
      parse: ciphers,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'OpenSSL cipher list.',
    },
  },
  vain: [
    {
      of: ['proxy-ssl-verify'],
      problem: 'counts only together with proxy-ssl-secret',
      consequence: 'the certificate of the upstream is not verified',
      holds: (values) => (values['proxy-ssl-secret'] ?? '') === '',
    },
    {
      of: [
        'proxy-ssl-verify-depth',
        'proxy-ssl-name',
        'proxy-ssl-server-name',
        'proxy-ssl-protocols',
        'proxy-ssl-ciphers',
      ],
      problem: 'counts only together with proxy-ssl-secret',
      consequence: 'it is ignored',
      holds: (values) => (values['proxy-ssl-secret'] ?? '') === '',
    },
    {
      of: [
        'proxy-ssl-secret',
        'proxy-ssl-verify',
        'proxy-ssl-verify-depth',
        'proxy-ssl-name',
        'proxy-ssl-server-name',
        'proxy-ssl-protocols',
        'proxy-ssl-ciphers',
      ],
      problem: 'counts only together with backend-protocol HTTPS, GRPCS or AUTO_HTTP',
      consequence: 'the upstream is spoken to without TLS',
      holds: (_, place) => !isTlsSpoken(place),
    },
    {
      of: ['proxy-ssl-verify-depth'],
      problem: 'counts only together with proxy-ssl-verify: "on"',
      consequence: 'it is ignored',
      holds: (values) => values['proxy-ssl-verify'] !== true,
    },
    {
      of: ['proxy-ssl-name'],
      problem: 'counts only together with proxy-ssl-verify or proxy-ssl-server-name: "on"',
      consequence: 'it is ignored',
      holds: (values) => values['proxy-ssl-verify'] !== true && values['proxy-ssl-server-name'] !== true,
    },
  ],
  translate: (values, context): UpstreamTlsPolicy | undefined => {
    const { namespace, lookup } = context;
    const reference = values['proxy-ssl-secret'];
    if (reference === undefined || reference === '') return undefined;
    const refuse = (problem: string) => {
      const field = 'metadata.annotations[proxy-ssl-secret]';
      return denyRoutes(context, 'InvalidAnnotation', { field, value: reference, problem });
    };
    const secret = parseNamespacedName(reference);
    if (secret === undefined) return refuse('is not namespace/name');
    const data = lookup.secret(secret.namespace, secret.name);
    if (data === undefined) {
      return refuse(
        secret.namespace === namespace
          ? 'is a Secret that does not exist'
          : 'is a Secret that does not exist, or of another namespace',
      );
    }
    const bytes = (name: string) => {
      const value = data.get(name);
      return value === undefined || revealBytes(value).length === 0 ? undefined : value;
    };
    const text = (name: string) => {
      const value = bytes(name);
      return value && revealBytes(value).toString('utf8');
    };
    const [certificate, key, ca] = [text('tls.crt'), bytes('tls.key'), text('ca.crt')];
    if ((certificate === undefined || key === undefined) && ca === undefined) {
      return refuse('is a Secret with neither tls.crt and tls.key nor ca.crt');
    }
    const wantsVerify = values['proxy-ssl-verify'] ?? false;
    if (wantsVerify && ca === undefined)
      return refuse('is a Secret without ca.crt, which proxy-ssl-verify needs');
    const problem = problemOf(certificate, key, ca);
    if (problem !== undefined) return refuse(problem);
    const versions = values['proxy-ssl-protocols'] ?? ['TLSv1.2' as const];
    const serverName = values['proxy-ssl-name'];
    const cipherList = usableCiphers(values['proxy-ssl-ciphers'], context);
    return {
      ...(certificate !== undefined && key !== undefined ? { certificate, key } : {}),
      ...(ca === undefined ? {} : { ca }),
      isVerified: wantsVerify,
      verifyDepth: values['proxy-ssl-verify-depth'] || 1,
      ...(serverName === undefined || serverName === '' ? {} : { serverName }),
      isSniSent: values['proxy-ssl-server-name'] ?? false,
      minVersion: versions[0] ?? 'TLSv1.2',
      maxVersion: versions.at(-1) ?? 'TLSv1.2',
      ...(cipherList === undefined ? {} : { ciphers: cipherList }),
    };
  },
});

/** What OpenSSL, or the loop that signs with the key, would have against what a Secret holds. */
function problemOf(
  certificate: string | undefined,
  key: RedactedBytes | undefined,
  ca: string | undefined,
): string | undefined {
  try {
    if (certificate !== undefined && key !== undefined) {
      const privateKey = createPrivateKey(revealBytes(key));
      const cost = costOf(privateKey);
      if (cost !== undefined) return `is a Secret with a tls.key that ${cost}`;
      if (!new X509Certificate(certificate).checkPrivateKey(privateKey))
        return 'is a Secret with a tls.key that does not belong to the certificate in tls.crt';
      createSecureContext({ cert: certificate, key: revealBytes(key) });
    }
  } catch {
    return 'is a Secret whose tls.crt and tls.key cannot be used';
  }
  try {
    if (ca !== undefined) {
      void new X509Certificate(ca);
      createSecureContext({ ca });
    }
    return undefined;
  } catch {
    return 'is a Secret whose ca.crt cannot be read';
  }
}

/** Undefined: OpenSSL's own. */
function usableCiphers(list: string | undefined, { findings, source }: TranslateContext): string | undefined {
  if (list === undefined || list === 'DEFAULT') return undefined;
  try {
    createSecureContext({ ciphers: list });
    return list;
  } catch {
    findings.warn(source, 'InvalidAnnotation', {
      field: 'metadata.annotations[proxy-ssl-ciphers]',
      value: list,
      problem: 'is a list that OpenSSL does not take',
      consequence: 'its default is used',
    });
    return undefined;
  }
}

function isTrue(setting: string | undefined): boolean {
  const parsed = bool(setting ?? '');
  return parsed.ok && parsed.value;
}

function isTlsSpoken(place: Place): boolean {
  return ['HTTPS', 'GRPCS', 'AUTO_HTTP'].includes(place.text('backend-protocol')?.toUpperCase() ?? '');
}
