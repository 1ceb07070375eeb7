import { createFindings, type Finding, type Findings } from '../../model/finding.ts';
import type { ListenerModel, StreamModel, UpstreamModel } from '../../model/model.ts';
import type { Listener } from '../../model/ports.ts';
import type { SourceRef } from '../../model/source.ts';
import { objectKey, type ConfigMapObject, type ServiceObject } from '../store/objects.ts';
import type { ClusterSnapshot, ObjectRef } from '../store/object-store.ts';
import { externalPort, findStreamPort, isExternalNameUsable } from './backends.ts';
import type { TranslateOptions } from './options.ts';
import { readStreamEntry, type StreamEntry } from './stream-entries.ts';

/** TCP and UDP services, as two ConfigMaps ask for them. */
export interface StreamServices {
  readonly listeners: readonly ListenerModel[];
  readonly streams: readonly StreamModel[];
  readonly upstreams: readonly UpstreamModel[];
  readonly findings: readonly Finding[];
}

/** Each is a socket in every worker, at every address. */
const MAX_PORTS = 1_000;

const NOT_SERVED = 'the port is not opened';

/** What asks for the ports of one protocol. */
interface Asking {
  readonly protocol: 'TCP' | 'UDP';
  readonly flag: string;
  readonly ref: ObjectRef | undefined;
}

/** Reads both ConfigMaps. An entry that cannot be served is a finding that names its key and value; the others are served. */
export function readStreamServices(
  snapshot: ClusterSnapshot,
  options: TranslateOptions,
  placesOf: (listener: Listener) => readonly ListenerModel[],
): StreamServices {
  const findings = createFindings();
  const listeners: ListenerModel[] = [];
  const streams: StreamModel[] = [];
  const upstreams = new Map<string, UpstreamModel>();
  const host = options.listeners[0]?.host ?? '::';
  const both: readonly Asking[] = [
    { protocol: 'TCP', flag: '--tcp-services-configmap', ref: options.tcpServices },
    { protocol: 'UDP', flag: '--udp-services-configmap', ref: options.udpServices },
  ];
  for (const { protocol, flag, ref } of both) {
    if (ref === undefined) continue;
    const configMap = snapshot.configMaps.get(objectKey(ref));
    const source = sourceOf(ref, configMap);
    if (configMap === undefined) {
      findings.warn(source, 'InvalidSetting', {
        field: flag,
        problem: 'does not exist',
        consequence: `there are no ${protocol} services`,
      });
      continue;
    }
    const kind = protocol === 'TCP' ? 'tcp' : 'udp';
    for (const entry of readEntries(configMap, protocol, source, options, findings)) {
      const at = { ...source, field: `data.${entry.key}` };
      const service = snapshot.services.get(`${entry.namespace}/${entry.service}`);
      if (!checkService(entry, service, protocol, options, at, findings)) continue;
      const upstream = toUpstream(entry, service, protocol, at);
      if (!upstreams.has(upstream.id)) upstreams.set(upstream.id, upstream);
      for (const place of placesOf({ kind, name: `${kind}-${entry.port}`, host, port: entry.port })) {
        listeners.push({ ...place, source: at });
        streams.push(toStream(kind, place.name, upstream.id, entry, at));
      }
    }
  }
  return { listeners, streams, upstreams: [...upstreams.values()], findings: findings.list() };
}

