import { redactBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';
import type {
  ConfigMapObject,
  EndpointPort,
  EndpointSliceObject,
  EndpointsObject,
  EndpointSubset,
  IngressClassObject,
  Kind,
  NamespaceObject,
  ObjectOfKind,
  SecretObject,
  ServiceObject,
  ServicePort,
  SliceEndpoint,
} from './objects.ts';
import { readAddresses, readIngress } from './read-ingress.ts';
import { readObjectWith, specOf, type ReadOptions, type ReadResult } from './read-meta.ts';
import {
  isPortNumber,
  isRecord,
  readBoolean,
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

const SERVICE_TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const;
const BASE64 = /^[A-Za-z0-9+/\s]*(?:={1,2}\s*)?$/;

function readIngressClass(raw: unknown, options?: ReadOptions): ReadResult<IngressClassObject> {
  return readObjectWith(raw, false, options, (start) => {
    const controller = valueOf(specOf(start), 'controller');
    const annotations = readTexts(start, valueOf(start.metadata, 'annotations'), 'metadata.annotations');
    return {
      kind: 'IngressClass',
      ...start.meta,
      controller: readString(start, controller, 'spec.controller', 'the class belongs to no controller'),
      isDefault: annotations.get('ingressclass.kubernetes.io/is-default-class') === 'true',
      problems: start.problems,
    };
  });
}

function readService(raw: unknown, options?: ReadOptions): ReadResult<ServiceObject> {
  return readObjectWith(raw, true, options, (start) => {
    const spec = specOf(start);
    const rawType = valueOf(spec, 'type') ?? 'ClusterIP';
    const type = SERVICE_TYPES.find((name) => name === rawType);
    if (type === undefined) {
      report(start, 'spec.type', rawType, 'is not a type of Service', 'it counts as ClusterIP');
    }
    const status = readRecord(start, valueOf(start.raw, 'status'), 'status', 'it is ignored');
    const noAddress = 'it counts as absent';
    return {
      kind: 'Service',
      ...start.meta,
      type: type ?? 'ClusterIP',
      clusterIp: readString(start, valueOf(spec, 'clusterIP'), 'spec.clusterIP', noAddress),
      externalName: readString(start, valueOf(spec, 'externalName'), 'spec.externalName', noAddress),
      ports: readServicePorts(start, valueOf(spec, 'ports')),
      externalIps: readStrings(start, valueOf(spec, 'externalIPs'), 'spec.externalIPs', noAddress),
      loadBalancer: readAddresses(valueOf(status, 'loadBalancer')),
      topology: topologyOf(
        readTexts(start, valueOf(start.metadata, 'annotations'), 'metadata.annotations'),
        spec,
      ),
      problems: start.problems,
    };
  });
}

/** Two names of one thing; the API server has both. */
const CLOSE: readonly unknown[] = ['PreferClose', 'PreferSameZone'];

function topologyOf(
  annotations: ReadonlyMap<string, string>,
  spec: Readonly<Record<string, unknown>>,
): ServiceObject['topology'] {
  if (annotations.get('service.kubernetes.io/topology-mode')?.toLowerCase() === 'auto') return 'by-hints';
  return CLOSE.includes(valueOf(spec, 'trafficDistribution')) ? 'close' : 'all';
}

function readServicePorts(reading: Reading, raw: unknown): readonly ServicePort[] {
  const ports: ServicePort[] = [];
  const consequence = 'the port is ignored';
  for (const [index, item] of readList(reading, raw, 'spec.ports', 'the Service has no ports').entries()) {
    const field = `spec.ports[${index}]`;
    const record = readRecord(reading, item, field, consequence);
    const port = valueOf(record, 'port');
    if (!isPortNumber(port)) {
      if (isRecord(item)) report(reading, `${field}.port`, port, 'is not a port number', consequence);
      continue;
    }
    const target = valueOf(record, 'targetPort') ?? port;
    const isTargetUsable = isPortNumber(target) || (typeof target === 'string' && target !== '');
    if (!isTargetUsable && target !== '' && target !== 0) {
      const problem = 'is neither a port number nor a name';
      report(reading, `${field}.targetPort`, target, problem, 'the number of the port is used');
    }
    ports.push({
      ...readNameAndProtocol(reading, record, field),
      port,
      targetPort: String(isTargetUsable ? target : port),
    });
  }
  return withoutRoom(ports);
}

function readEndpointPorts(reading: Reading, raw: unknown, at: string): readonly EndpointPort[] {
  const ports: EndpointPort[] = [];
  const consequence = 'the port is ignored';
  for (const [index, item] of readList(reading, raw, at, 'there are no ports').entries()) {
    const field = `${at}[${index}]`;
    const record = readRecord(reading, item, field, consequence);
    const port = valueOf(record, 'port') ?? undefined;
    if (port !== undefined && !isPortNumber(port)) {
      report(reading, `${field}.port`, port, 'is not a port number', consequence);
      continue;
    }
    ports.push({ ...readNameAndProtocol(reading, record, field), port });
  }
  return withoutRoom(ports);
}

function readNameAndProtocol(reading: Reading, record: RawRecord, field: string) {
  return {
    name: readString(reading, valueOf(record, 'name'), `${field}.name`, 'the port counts as unnamed'),
    protocol: readString(
      reading,
      valueOf(record, 'protocol'),
      `${field}.protocol`,
      'it counts as TCP',
      'TCP',
    ),
  };
}

const NO_ZONES: readonly string[] = [];

function readZones(reading: Reading, raw: unknown, at: string): readonly string[] {
  if (raw === undefined || raw === null) return NO_ZONES;
  const consequence = 'the hint does not count';
  const hints = readRecord(reading, raw, at, consequence);
  const zones: string[] = [];
  for (const [index, item] of readList(
    reading,
    valueOf(hints, 'forZones'),
    `${at}.forZones`,
    consequence,
  ).entries()) {
    const field = `${at}.forZones[${index}]`;
    const name = valueOf(readRecord(reading, item, field, consequence), 'name');
    zones.push(readString(reading, name, `${field}.name`, consequence));
  }
  return withoutRoom(zones);
}

function readEndpointSlice(raw: unknown, options?: ReadOptions): ReadResult<EndpointSliceObject> {
  return readObjectWith(raw, true, options, (start) => {
    const labels = readTexts(start, valueOf(start.metadata, 'labels'), 'metadata.labels');
    const endpoints: SliceEndpoint[] = [];
    const rawEndpoints = readList(start, valueOf(start.raw, 'endpoints'), 'endpoints', 'there are none');
    for (const [index, item] of rawEndpoints.entries()) {
      const field = `endpoints[${index}]`;
      const consequence = 'the endpoint is not used';
      const record = readRecord(start, item, field, consequence);
      const at = `${field}.conditions`;
      const conditions = readRecord(start, valueOf(record, 'conditions'), at, 'the endpoint counts as ready');
      const counts = 'it counts as absent';
      endpoints.push({
        addresses: readStrings(start, valueOf(record, 'addresses'), `${field}.addresses`, consequence),
        isReady: readBoolean(start, valueOf(conditions, 'ready'), `${at}.ready`, counts, true),
        isTerminating: readBoolean(
          start,
          valueOf(conditions, 'terminating'),
          `${at}.terminating`,
          counts,
          false,
        ),
        zones: readZones(start, valueOf(record, 'hints'), `${field}.hints`),
      });
    }
    return {
      kind: 'EndpointSlice',
      ...start.meta,
      service: labels.get('kubernetes.io/service-name') ?? '',
      addressType: readString(start, valueOf(start.raw, 'addressType'), 'addressType', 'it is ignored'),
      ports: readEndpointPorts(start, valueOf(start.raw, 'ports'), 'ports'),
      endpoints: withoutRoom(endpoints),
      problems: start.problems,
    };
  });
}

function readEndpoints(raw: unknown, options?: ReadOptions): ReadResult<EndpointsObject> {
  return readObjectWith(raw, true, options, (start) => {
    const subsets: EndpointSubset[] = [];
    const rawSubsets = readList(start, valueOf(start.raw, 'subsets'), 'subsets', 'there are no endpoints');
    for (const [index, item] of rawSubsets.entries()) {
      const field = `subsets[${index}]`;
      const consequence = 'the address is not used';
      const record = readRecord(start, item, field, 'its addresses are not used');
      const addresses: string[] = [];
      const at = `${field}.addresses`;
      for (const [place, address] of readList(
        start,
        valueOf(record, 'addresses'),
        at,
        consequence,
      ).entries()) {
        const ip = isRecord(address) ? valueOf(address, 'ip') : undefined;
        if (typeof ip === 'string') addresses.push(ip);
        else report(start, `${at}[${place}].ip`, ip, 'is not an address', consequence);
      }
      subsets.push({
        addresses,
        ports: readEndpointPorts(start, valueOf(record, 'ports'), `${field}.ports`),
      });
    }
    return { kind: 'Endpoints', ...start.meta, subsets, problems: start.problems };
  });
}

function readSecret(raw: unknown, options?: ReadOptions): ReadResult<SecretObject> {
  return readObjectWith(raw, true, options, (start) => {
    const data = new Map<string, RedactedBytes>();
    const consequence = 'the key counts as absent';
    // Problems of a Secret never carry the value.
    const refuse = (field: string, problem: string) => report(start, field, undefined, problem, consequence);
    for (const part of ['data', 'stringData']) {
      const record = valueOf(start.raw, part) ?? {};
      if (!isRecord(record)) {
        refuse(part, 'is not an object');
        continue;
      }
      for (const [key, value] of Object.entries(record)) {
        const field = `${part}[${key}]`;
        if (typeof value !== 'string') refuse(field, 'is not a string');
        else if (part === 'stringData') data.set(key, redactBytes(Buffer.from(value, 'utf8')));
        else if (!BASE64.test(value)) refuse(field, 'is not base64');
        else data.set(key, redactBytes(Buffer.from(value, 'base64')));
      }
    }
    const type = readString(start, valueOf(start.raw, 'type'), 'type', 'it is ignored', 'Opaque');
    return { kind: 'Secret', ...start.meta, type, data, problems: start.problems };
  });
}

function readConfigMap(raw: unknown, options?: ReadOptions): ReadResult<ConfigMapObject> {
  return readObjectWith(raw, true, options, (start) => ({
    kind: 'ConfigMap',
    ...start.meta,
    data: readTexts(start, valueOf(start.raw, 'data'), 'data'),
    problems: start.problems,
  }));
}

function readNamespace(raw: unknown, options?: ReadOptions): ReadResult<NamespaceObject> {
  return readObjectWith(raw, false, options, (start) => ({
    kind: 'Namespace',
    ...start.meta,
    labels: readTexts(start, valueOf(start.metadata, 'labels'), 'metadata.labels'),
    problems: start.problems,
  }));
}

const READERS: {
  readonly [K in Kind]: (raw: unknown, options?: ReadOptions) => ReadResult<ObjectOfKind[K]>;
} = {
  Ingress: readIngress,
  IngressClass: readIngressClass,
  Service: readService,
  EndpointSlice: readEndpointSlice,
  Endpoints: readEndpoints,
  Secret: readSecret,
  ConfigMap: readConfigMap,
  Namespace: readNamespace,
};

/** Reads an object of a kind from JSON as the API or a manifest has it. Wrong types become problems. Never throws. */
export function readObject<K extends Kind>(
  kind: K,
  raw: unknown,
  options?: ReadOptions,
): ReadResult<ObjectOfKind[K]> {
  return READERS[kind](raw, options);
}
