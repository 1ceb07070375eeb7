import { createKeySet } from '../../lib/edited-list.ts';
import type { ObjectRef } from '../store/object-store.ts';
import { objectKey } from '../store/objects.ts';
import type { EventSink, EventSubject } from './event-sink.ts';

export interface ChangeReportDeps {
  readonly events: EventSink;
  /** --disable-sync-events, the other way round. */
  readonly areSyncEventsOn: boolean;
  /** The controller's own Pod; Events about reloads go there. Undefined outside a cluster. */
  readonly pod?: EventSubject;
  /** The ConfigMaps with settings: --configmap and those of TCP and UDP services. */
  readonly configMaps: readonly ObjectRef[];
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** An object that came or changed. */
export interface ChangedObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Tells users in Events that their changes were noticed (docs/reference/operation.md §4). */
export interface ChangeReport {
  /** An object was added or changed in what Serin reads of it; own writes of status are no change. */
  objectChanged(object: ChangedObject, isNew: boolean): void;
  /** A table went live; `served` are the Ingresses in it. */
  applied(served: readonly ObjectRef[]): void;
  /** A table could not be applied: the last good one keeps serving. */
  rejected(message: string): void;
}

/**
 * ingress-nginx writes one RELOAD per reload, at most three in ten seconds. Serin applies changes far more often and
 * reloads nothing, so one Event a minute says that configuration changed; what uses the reason as a sign of life finds it.
 */
const RELOAD_PAUSE_MS = 60_000;
const PASSED_OVER_MAX = 2;

export function createChangeReport(deps: ChangeReportDeps): ChangeReport {
  const { events } = deps;
  const configMaps = new Set(deps.configMaps.map(objectKey));
  /** Ingresses that changed since they were last served, with the tables that went live without them. */
  const changed = new Map<string, { readonly object: ChangedObject; passedOver: number }>();
  const keysOf = createKeySet<ObjectRef>(objectKey);
  let reloadedMs = -Infinity;
  let rejection = '';

  function record(
    subject: EventSubject | undefined,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ) {
    if (subject !== undefined) events.record({ subject, type, reason, message });
  }

  return {
    objectChanged(object, isNew) {
      const key = objectKey(object);
      if (object.kind === 'Ingress') changed.set(key, { object, passedOver: 0 });
      if (object.kind !== 'ConfigMap' || !configMaps.has(key)) return;
      const { namespace, name, uid } = object;
      const subject = { kind: 'ConfigMap', apiVersion: 'v1', namespace, name, uid };
      record(subject, 'Normal', isNew ? 'CREATE' : 'UPDATE', `ConfigMap ${key}`);
    },
    applied(served) {
      rejection = '';
      const servedKeys = keysOf(served);
      for (const [key, { object }] of changed) {
        if (!servedKeys.has(key)) continue;
        changed.delete(key);
        if (!deps.areSyncEventsOn) continue;
        const { namespace, name, uid } = object;
        const subject = { kind: 'Ingress', apiVersion: 'networking.k8s.io/v1', namespace, name, uid };
        record(subject, 'Normal', 'Sync', 'Scheduled for sync');
      }
      for (const [key, entry] of changed) {
        // The next table may have been on its way when the object came; one that is in neither is somebody else's.
        if (++entry.passedOver >= PASSED_OVER_MAX) changed.delete(key);
      }
      if (deps.nowMs() - reloadedMs < RELOAD_PAUSE_MS) return;
      reloadedMs = deps.nowMs();
      record(deps.pod, 'Normal', 'RELOAD', 'NGINX reload triggered due to a change in configuration');
    },
    rejected(message) {
      if (message === rejection) return;
      rejection = message;
      record(deps.pod, 'Warning', 'RELOAD', `Error reloading NGINX: ${message}`);
    },
  };
}
