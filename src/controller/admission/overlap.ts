import { parseGoBool } from '../../lib/nginx-values.ts';
import type { Model, RouteModel } from '../../model/model.ts';
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
  const isOneOfCanaries = isCanary(ingress);
  const byKey = new Map(others.map((other) => [objectKey(other), other]));
  const canariesAt = isOneOfCanaries ? groupByPlace(others.filter(isCanary)) : undefined;
  const routesByHost = new Map<string, ReadonlyMap<string, readonly RouteModel[]>>();
  const routesOf = (host: string) => {
    let routes = routesByHost.get(host);
    if (routes === undefined) {
      const written = model.hosts.find(({ name }) => name === host)?.routes.filter((one) => !one.isImplicit);
      routesByHost.set(host, (routes = Map.groupBy(written ?? [], ({ path }) => path)));
    }
    return routes;
  };
  const isRival = (other: IngressObject) =>
    isOneOfCanaries ? isCanary(other) : canaryOf(ingress) === undefined && canaryOf(other) === undefined;
  const found: AdmissionRefusal[] = [];

  for (const { host: written, paths } of ingress.rules) {
    const host = written === '' ? CATCH_ALL : written;
    const routes = routesOf(host.toLowerCase());
    for (const { path: writtenPath, backend } of paths) {
      if (backend.kind !== 'service') continue;
      const path = writtenPath === '' ? '/' : writtenPath;
      const owners = routes.get(path) ?? [];
      const existing = owners.flatMap(({ source }) => byKey.get(objectKey(source)) ?? []);
      const rival = existing.find(isRival) ?? canariesAt?.get(placeOf(host, path))?.[0];
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

function groupByPlace(ingresses: readonly IngressObject[]): ReadonlyMap<string, readonly IngressObject[]> {
  const groups = new Map<string, IngressObject[]>();
  for (const ingress of ingresses)
    for (const { host, paths } of ingress.rules)
      for (const { path } of paths) {
        const place = placeOf(host || CATCH_ALL, path || '/');
        const group = groups.get(place);
        if (group === undefined) groups.set(place, [ingress]);
        else group.push(ingress);
      }
  return groups;
}

/** No host has a space. */
function placeOf(host: string, path: string): string {
  return `${host} ${path}`;
}
