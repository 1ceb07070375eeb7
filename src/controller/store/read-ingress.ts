import { interned } from '../../lib/interned.ts';
import type {
  IngressBackend,
  IngressObject,
  IngressPath,
  IngressRule,
  IngressTls,
  LoadBalancerAddress,
} from './objects.ts';
import { readObjectWith, specOf, type ReadOptions, type ReadResult } from './read-meta.ts';
import {
  isPortNumber,
  isRecord,
  readList,
  readRecord,
  readString,
  readStrings,
  readTexts,
  report,
  valueOf,
  withoutRoom,
  type RawRecord,
  type Reading,
} from './read-values.ts';

const NOT_SERVED = 'the path is not served';

/** Reads a networking.k8s.io/v1 Ingress from JSON. Never throws. */
export function readIngress(raw: unknown, options?: ReadOptions): ReadResult<IngressObject> {
  return readObjectWith(raw, true, options, (start) => {
    const spec = specOf(start);
    const className = valueOf(spec, 'ingressClassName');
    const defaultBackend = valueOf(spec, 'defaultBackend');
    const status = readRecord(start, valueOf(start.raw, 'status'), 'status', 'it is ignored');
    const annotations = readTexts(start, valueOf(start.metadata, 'annotations'), 'metadata.annotations');
    return {
      kind: 'Ingress',
      ...start.meta,
      annotations: withoutBookkeeping(annotations),
      className:
        className === undefined || className === null
          ? undefined
          : readString(start, className, 'spec.ingressClassName', 'no class is matched by it'),
      defaultBackend:
        defaultBackend === undefined || defaultBackend === null
          ? undefined
          : readBackend(start, defaultBackend, 'spec.defaultBackend', 'there is no default backend'),
      rules: readRules(start, valueOf(spec, 'rules')),
      tls: readTls(start, valueOf(spec, 'tls')),
      status: readAddresses(valueOf(status, 'loadBalancer')),
      problems: start.problems,
    };
  });
}

/** Addresses of a status.loadBalancer; what has another shape is passed over, since status is not written by users. */
export function readAddresses(rawLoadBalancer: unknown): readonly LoadBalancerAddress[] {
  const raw = isRecord(rawLoadBalancer) ? valueOf(rawLoadBalancer, 'ingress') : undefined;
  if (!Array.isArray(raw)) return [];
  return raw.filter(isRecord).map((address) => {
    const ip = valueOf(address, 'ip');
    const hostname = valueOf(address, 'hostname');
    return {
      ...(typeof ip === 'string' ? { ip } : {}),
      ...(typeof hostname === 'string' ? { hostname } : {}),
    };
  });
}

/** kubectl's copy of the whole object changes with every apply and means nothing here. */
function withoutBookkeeping(annotations: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const key = 'kubectl.kubernetes.io/last-applied-configuration';
  if (!annotations.has(key)) return annotations;
  return new Map([...annotations].filter(([name]) => name !== key));
}

function readRules(reading: Reading, raw: unknown): readonly IngressRule[] {
  const rules: IngressRule[] = [];
  for (const [index, item] of readList(reading, raw, 'spec.rules', 'no rule is served').entries()) {
    const field = interned(`spec.rules[${index}]`);
    const consequence = 'the rule is not served';
    if (!isRecord(item)) {
      report(reading, field, item, 'is not an object', consequence);
      continue;
    }
    const host = valueOf(item, 'host') ?? '';
    if (typeof host !== 'string') {
      report(reading, `${field}.host`, host, 'is not a string', consequence);
      continue;
    }
    const http = readRecord(reading, valueOf(item, 'http'), `${field}.http`, 'the rule has no paths');
    const paths: IngressPath[] = [];
    const rawPaths = readList(
      reading,
      valueOf(http, 'paths'),
      `${field}.http.paths`,
      'the rule has no paths',
    );
    for (const [pathIndex, rawPath] of rawPaths.entries()) {
      const path = readPath(reading, rawPath, interned(`${field}.http.paths[${pathIndex}]`));
      if (path !== undefined) paths.push(path);
    }
    rules.push({ host, paths: withoutRoom(paths), field });
  }
  return withoutRoom(rules);
}

