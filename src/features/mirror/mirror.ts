import { compileTemplate, parseTemplate } from '../../lib/variables/template.ts';
import type { UpstreamTlsPolicy } from '../../model/policy.ts';
import type { Copy } from '../kit/copier.ts';
import { defineFeature, type TranslateContext } from '../kit/feature.ts';
import type { Parsed } from '../kit/parsed.ts';
import { reportUnknownVariables } from '../kit/unknown-variables.ts';
import { parseAuthority, type UpstreamAddress } from '../kit/upstream-address.ts';
import { isRedirected } from '../kit/vain.ts';
import { onOff, plainText, serverish } from '../kit/values.ts';

export interface MirrorPolicy {
  readonly upstreamId: string;
  /** Name in the TLS hello; undefined: in the clear. */
  readonly tlsName?: string;
  /** Path and query, and Host, with variables. */
  readonly target: string;
  readonly host: string;
  readonly isBodySent: boolean;
}

interface MirrorUrl {
  readonly isTls: boolean;
  readonly address: Extract<UpstreamAddress, { kind: 'host' }>;
  readonly target: string;
}

const URL_PARTS = /^(https?):\/\/([^/?#$]*)([^#]*)$/i;

/** Sends a copy of each request elsewhere and forgets the answer (docs/reference/annotations.md §8). */
export const mirror = defineFeature({
  name: 'mirror',
  doc: 'Sends a copy of each request elsewhere. What is answered there, or whether anything is, touches nobody.',
  scope: 'route',
  stage: 'access',
  annotations: {
    'mirror-target': {
      parse: serverish,
      parseUnchecked: plainText,
      risk: 'high',
      onInvalid: 'default',
      doc: 'URL that gets the copies, with variables behind the host, such as `https://copy.test$request_uri`; a URL without path gets that of the request.',
      difference:
        'copies are bounded in number and size, and nobody waits for them; a URL without path gets that of the request',
    },
    'mirror-host': {
      parse: serverish,
      parseUnchecked: plainText,
      risk: 'high',
      onInvalid: 'default',
      doc: 'Host header of the copies; without it the host of the URL.',
    },
    'mirror-request-body': {
      parse: onOff,
      risk: 'low',
      onInvalid: 'default',
      fallback: true,
      doc: '`off`: copies have no body.',
    },
  },
  vain: [
    {
      of: ['mirror-host', 'mirror-request-body'],
      problem: 'counts only together with mirror-target',
      consequence: 'requests are not mirrored',
      holds: (_, place) => place.text('mirror-target') === undefined,
    },
    {
      of: ['mirror-target'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'requests are not mirrored',
      holds: (_, place) => isRedirected(place),
    },
  ],
  translate: (values, context): MirrorPolicy | undefined => {
    const text = values['mirror-target'];
    if (text === undefined || text === '') return undefined;
    const parsed = parseMirrorUrl(text);
    if (!parsed.ok) {
      report(context, text, parsed.problem, 'requests are not mirrored');
      return undefined;
    }
    const { isTls, address, target } = parsed.value;
    const named = context.upstream(address);
    if (named === undefined) return undefined;
    if (named.problem !== undefined)
      report(context, text, named.problem, 'copies go nowhere until it is there');
    const host = values['mirror-host'] || hostText(address.host);
    reportUnknownVariables(context, 'mirror-target', target);
    reportUnknownVariables(context, 'mirror-host', host);
    return {
      upstreamId: named.id,
      ...(isTls ? { tlsName: address.host } : {}),
      target,
      host,
      isBodySent: values['mirror-request-body'] ?? true,
    };
  },
  createFilter({ upstreamId, tlsName, target, host, isBodySent }, { copier, slot }) {
    const copies = copier({
      upstreamId,
      tls: tlsName === undefined ? undefined : tlsTo(tlsName),
      target: compileTemplate(target),
      host: compileTemplate(host),
      hasBody: isBodySent,
    });
    const taken = slot<Copy>();
    return {
      onRequest(request) {
        taken.set(request, copies.take(request));
        return undefined;
      },
      // Only what may come in gets here.
      onUpstreamRequest: (_, request) => taken.get(request)?.send(),
    };
  },
});

function parseMirrorUrl(text: string): Parsed<MirrorUrl> {
  const [, scheme, authority = '', rest = ''] = URL_PARTS.exec(text) ?? [];
  if (scheme === undefined) return { ok: false, problem: 'is no http or https URL' };
  const isTls = scheme.toLowerCase() === 'https';
  const parsed = parseAuthority(authority, isTls ? 'https' : 'http');
  if (!parsed.ok) return parsed;
  // `https://copy.test$host/` would be a host that is not known beforehand.
  const [first] = parseTemplate(rest);
  const isPath = rest.startsWith('/') || (first?.kind === 'variable' && first.name === 'request_uri');
  if (rest !== '' && !rest.startsWith('?') && !isPath) {
    return { ok: false, problem: 'has a variable in its host, which has to be known beforehand' };
  }
  const target = rest === '' ? '$request_uri' : rest.startsWith('?') ? `/${rest}` : rest;
  return { ok: true, value: { isTls, address: parsed.value, target } };
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Nothing is verified, as in nginx; an address is no name. */
function tlsTo(host: string): UpstreamTlsPolicy {
  const isName = !host.includes(':') && !/^[\d.]+$/.test(host);
  return {
    isVerified: false,
    verifyDepth: 1,
    ...(isName ? { serverName: host } : {}),
    isSniSent: isName,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
  };
}

function report(
  { findings, source }: TranslateContext,
  value: string,
  problem: string,
  consequence: string,
): void {
  findings.warn(source, 'InvalidAnnotation', {
    field: 'metadata.annotations[mirror-target]',
    value,
    problem,
    consequence,
  });
}
