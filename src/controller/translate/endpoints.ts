import { isIP } from 'node:net';
import type { UpstreamModel } from '../../model/model.ts';
import type { EndpointEntry } from '../../table/table.ts';
import type {
  EndpointPort,
  EndpointSliceObject,
  ServiceObject,
  ServicePort,
  SliceEndpoint,
} from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import {
  externalPort,
  findServicePort,
  findStreamPort,
  hasClusterIp,
  isExternalNameUsable,
} from './backends.ts';

/** Addresses of an external name as known now; empty while unresolved. */
export type NameLookup = (name: string) => readonly string[];

/**
 * `zone`: where the controller runs; without one the hints of zones do not count.
 *
 * The endpoints of an upstream now, in a stable order (docs/reference/routing.md §10). A missing Service, an unknown port, and a Service
 * without ready endpoints all give none.
 */
export function resolveEndpoints(
  snapshot: ClusterSnapshot,
  upstream: Pick<UpstreamModel, 'namespace' | 'service' | 'host' | 'port' | 'kind' | 'streamProtocol'>,
  lookUpName: NameLookup,
  zone?: string,
): readonly EndpointEntry[] {
  if (upstream.kind === 'host') return hostEndpoints(upstream.host ?? '', upstream.port, lookUpName);
  const key = `${upstream.namespace}/${upstream.service}`;
  const service = snapshot.services.get(key);
  if (service === undefined) return [];
  if (service.type === 'ExternalName') {
    return upstream.kind === 'external-name' ? externalEndpoints(service, upstream.port, lookUpName) : [];
  }
  const { streamProtocol } = upstream;
  const port =
    streamProtocol === undefined
      ? findServicePort(service, upstream.port)
      : findStreamPort(service, upstream.port, streamProtocol);
  if (upstream.kind === 'cluster-ip' && hasClusterIp(service)) {
    const number = port?.port ?? toPort(upstream.port);
    return number === undefined ? [] : collect([[service.clusterIp, number]]);
  }
  if (upstream.kind === 'pods') return collect(addressesOfPods(snapshot, key, toPort(upstream.port)));
  if (port === undefined) return [];
  const slices = snapshot.slicesByService.get(key);
  if (slices === undefined) return collect(addressesOfEndpoints(snapshot, key, port));
  const topology = zone === undefined ? 'all' : service.topology;
  return collect(addressesOfSlices(slices, port, (slice) => endpointsFor(slice, topology, zone!)));
}

type AddressPort = readonly [address: string, port: number];

function* addressesOfSlices(
  slices: NonNullable<ReturnType<ClusterSnapshot['slicesByService']['get']>>,
  port: ServicePort,
  endpointsOf: (slice: EndpointSliceObject) => readonly SliceEndpoint[],
): Generator<AddressPort> {
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const numbers = matchPorts(slice.ports, port);
    for (const { addresses, isReady } of endpointsOf(slice)) {
      // A terminating Pod has ready=false, or is kept by publishNotReadyAddresses on purpose.
      if (!isReady) continue;
      for (const address of addresses) for (const number of numbers) yield [address, number];
    }
  }
}

/** Those of a slice that are meant for a zone; all of them where a hint is missing (docs/reference/routing.md §10). */
function endpointsFor(
  { endpoints }: EndpointSliceObject,
  topology: ServiceObject['topology'],
  zone: string,
): readonly SliceEndpoint[] {
  if (topology === 'all' || endpoints.some(({ zones }) => zones.length === 0)) return endpoints;
  const near = endpoints.filter(({ zones }) => zones.includes(zone));
  return near.length === 0 && topology === 'close' ? endpoints : near;
}

/** Plain Endpoints objects, for a Service without slices. */
function* addressesOfEndpoints(
  snapshot: ClusterSnapshot,
  key: string,
  port: ServicePort,
): Generator<AddressPort> {
  for (const subset of snapshot.endpoints.get(key)?.subsets ?? []) {
    const numbers = matchPorts(subset.ports, port);
    for (const address of subset.addresses) for (const number of numbers) yield [address, number];
  }
}

/** Ports by name; else the only port of an unnamed one; else a numeric targetPort. Of the port's protocol only. */
function matchPorts(ports: readonly EndpointPort[], port: ServicePort): readonly number[] {
  const usable = ports.filter(
    (candidate) => candidate.protocol === port.protocol && candidate.port !== undefined,
  );
  const named = usable.filter((candidate) => candidate.name === port.name);
  const matched = named.length === 0 && port.name === '' && usable.length === 1 ? usable : named;
  if (matched.length > 0) return matched.map((candidate) => candidate.port!);
  // Ports that are there but of another protocol have nothing for us (a name shared by TCP and UDP).
  if (ports.length > 0 && usable.length === 0) return [];
  const number = toPort(port.targetPort);
  return number === undefined ? [] : [number];
}

function toPort(text: string): number | undefined {
  const number = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 65_535 ? number : undefined;
}

function* addressesOfPods(
  snapshot: ClusterSnapshot,
  key: string,
  port: number | undefined,
): Generator<AddressPort> {
  if (port === undefined) return;
  const slices = snapshot.slicesByService.get(key);
  for (const { addressType, endpoints } of slices ?? []) {
    if (addressType === 'FQDN') continue;
    for (const { addresses, isReady } of endpoints)
      if (isReady) for (const address of addresses) yield [address, port];
  }
  if (slices !== undefined) return;
  for (const { addresses } of snapshot.endpoints.get(key)?.subsets ?? [])
    for (const address of addresses) yield [address, port];
}

function hostEndpoints(host: string, port: string, lookUpName: NameLookup): readonly EndpointEntry[] {
  const number = Number(port);
  if (isIP(host) !== 0) return collect([[host, number]]);
  if (!isExternalNameUsable(host)) return [];
  return collect(lookUpName(host).map((address): AddressPort => [address, number]));
}

function externalEndpoints(
  service: ServiceObject,
  port: string,
  lookUpName: NameLookup,
): readonly EndpointEntry[] {
  const number = externalPort(service, port);
  if (number === undefined || !isExternalNameUsable(service.externalName)) return [];
  return collect(lookUpName(service.externalName).map((address): AddressPort => [address, number]));
}

/** Each address and port once, sorted, so that equal sets are equal lists. */
function collect(addresses: Iterable<AddressPort>): readonly EndpointEntry[] {
  const entries = new Map<string, EndpointEntry>();
  for (const [address, port] of addresses) {
    if (isIP(address) === 0) continue;
    entries.set(`${address} ${port}`, { address, port, weight: 1, isReady: true });
  }
  if (entries.size < 2) return [...entries.values()];
  return [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}
