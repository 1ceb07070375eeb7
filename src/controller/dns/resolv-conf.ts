import { isIP } from 'node:net';

/** What resolv.conf says about asking for names. */
export interface ResolvConf {
  /** Addresses of name servers, as node:dns takes them. */
  readonly servers: readonly string[];
  /** Domains that are tried behind names of few dots, without final dot. */
  readonly search: readonly string[];
  /** Names with at least this many dots are first tried as they are. */
  readonly ndots: number;
  readonly timeoutMs: number;
  readonly attempts: number;
}

const NDOTS_MAX = 15;
const TIMEOUT_MAX_S = 30;
const ATTEMPTS_MAX = 5;

/** Reads resolv.conf text. What it does not say has the defaults of resolv.conf(5); what it says badly is passed over. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: readonly string[] = [];
  let ndots = 1;
  let timeoutS = 5;
  let attempts = 2;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') {
      const [address = ''] = values;
      // A scoped link-local address cannot be given to node:dns.
      if (isIP(address) !== 0 && !address.includes('%')) servers.push(address);
    } else if (keyword === 'search' || keyword === 'domain') {
      // The last of them counts.
      search = values.map((domain) => domain.replace(/\.$/, '')).filter((domain) => domain !== '');
    } else if (keyword === 'options') {
      for (const option of values) {
        const [name, raw = ''] = option.split(':');
        if (!/^\d{1,4}$/.test(raw)) continue;
        if (name === 'ndots') ndots = Math.min(Number(raw), NDOTS_MAX);
        else if (name === 'timeout') timeoutS = Math.min(Math.max(Number(raw), 1), TIMEOUT_MAX_S);
        else if (name === 'attempts') attempts = Math.min(Math.max(Number(raw), 1), ATTEMPTS_MAX);
      }
    }
  }
  // Without name servers the one on this machine is asked (resolv.conf(5)).
  if (servers.length === 0) servers.push('127.0.0.1');
  return { servers, search, ndots, timeoutMs: timeoutS * 1_000, attempts };
}

/** The absolute names to ask for, in order: with a final dot the name alone, else with the search list by ndots. */
export function candidatesOf(name: string, conf: Pick<ResolvConf, 'search' | 'ndots'>): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const dots = name.split('.').length - 1;
  const searched = conf.search.map((domain) => `${name}.${domain}`);
  return dots >= conf.ndots ? [name, ...searched] : [...searched, name];
}
