import { parseGoBool } from '../../lib/nginx-values.ts';
import type { Model } from '../../model/model.ts';
import { objectKey, type IngressObject } from '../store/objects.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { AdmissionRefusal } from './refusals.ts';

/** What the host and path of an Ingress are held against. */
export interface OverlapInput {
  readonly ingress: IngressObject;
  /** The others that are served. */
  readonly others: readonly IngressObject[];
  /** All of them translated together, the Ingress included. */
  readonly model: Model;
  /** Of annotations, without slash. */
  readonly prefix: string;
}

/**
 * Hosts and paths that another Ingress serves, as ingress-nginx's checkOverlap finds them (docs/reference/routing.md §9): refused where both
 * are canaries, or where neither has the annotation `canary` at all. The type of a path does not count.
 */
export function findOverlaps(input: OverlapInput): readonly AdmissionRefusal[] {
  const { ingress, others, model, prefix } = input;
  const canaryOf = (one: IngressObject) => one.annotations.get(`${prefix}/canary`);
  const isCanary = (one: IngressObject) => parseGoBool(canaryOf(one)?.trim() ?? '') === true;
  const byKey = new Map(others.map((other) => [objectKey(other), other]));
  const found: AdmissionRefusal[] = [];
  for (const { host: written, paths } of ingress.rules) {
    const host = written === '' ? CATCH_ALL : written;
    const routes = model.hosts.find(({ name }) => name === host.toLowerCase())?.routes ?? [];
    for (const { path: writtenPath, backend } of paths) {
      if (backend.kind !== 'service') continue;
      const path = writtenPath === '' ? '/' : writtenPath;
      const owners = routes.filter((route) => route.path === path && !route.isImplicit);
      const existing = owners.flatMap(({ source }) => byKey.get(objectKey(source)) ?? []);
      const canaries = isCanary(ingress)
        ? others.filter((one) => isCanary(one) && names(one, host, path))
        : [];
      const rival = [...existing, ...canaries].find((other) =>
        isCanary(ingress)
          ? isCanary(other)
          : canaryOf(ingress) === undefined && canaryOf(other) === undefined,
      );
      if (rival === undefined) continue;
      const { namespace, name } = rival;
      found.push({
        message: `host "${host}" and path "${path}" is already defined in ingress ${namespace}/${name}`,
        key: `overlap ${host}${path}`,
      });
    }
  }
  return found;
}

function names(ingress: IngressObject, host: string, path: string): boolean {
  return ingress.rules.some(
    (rule) => (rule.host || CATCH_ALL) === host && rule.paths.some((one) => (one.path || '/') === path),
  );
}
