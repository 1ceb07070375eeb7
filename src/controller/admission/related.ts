import { splitList } from '../../lib/nginx-values.ts';
import type { IngressObject } from '../store/objects.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';

/**
 * The Ingresses that can have a say in what becomes of `ingress`: those of its hosts and aliases, and those that name one of its
 * Services. Translating these with it finds what a translation of all would.
 */
export function findRelated(
  ingress: IngressObject,
  all: readonly IngressObject[],
  prefix: string,
): readonly IngressObject[] {
  const names = namesOf(ingress, prefix);
  const services = servicesOf(ingress);
  return all.filter((other) => {
    if (other.namespace === ingress.namespace) {
      if (other.name === ingress.name) return false;
      if (!services.isDisjointFrom(servicesOf(other))) return true;
    }
    return !names.isDisjointFrom(namesOf(other, prefix));
  });
}

/** Hosts and aliases, as the table names them. */
function namesOf({ rules, annotations, defaultBackend }: IngressObject, prefix: string): Set<string> {
  const names = new Set(rules.map(({ host }) => (host === '' ? CATCH_ALL : host.toLowerCase())));
  if (defaultBackend !== undefined) names.add(CATCH_ALL);
  const aliases = annotations.get(`${prefix}/server-alias`);
  if (aliases !== undefined) for (const alias of splitList(aliases)) names.add(alias.toLowerCase());
  return names;
}

function servicesOf({ rules, defaultBackend }: IngressObject): Set<string> {
  const services = new Set<string>();
  if (defaultBackend?.kind === 'service') services.add(defaultBackend.service);
  for (const { paths } of rules)
    for (const { backend } of paths) if (backend.kind === 'service') services.add(backend.service);
  return services;
}
