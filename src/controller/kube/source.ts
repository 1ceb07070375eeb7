import type { ObjectRef, ObjectStore, StoreImpact } from '../store/object-store.ts';
import type { Kind } from '../store/objects.ts';
import type { KubeClient } from './client.ts';
import { createNamedObjects, type NamedObjects } from './named-objects.ts';
import {
  createReflector,
  type Reflector,
  type ReflectorObserver,
  type ReflectorOptions,
} from './reflector.ts';
import { STORE_RESOURCES } from './resources.ts';
import { createStoreSink, type ObjectChange, type StoreSinkDeps } from './store-sink.ts';
import { sleep, type Timing } from './timing.ts';

export interface KubeSourceDeps {
  readonly client: KubeClient;
  readonly store: ObjectStore;
  readonly timing: Timing;
  readonly observer: KubeSourceObserver;
  /** The one namespace to read; empty is all. */
  readonly watchNamespace: string;
  /** Label selector of the namespaces whose Ingresses are served; empty is none. Only says whether Namespaces are needed. */
  readonly watchNamespaceSelector: string;
  /** Something in the store changed; `serviceKey` (`namespace/name`) says whose endpoints, where only endpoints did. */
  readonly changed: (impact: StoreImpact, serviceKey?: string) => void;
  readonly reflectorOptions?: ReflectorOptions;
  readonly singlesMax?: number;
  /** Bounds how long `watchReferences` waits for an API server that does not answer. */
  readonly loadTimeoutMs?: number;
  /** How long a Service may be without slices before its Endpoints are asked for. */
  readonly endpointsAfterMs?: number;
}

export interface KubeSourceObserver extends ReflectorObserver {
  /** The account may not list this kind (or may again): nothing is known of it. */
  forbidden(kind: Kind, isForbidden: boolean): void;
  /** One object came, changed or went. */
  objectChanged(change: ObjectChange): void;
  unreadable(kind: Kind, problem: string): void;
}

/** Fills the store from the API server and keeps it up to date, through any trouble of the server's. */
export interface KubeSource {
  start(): void;
  /** Resolves when all kinds that are watched as a whole are in the store (and on stop). */
  readonly synced: Promise<void>;
  /** Watches the objects that are named, and no others of their kinds; resolves when they are loaded, in bounded time. */
  watchReferences(references: NamedReferences): Promise<void>;
  /** Resolves when nothing reaches the store any more. */
  stop(): Promise<void>;
}

export interface NamedReferences {
  readonly secrets: readonly ObjectRef[];
  readonly configMaps: readonly ObjectRef[];
}

const LOAD_TIMEOUT_MS = 10_000;
const ENDPOINTS_AFTER_MS = 1_000;
/** Helm keeps every release in a Secret, up to 1 MiB each; nobody can serve one. */
const NO_HELM_RELEASES = 'type!=helm.sh/release.v1';

export function createKubeSource(deps: KubeSourceDeps): KubeSource {
  const { client, store, timing, observer, watchNamespace } = deps;
  const sinkDeps: StoreSinkDeps = { store, changed: onChange, unreadable: observer.unreadable };
  const stopping = new AbortController();
  const wholeKinds: readonly Kind[] = [
    ...(deps.watchNamespaceSelector === '' ? [] : (['Namespace'] as const)),
    'IngressClass',
    'Service',
    'EndpointSlice',
    'Ingress',
  ];
  const reflectors = wholeKinds.map(createWholeReflector);
  const secrets = createNamed('Secret', NO_HELM_RELEASES);
  const configMaps = createNamed('ConfigMap');
  // Only Services that have no slices need Endpoints (the control plane mirrors them into slices unless told not to).
  // Watching all of them would double what every change of a Pod costs.
  const endpoints = createNamed('Endpoints');
  let cancelEndpointsCheck: (() => void) | undefined;
  let isSynced = false;
  const synced = Promise.all(reflectors.map((reflector) => reflector.settled)).then(() => {
    isSynced = true;
    checkEndpointsSoon();
  });

  function createWholeReflector(kind: Kind): Reflector {
    const resource = STORE_RESOURCES[kind];
    const sink = createStoreSink(kind, sinkDeps);
    const forbidden = (isForbidden: boolean) => {
      observer.forbidden(kind, isForbidden);
      deps.changed(store.setForbidden(kind, isForbidden));
    };
    return createReflector({
      client,
      resource,
      scope: { namespace: resource.isNamespaced ? watchNamespace : '' },
      timing,
      observer,
      options: deps.reflectorOptions,
      sink: {
        page: (objects) => sink.read(objects),
        replace: (pages) => sink.replace(pages),
        set: (object) => sink.set(object),
        delete: ({ metadata }) => sink.delete({ namespace: metadata.namespace ?? '', name: metadata.name }),
        // Namespaced installs may not read classes and go without (docs/reference/routing.md §1.1); the rest is needed.
        ...(kind === 'IngressClass' ? { forbidden } : {}),
      },
    });
  }

  function createNamed(kind: Kind, wideFieldSelector?: string): NamedObjects {
    return createNamedObjects({
      kind,
      client,
      timing,
      observer,
      store: sinkDeps,
      namespace: watchNamespace,
      wideFieldSelector,
      singlesMax: deps.singlesMax,
      reflectorOptions: deps.reflectorOptions,
    });
  }

  function onChange(change: ObjectChange): void {
    observer.objectChanged(change);
    if (change.kind === 'Service' || change.kind === 'EndpointSlice') checkEndpointsSoon();
    deps.changed(change.impact, serviceKeyOf(change));
  }

  /** Slices follow their Service within moments; only a Service that stays without is looked up. */
  function checkEndpointsSoon(): void {
    if (!isSynced || cancelEndpointsCheck !== undefined || stopping.signal.aborted) return;
    cancelEndpointsCheck = timing.after(deps.endpointsAfterMs ?? ENDPOINTS_AFTER_MS, () => {
      cancelEndpointsCheck = undefined;
      const { services, slicesByService } = store.snapshot();
      const without = [...services].filter(
        ([key, { type }]) => type !== 'ExternalName' && !slicesByService.has(key),
      );
      void endpoints.update(without.map(([, { namespace, name }]) => ({ namespace, name })));
    });
  }

  return {
    synced,
    start() {
      for (const reflector of reflectors) reflector.start();
    },
    async watchReferences(references) {
      const bound = new AbortController();
      const loaded = Promise.all([
        secrets.update(references.secrets),
        configMaps.update(references.configMaps),
      ]);
      const late = sleep(timing, deps.loadTimeoutMs ?? LOAD_TIMEOUT_MS, bound.signal);
      await Promise.race([loaded, late]);
      bound.abort();
    },
    async stop() {
      stopping.abort();
      cancelEndpointsCheck?.();
      const parts = [...reflectors, secrets, configMaps, endpoints];
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}

function serviceKeyOf({ object }: ObjectChange): string | undefined {
  if (object.kind === 'Endpoints') return `${object.namespace}/${object.name}`;
  if (object.kind === 'EndpointSlice') return `${object.namespace}/${object.service}`;
  return undefined;
}
