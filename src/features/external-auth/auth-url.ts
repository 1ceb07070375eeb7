import { parseTemplate } from '../../lib/variables/template.ts';
import type { TranslateContext } from '../kit/feature.ts';
import type { Parsed } from '../kit/parsed.ts';
import { parseAuthority, type UpstreamAddress } from '../kit/upstream-address.ts';

/** An auth-url, taken apart. */
export interface AuthUrl {
  readonly scheme: 'http' | 'https';
  /** Template of the host, without port. */
  readonly host: string;
  /** Template of path and query. */
  readonly target: string;
  /** Whom to ask, by host of a rule; for all of them under `*`. */
  readonly addresses: ReadonlyMap<string, HostAddress>;
  /** Hosts of rules that are no one name, where the host of the request is in the URL: they have no address. */
  readonly unnamed: readonly string[];
}

type HostAddress = Extract<UpstreamAddress, { kind: 'host' }>;

export const ANY_HOST = '*';

/** Variables that stand for the host that was asked for: what they give is known beforehand, as hosts have names. */
const HOST_VARIABLES: ReadonlySet<string> = new Set(['host', 'http_host', 'best_http_host', 'server_name']);

const URL_PARTS = /^(https?):\/\/([^/?#]*)([^#]*)$/i;

/** Takes a URL apart and finds the addresses that its host can stand for. */
export function parseAuthUrl(
  text: string,
  { namespace, source, hosts }: Pick<TranslateContext, 'namespace' | 'source' | 'hosts'>,
): Parsed<AuthUrl> {
  const [, schemeText, authority = '', rest = ''] = URL_PARTS.exec(text) ?? [];
  if (schemeText === undefined) return refuse('is no http or https URL');
  if (/\s/.test(text)) return refuse('has a space in it');
  if (authority.includes('..')) return refuse(`has "${authority}" where a host should be`);
  const scheme = schemeText.toLowerCase() === 'https' ? 'https' : 'http';
  const constants = new Map([
    ['namespace', namespace],
    ['ingress_name', source.name],
  ]);
  let template = '';
  let hasHostVariable = false;
  for (const part of parseTemplate(authority)) {
    if (part.kind === 'text') template += part.text;
    else if (part.kind === 'capture') return refuse('has a capture of the path in its host');
    else if (constants.has(part.name)) template += constants.get(part.name);
    else if (HOST_VARIABLES.has(part.name)) {
      template += '$host';
      hasHostVariable = true;
    } else return refuse(`has the variable $${part.name} in its host, which has to be known beforehand`);
  }
  const addresses = new Map<string, HostAddress>();
  const named = hosts.filter((host) => host !== '_' && !host.startsWith('*'));
  for (const host of hasHostVariable ? named : [ANY_HOST]) {
    const parsed = parseAuthority(
      template.replaceAll('$host', () => host),
      scheme,
    );
    if (!parsed.ok) return parsed;
    addresses.set(host, parsed.value);
  }
  const target = rest === '' || rest.startsWith('?') ? `/${rest}` : rest;
  const unnamed = hasHostVariable ? hosts.filter((host) => !named.includes(host)) : [];
  return { ok: true, value: { scheme, host: template.replace(/:\d*$/, ''), target, addresses, unnamed } };
}

function refuse(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
