import { hash } from 'node:crypto';
import type { TlsName } from '../../model/ports.ts';
import type { RouteTable } from '../../table/table.ts';

/** The part of a table that certificates stand in. */
export type Certified = Pick<RouteTable, 'certificates' | 'tls'>;

/** The same with what is missing of its chains, PEM by id of the certificate. A completed one has another id, as all that is another has. */
export function completeChains(table: Certified, missing: ReadonlyMap<string, string>): Certified {
  const ids = new Map<string, string>();
  const certificates = table.certificates.map((entry) => {
    const rest = missing.get(entry.id);
    if (rest === undefined) return entry;
    const id = `${entry.id}-${hash('sha256', rest).slice(0, 16)}`;
    ids.set(entry.id, id);
    return { ...entry, id, certificate: `${entry.certificate}\n${rest}` };
  });
  if (ids.size === 0) return table;
  const names = table.tls.names.map((name): TlsName => {
    const id = name.kind === 'terminate' ? ids.get(name.certificateId) : undefined;
    return id === undefined || name.kind !== 'terminate' ? name : { ...name, certificateId: id };
  });
  const { defaultCertificateId: given } = table.tls;
  return {
    certificates: certificates.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)),
    tls: { names, defaultCertificateId: ids.get(given) ?? given },
  };
}