function readPath(reading: Reading, raw: unknown, field: string): IngressPath | undefined {
  if (!isRecord(raw)) {
    report(reading, field, raw, 'is not an object', NOT_SERVED);
    return undefined;
  }
  const path = valueOf(raw, 'path') ?? '';
  if (typeof path !== 'string') {
    report(reading, `${field}.path`, path, 'is not a string', NOT_SERVED);
    return undefined;
  }
  const pathType = valueOf(raw, 'pathType') ?? 'ImplementationSpecific';
  if (pathType !== 'Exact' && pathType !== 'Prefix' && pathType !== 'ImplementationSpecific') {
    const problem = 'is not Exact, Prefix or ImplementationSpecific';
    report(reading, `${field}.pathType`, pathType, problem, NOT_SERVED);
    return undefined;
  }
  const backend = readBackend(reading, valueOf(raw, 'backend'), interned(`${field}.backend`), NOT_SERVED);
  return backend && { path, pathType, backend, field };
}

function readBackend(
  reading: Reading,
  raw: unknown,
  field: string,
  consequence: string,
): IngressBackend | undefined {
  if (!isRecord(raw)) {
    report(reading, field, raw, raw === undefined ? 'is missing' : 'is not an object', consequence);
    return undefined;
  }
  const service = valueOf(raw, 'service');
  const resource = valueOf(raw, 'resource');
  if (isRecord(service)) {
    const name = valueOf(service, 'name');
    if (typeof name !== 'string' || name === '') {
      report(reading, `${field}.service.name`, name, 'is not the name of a Service', consequence);
      return undefined;
    }
    return { kind: 'service', service: name, port: readBackendPort(reading, service, field), field };
  }
  if (service !== undefined && service !== null) {
    report(reading, `${field}.service`, service, 'is not an object', consequence);
    return undefined;
  }
  if (isRecord(resource)) {
    const kind = valueOf(resource, 'kind');
    const name = valueOf(resource, 'name');
    return { kind: 'resource', resource: `${String(kind)} ${String(name)}`, field };
  }
  report(reading, field, raw, 'names neither a service nor a resource', consequence);
  return undefined;
}

/** Text of the port. An unusable one is empty, so that the path answers 503 and does not fall to a shorter path's backend. */
function readBackendPort(reading: Reading, service: RawRecord, field: string): string {
  const consequence = 'it has no endpoints and answers 503';
  const at = `${field}.service.port`;
  const port = readRecord(reading, valueOf(service, 'port'), at, consequence);
  const name = valueOf(port, 'name');
  const number = valueOf(port, 'number');
  if (typeof name === 'string' && name !== '') return name;
  if (name !== undefined && name !== null && name !== '') {
    report(reading, `${at}.name`, name, 'is not a string', consequence);
    return '';
  }
  if (isPortNumber(number)) return String(number);
  if (number === undefined || number === null) {
    if (isRecord(valueOf(service, 'port')) || valueOf(service, 'port') === undefined) {
      report(reading, at, undefined, 'has neither number nor name', consequence);
    }
  } else report(reading, `${at}.number`, number, 'is not a port number', consequence);
  return '';
}

function readTls(reading: Reading, raw: unknown): readonly IngressTls[] {
  const items: IngressTls[] = [];
  const consequence = 'it names no certificate';
  for (const [index, item] of readList(reading, raw, 'spec.tls', 'the host has no TLS').entries()) {
    const field = `spec.tls[${index}]`;
    const record = readRecord(reading, item, field, consequence);
    items.push({
      hosts: readStrings(reading, valueOf(record, 'hosts'), `${field}.hosts`, 'it covers no host by name'),
      secretName: readString(reading, valueOf(record, 'secretName'), `${field}.secretName`, consequence),
      field,
    });
  }
  return items;
}
