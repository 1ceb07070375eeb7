import { isIP } from 'node:net';
import type { Feature } from '../../features/kit/feature.ts';
import { idOfAddress, serviceOfHost, type UpstreamAddress } from '../../features/kit/upstream-address.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import type { SourceRef } from '../../model/source.ts';
import type { ServiceObject } from '../store/objects.ts';
import { findServicePort, isExternalNameUsable, toUpstream } from './backends.ts';
import type { Tracker } from './dependencies.ts';

/** An upstream that no path leads to: annotations name its address. */
export interface AddressedUpstream {
  readonly id: string;
  readonly address: UpstreamAddress;
  /** Undefined for a host that is no Service of the cluster. */
  readonly service: { readonly namespace: string; readonly name: string } | undefined;
  /** The Service as it was looked up. */
  readonly object: ServiceObject | undefined;
}

/** Finds what an address stands for, and what is wrong with it: a Service of the cluster where it names one, else a host. */
export function resolveAddress(
  address: UpstreamAddress,
  isExternalNameDisabled: boolean,
  tracker: Tracker,
): { readonly upstream: AddressedUpstream; readonly problem: string | undefined } {
  const named = address.kind === 'service' ? address : serviceOfHost(address.host);
  const object = named && tracker.service(`${named.namespace}/${named.service}`);
  if (named === undefined || (object === undefined && address.kind === 'host')) {
    const upstream = { id: idOfAddress(address), address, service: undefined, object: undefined };
    return {
      upstream,
      problem: named === undefined ? problemOfHost(address) : 'names a Service that does not exist',
    };
  }
  const { namespace, service: name } = named;
  const port = String(address.port);
  const id = idOfAddress({ kind: 'service', namespace, service: name, port });
  return {
    upstream: { id, address, service: { namespace, name }, object },
    problem: problemOfService(object, address, isExternalNameDisabled),
  };
}

function problemOfHost(address: UpstreamAddress): string | undefined {
  if (address.kind !== 'host' || isIP(address.host) !== 0 || isExternalNameUsable(address.host))
    return undefined;
  return 'has a host that may not be resolved';
}

function problemOfService(
  object: ServiceObject | undefined,
  address: UpstreamAddress,
  isExternalNameDisabled: boolean,
): string | undefined {
  if (object === undefined) return 'names a Service that does not exist';
  if (object.type === 'ExternalName') {
    return isExternalNameDisabled
      ? 'names a Service of type ExternalName, which --disable-svc-external-name forbids'
      : undefined;
  }
  if (isHeadless(object, address) || findServicePort(object, String(address.port)) !== undefined)
    return undefined;
  return 'names a port that its Service does not have';
}

/** What DNS says of a Service that is to have no address are its Pods: the port is theirs. */
function isHeadless(object: ServiceObject, address: UpstreamAddress): boolean {
  return address.kind === 'host' && object.type !== 'ExternalName' && object.clusterIp === 'None';
}

/** The model of an upstream that no path leads to. */
export function toAddressedModel(
  { id, address, service, object }: AddressedUpstream,
  source: SourceRef,
  policies: Policies,
  features: readonly Feature[],
  isExternalNameDisabled: boolean,
): UpstreamModel {
  const port = String(address.port);
  if (service === undefined) {
    const host = address.kind === 'host' ? address.host : '';
    return { id, namespace: '', service: '', host, port, kind: 'host', policies, source };
  }
  const { namespace, name } = service;
  const ref = { id, key: id, namespace, service: name, port, field: '' };
  const model = toUpstream(id, ref, object, policies, features, isExternalNameDisabled, source);
  const isOfPods = object !== undefined && isHeadless(object, address) && model.kind === 'endpoints';
  return isOfPods ? { ...model, kind: 'pods' } : model;
}
