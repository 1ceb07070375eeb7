import type { IngressObject } from '../store/objects.ts';

/** Why an Ingress is not taken in. */
export interface Refusal {
  readonly field: string;
  readonly value: string;
  readonly problem: string;
}

/** Directives that count only with a semicolon anywhere behind them. */
const DIRECTIVES = ['alias', 'root'];
const SUSPICIOUS = [
  '/etc/passwd',
  '/etc/shadow',
  '/etc/group',
  '/etc/nginx',
  '/etc/ingress-controller',
  '/var/run/secrets',
  '_by_lua',
];

/** Finds text in hosts, paths and Secret names that looks like injected configuration (docs/reference/routing.md §1.2); undefined: none. */
export function inspectIngress(ingress: IngressObject): Refusal | undefined {
  for (const rule of ingress.rules) {
    const refusal = inspectText(`${rule.field}.host`, rule.host);
    if (refusal !== undefined) return refusal;
    for (const { path, field } of rule.paths) {
      const refusalOfPath = inspectText(`${field}.path`, path);
      if (refusalOfPath !== undefined) return refusalOfPath;
    }
  }
  for (const { hosts, secretName, field } of ingress.tls) {
    const refusal = inspectText(`${field}.secretName`, secretName);
    if (refusal !== undefined) return refusal;
    for (const [index, host] of hosts.entries()) {
      const refusalOfHost = inspectText(`${field}.hosts[${index}]`, host);
      if (refusalOfHost !== undefined) return refusalOfHost;
    }
  }
  return undefined;
}

function inspectText(field: string, value: string): Refusal | undefined {
  return isSuspicious(value) ? { field, value, problem: 'looks like injected configuration' } : undefined;
}

/** Looks for plain texts only: the value can be as long as its author likes. */
function isSuspicious(value: string): boolean {
  const end = value.lastIndexOf(';');
  for (const directive of DIRECTIVES) {
    const start = value.indexOf(directive);
    if (start >= 0 && end >= start + directive.length) return true;
  }
  return SUSPICIOUS.some((text) => value.includes(text));
}
