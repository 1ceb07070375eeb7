import type { Finding, FindingReason } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import type { ControlLog } from '../../observe/log.ts';
import { createChangeReport } from '../report/change-report.ts';
import type { EventNote, EventSubject } from '../report/event-sink.ts';
import { createFindingReport } from '../report/finding-report.ts';
import { objectKey, type Kind } from '../store/objects.ts';
import type { ObjectRef, ObjectStore, StoreImpact } from '../store/object-store.ts';
import type { KubeClient } from './client.ts';
import { createEventRecorder, createSilentRecorder } from './events.ts';
import { createFailureLog } from './failure-log.ts';
import { createLeaderElection, createSoleLeader, type LeaderElection } from './lease.ts';
import { PODS, STORE_RESOURCES } from './resources.ts';
import { createKubeSource, type KubeSource } from './source.ts';
import {
  countOtherPods,
  findAddresses,
  findOtherPodAddresses,
  type AddressOptions,
} from './status-addresses.ts';
import { createStatusWriter } from './status.ts';
import type { ObjectChange } from './store-sink.ts';
import type { Timing } from './timing.ts';
import { createWebhookRenewal, type WebhookRenewalOptions } from './webhook-renewal.ts';
import { areAllServing } from './webhook-replicas.ts';

/** What flags and environment decide about the cluster. */
export interface ClusterOptions {
  /** POD_NAMESPACE and POD_NAME; undefined outside a cluster: then nothing is written to it. */
  readonly pod?: ObjectRef;
  readonly watchNamespace: string;
  readonly watchNamespaceSelector: string;
  readonly electionId: string;
  readonly electionTtlMs: number;
  readonly isElectionDisabled: boolean;
  readonly isStatusUpdated: boolean;
  readonly isStatusTakenBack: boolean;
  readonly statusIntervalMs: number;
  readonly publishService?: ObjectRef;
  readonly publishStatusAddress: string;
  readonly isInternalAddressReported: boolean;
  readonly areSyncEventsOn: boolean;
  /** The certificate of the webhook is renewed; every replica shows its own at `port`, this one at `ownAddress`. */
  readonly webhook?: {
    readonly renewal: WebhookRenewalOptions;
    readonly ownAddress: string;
    readonly port: number;
  };
  /** The ConfigMaps with settings: --configmap and those of TCP and UDP services. */
  readonly configMaps: readonly ObjectRef[];
}

export interface ClusterDeps {
  readonly client: KubeClient;
  readonly store: ObjectStore;
  readonly log: ControlLog;
  readonly timing: Timing;
  readonly options: ClusterOptions;
  readonly changed: (impact: StoreImpact, serviceKey?: string) => void;
  /** leader_election_status, and what only the leader counts. */
  readonly leadChanged?: (isLeader: boolean) => void;
  readonly setFindingCount: (reason: FindingReason, severity: Finding['severity'], count: number) => void;
}

/** All that ties the controller to a cluster: what it reads (`source`) and what it writes back. */
export interface Cluster {
  readonly source: KubeSource;
  /** Starts to contend for the lead and to write status. The source is started by itself. */
  start(): void;
  isLeader(): boolean;
  /** The findings of a translation, all of them. */
  built(findings: readonly Finding[]): void;
  /** A table went live in every worker. */
  applied(served: readonly ObjectRef[]): void;
  rejected(message: string): void;
  /** Takes back status where it may, which may take `withinMs`; gives up the lead, writes out Events, ends what is open. */
  stop(withinMs: number): Promise<void>;
}

const CLASSES_IGNORED =
  'may not be listed: spec.ingressClassName counts for nothing, the annotation kubernetes.io/ingress.class decides, and --watch-ingress-without-class serves those without it';
const COMPONENT = 'nginx-ingress-controller';
const EVENTS_FLUSH_MS = 2_000;

