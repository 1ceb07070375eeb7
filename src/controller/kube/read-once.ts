import type { ObjectStore } from '../store/object-store.ts';
import { objectKey } from '../store/objects.ts';
import type { KubeClient } from './client.ts';
import { createKubeSource, type KubeSource, type NamedReferences } from './source.ts';
import { createSystemTiming } from './timing.ts';

export interface ReadOnceDeps {
  readonly client: KubeClient;
  readonly store: ObjectStore;
  readonly watchNamespace: string;
  readonly watchNamespaceSelector: string;
  /** What the objects that are known so far name. */
  readonly references: () => NamedReferences;
  /** How long the API server may take for all of it. */
  readonly timeoutMs: number;
}

/** Each round may name more: an Ingress names a Secret, the settings name ConfigMaps. */
const ROUNDS_MAX = 4;

/** Reads a cluster into the store once, as the controller would see it, and lets go of it. Rejects with what the API server's trouble was. */
export async function readCluster(deps: ReadOnceDeps): Promise<void> {
  let lastFailure: unknown;
  const source = createKubeSource({
    client: deps.client,
    store: deps.store,
    timing: createSystemTiming(),
    watchNamespace: deps.watchNamespace,
    watchNamespaceSelector: deps.watchNamespaceSelector,
    changed: () => undefined,
    observer: {
      failed: (_, { error }) => {
        lastFailure = error;
      },
      recovered: () => undefined,
      forbidden: () => undefined,
      objectChanged: () => undefined,
      unreadable: () => undefined,
    },
  });
  source.start();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(lastFailure ?? new Error('the API server did not answer in time')),
    deps.timeoutMs,
  );
  try {
    await Promise.race([readAll(source, deps), late.promise]);
  } finally {
    clearTimeout(timer);
    await source.stop();
  }
}

async function readAll(source: KubeSource, { references }: ReadOnceDeps): Promise<void> {
  await source.synced;
  let known = '';
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const named = references();
    const text = [...named.secrets, ...named.configMaps].map(objectKey).join();
    if (text === known) return;
    known = text;
    await source.watchReferences(named);
  }
}