/** The entries whose ports can be had, by port. */
function readEntries(
  configMap: ConfigMapObject,
  protocol: 'TCP' | 'UDP',
  source: SourceRef,
  { reservedPorts }: TranslateOptions,
  findings: Findings,
): readonly StreamEntry[] {
  const entries = new Map<number, StreamEntry>();
  const tell = (key: string, value: string, problem: string, consequence: string) =>
    findings.warn(source, 'InvalidSetting', { field: `data.${key}`, value, problem, consequence });
  for (const key of [...configMap.data.keys()].toSorted(byKey)) {
    const value = configMap.data.get(key)!;
    const read = readStreamEntry(key, value, protocol);
    if (!read.ok) {
      tell(key, value, read.problem, NOT_SERVED);
      continue;
    }
    const { entry } = read;
    const owner = reservedPorts.find(({ port }) => port === entry.port);
    const first = entries.get(entry.port);
    if (owner !== undefined) {
      const problem = `asks for port ${entry.port}, which the controller keeps for itself (${owner.flag})`;
      tell(key, value, problem, NOT_SERVED);
    } else if (first !== undefined) {
      tell(key, value, `asks for port ${entry.port}, as data.${first.key} does`, 'this one is ignored');
    } else entries.set(entry.port, entry);
  }
  const sorted = [...entries.values()].toSorted((a, b) => a.port - b.port);
  const beyond = sorted[MAX_PORTS];
  if (beyond !== undefined) {
    const problem = `stands behind ${MAX_PORTS} ports, as ${sorted.length - MAX_PORTS} entries do`;
    tell(beyond.key, beyond.value, problem, 'these ports are not opened');
  }
  for (const { key, value, vain } of sorted)
    if (vain !== undefined) tell(key, value, vain, 'that part is ignored');
  return sorted.slice(0, MAX_PORTS);
}

/** Ports as they are usually written come first: `5432` before `05432`. */
function byKey(a: string, b: string): number {
  const isUsual = (key: string) => String(Number(key)) === key;
  if (isUsual(a) !== isUsual(b)) return isUsual(a) ? -1 : 1;
  return a < b ? -1 : 1;
}

/** Whether a Service can have the bytes; what is wrong with it is a finding. */
function checkService(
  entry: StreamEntry,
  service: ServiceObject | undefined,
  protocol: 'TCP' | 'UDP',
  { isExternalNameDisabled }: TranslateOptions,
  at: SourceRef,
  findings: Findings,
): service is ServiceObject {
  const { namespace, service: name, servicePort, value } = entry;
  if (service === undefined) {
    const problem = `names Service ${namespace}/${name}, which does not exist`;
    findings.warn(at, 'MissingService', { value, problem, consequence: NOT_SERVED });
    return false;
  }
  if (service.type === 'ExternalName') {
    if (isExternalNameDisabled) {
      const problem = 'names a Service of type ExternalName, which --disable-svc-external-name forbids';
      findings.warn(at, 'ExternalNameDisabled', { value, problem, consequence: NOT_SERVED });
      return false;
    }
    if (!isExternalNameUsable(service.externalName)) {
      const problem = `names Service ${namespace}/${name}, whose externalName is not a DNS name that may be resolved`;
      findings.warn(at, 'InvalidExternalName', { value, problem, consequence: NOT_SERVED });
      return false;
    }
  }
  const isKnown =
    service.type === 'ExternalName'
      ? externalPort(service, servicePort) !== undefined
      : findStreamPort(service, servicePort, protocol) !== undefined;
  if (isKnown) return true;
  const problem = `names a ${protocol} port that Service ${namespace}/${name} does not have`;
  findings.warn(at, 'UnknownPort', { value, problem, consequence: NOT_SERVED });
  return false;
}

function toUpstream(
  { namespace, service: name, servicePort: port }: StreamEntry,
  { type }: ServiceObject,
  protocol: 'TCP' | 'UDP',
  source: SourceRef,
): UpstreamModel {
  return {
    // No Ingress can make an id with a slash in this place.
    id: `${protocol.toLowerCase()}/${namespace}/${name}:${port}`,
    namespace,
    service: name,
    port,
    kind: type === 'ExternalName' ? 'external-name' : 'endpoints',
    streamProtocol: protocol,
    policies: {},
    source,
  };
}

function toStream(
  kind: 'tcp' | 'udp',
  listener: string,
  upstreamId: string,
  { isProxyProtocolRead, isProxyProtocolSent }: StreamEntry,
  source: SourceRef,
): StreamModel {
  return kind === 'udp'
    ? { kind, listener, upstreamId, source }
    : { kind, listener, upstreamId, isProxyProtocolRead, isProxyProtocolSent, source };
}

function sourceOf({ namespace, name }: ObjectRef, configMap: ConfigMapObject | undefined): SourceRef {
  const uid = configMap?.uid ?? '';
  return { kind: 'ConfigMap', namespace, name, ...(uid === '' ? {} : { uid }) };
}