export function createCluster(deps: ClusterDeps): Cluster {
  const { client, store, log, timing, options } = deps;
  const self = options.pod;
  const failures = createFailureLog(log, timing);

  const events =
    self === undefined
      ? createSilentRecorder()
      : createEventRecorder({
          client,
          timing,
          component: COMPONENT,
          instance: self.name,
          observer: {
            dropped: (note, reason) => log.debug({ event: printNote(note), reason }, 'an Event was dropped'),
            failed: (error) => log.warn({ error }, 'Events cannot be written; they wait'),
          },
        });
  // Filled in when the API server has said it: kubectl finds Events by UID.
  const pod = self && { kind: 'Pod', apiVersion: 'v1', ...self, uid: '' };
  const findingReport = createFindingReport({
    log,
    events,
    uidOf,
    isWriter: () => election.isLeader(),
    setCount: deps.setFindingCount,
  });
  const changeReport = createChangeReport({
    events,
    areSyncEventsOn: options.areSyncEventsOn,
    pod,
    configMaps: options.configMaps,
    nowMs: () => timing.elapsedMs(),
  });

  function uidOf({ kind, namespace, name }: SourceRef): string {
    return kind in STORE_RESOURCES ? (store.get(kind as Kind, { namespace, name })?.uid ?? '') : '';
  }

  const source = createKubeSource({
    client,
    store,
    timing,
    watchNamespace: options.watchNamespace,
    watchNamespaceSelector: options.watchNamespaceSelector,
    changed: deps.changed,
    observer: {
      ...failures,
      objectChanged,
      forbidden: (kind, isForbidden) =>
        log.warn(`${kind} ${isForbidden ? CLASSES_IGNORED : 'may be listed again'}`),
      unreadable: (kind, problem) => log.warn(`${kind} of the API server: ${problem}; it is ignored`),
    },
  });

  function objectChanged({ kind, type, ref, object, impact }: ObjectChange): void {
    if (kind === 'Service' && isPublished(ref)) status?.check();
    if (object.kind === 'Ingress' && type === 'changed' && object.status.length === 0) status?.emptied(ref);
    if (type === 'deleted' || impact === 'none') return;
    changeReport.objectChanged({ kind, ...ref, uid: object.uid }, type === 'added');
  }

  function isPublished(ref: ObjectRef): boolean {
    return options.publishService !== undefined && objectKey(ref) === objectKey(options.publishService);
  }

  const isSole = options.isElectionDisabled || self === undefined;
  const election: LeaderElection = isSole
    ? createSoleLeader()
    : createLeaderElection({
        client,
        timing,
        namespace: self.namespace,
        name: options.electionId,
        identity: self.name,
        durationMs: options.electionTtlMs,
        observer: {
          elected() {
            log.info({ lease: options.electionId }, 'this Pod leads');
            deps.leadChanged?.(true);
            findingReport.takeOver();
            status?.check();
          },
          lost(reason) {
            log.info({ lease: options.electionId, reason }, 'this Pod does not lead any more');
            deps.leadChanged?.(false);
          },
          failed: (error) => log.warn({ error, lease: options.electionId }, 'the Lease cannot be had'),
        },
      });

  const status =
    options.isStatusUpdated && self !== undefined
      ? createStatusWriter({
          client,
          store,
          timing,
          intervalMs: options.statusIntervalMs,
          isLeader: () => election.isLeader(),
          findAddresses: (signal) => findAddresses(addressesOf(options, self), client, signal),
          countOtherPods: (signal) => countOtherPods(self, client, signal),
          observer: {
            wrote: (ref, addresses) => log.debug({ ingress: objectKey(ref), addresses }, 'status written'),
            failed: (what, error) => log.warn({ error }, what),
          },
        })
      : undefined;

  const renewal =
    options.webhook === undefined || self === undefined
      ? undefined
      : createWebhookRenewal({
          client,
          timing,
          options: options.webhook.renewal,
          isLeader: () => election.isLeader(),
          isServedEverywhere: servingQuestion(client, self, options.webhook),
          observer: {
            did: (what, about) => log.info(about ?? {}, `webhook: ${what}`),
            failed: (error) => log.warn({ error }, "the webhook's certificate cannot be looked after now"),
            trouble(message) {
              log.warn(`the webhook's certificate: ${message}`);
              if (pod === undefined) return;
              const note = { type: 'Warning', reason: 'WebhookCertificate', lasting: 'arisen' } as const;
              events.record({ subject: pod, ...note, message });
            },
          },
        });

  return {
    source,
    isLeader: () => election.isLeader(),
    start() {
      if (pod !== undefined) void nameOwnPod(client, pod, pod);
      election.start();
      if (isSole) deps.leadChanged?.(true);
      status?.start();
      renewal?.start();
    },
    built: (findings) => findingReport.report(findings),
    applied(served) {
      changeReport.applied(served);
      status?.serve(served);
    },
    rejected: (message) => changeReport.rejected(message),
    async stop(withinMs) {
      await renewal?.stop();
      await status?.stop(options.isStatusTakenBack, withinMs);
      await election.stop();
      await events.flush(EVENTS_FLUSH_MS);
      await events.stop();
      await source.stop();
      await client.close();
    },
  };
}

/** Whether every Pod shows a certificate of an authority. */
function servingQuestion(
  client: KubeClient,
  self: ObjectRef,
  { ownAddress, port, renewal }: NonNullable<ClusterOptions['webhook']>,
): (ca: string, signal: AbortSignal) => Promise<boolean> {
  return async (ca, signal) => {
    // Not every network leads a Pod to itself by the address that others know it by.
    const addresses = [ownAddress, ...(await findOtherPodAddresses(self, client, signal))];
    return areAllServing({ addresses, port, ca, name: renewal.names.at(-1)! }, signal);
  };
}

function addressesOf(options: ClusterOptions, pod: ObjectRef): AddressOptions {
  return {
    publishStatusAddress: options.publishStatusAddress,
    publishService: options.publishService,
    isInternalReported: options.isInternalAddressReported,
    pod,
  };
}

async function nameOwnPod(client: KubeClient, ref: ObjectRef, subject: { uid: string }): Promise<void> {
  try {
    subject.uid = (await client.get(PODS, ref)).metadata.uid ?? '';
  } catch {
    // Its Events then carry no UID; whatever is wrong with the API server shows elsewhere.
  }
}

function printNote({ subject, type, reason }: { subject: EventSubject } & EventNote): string {
  return `${type} ${reason} ${subject.kind} ${subject.namespace}/${subject.name}`;
}
