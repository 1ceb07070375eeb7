/*
 * CPU that one changed Ingress costs, without API server, sockets or threads: from the object to the delta (control plane), and from the
 * delta to the router (each worker).
 *   node loadtest/scale/one-change.ts [--sizes 100,1000,5000,10000] [--changes 200]
 */
import { parseArgs } from 'node:util';
import { createPipeline } from '../../src/controller/create-pipeline.ts';
import { diffTables } from '../../src/controller/publish/table-diff.ts';
import { createObjectStore } from '../../src/controller/store/object-store.ts';
import type { Kind } from '../../src/controller/store/objects.ts';
import { readObject } from '../../src/controller/store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from '../../src/controller/translate/options.ts';
import { features } from '../../src/features/registry.ts';
import type { CertificateModel } from '../../src/model/model.ts';
import { link } from '../../src/proxy/router/link.ts';
import { linkDeps } from '../../test/fixtures/routers.ts';
import { ingressOf, serviceOf, sliceOf, standingAddresses } from './objects.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,5000,10000' },
    changes: { type: 'string', default: '200' },
  },
});
const changes = Number(values.changes);

for (const size of values.sizes.split(',').map(Number)) console.log(JSON.stringify(measure(size)));

function measure(size: number): object {
  const store = createObjectStore();
  const put = (kind: Kind, raw: object): void => {
    const read = readObject(kind, raw);
    if (read.ok) store.apply({ kind, type: 'set', object: read.object });
  };
  const pipeline = createPipeline({
    options: {
      ...DEFAULT_TRANSLATE_OPTIONS,
      isWithoutClassServed: true,
      // Of a class that is not there, which namespaced installs serve.
      ingressClass: 'other',
      fallbackCertificate: { id: 'none' } as CertificateModel,
    },
    features,
    settingsFlags: { httpsPort: 443, healthPath: '/healthz', undefinedHosts: 'all', ticketKeys: [] } as never,
    lookUpName: () => [],
    nowMs: Date.now,
  });
  store.setForbidden('IngressClass', true);
  for (let index = 0; index < size; index++) {
    put('Service', serviceOf(index));
    put('EndpointSlice', sliceOf(index, standingAddresses(index)));
    put('Ingress', ingressOf(index, '/first'));
  }
  const deps = linkDeps();
  let generation = 0;
  const build = () => pipeline.build(store.snapshot(), ++generation).table;
  const beganMs = cpuMs();
  let table = build();
  const firstMs = cpuMs() - beganMs;
  let router = link(structuredClone(diffTables(undefined, table)!), undefined, deps);
  let controlMs = 0;
  let workerMs = 0;
  for (let change = 0; change < changes; change++) {
    let from = cpuMs();
    put('Ingress', ingressOf((change * 7_919) % size, `/change-${change}`));
    const next = build();
    const delta = diffTables(table, next);
    controlMs += cpuMs() - from;
    if (delta === undefined) throw new Error('a change changed nothing');
    const received = structuredClone(delta);
    from = cpuMs();
    router = link(received, router, deps);
    workerMs += cpuMs() - from;
    table = next;
  }
  const each = (ms: number) => Number((ms / changes).toFixed(2));
  return { size, firstMs: Math.round(firstMs), controlMs: each(controlMs), workerMs: each(workerMs) };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
