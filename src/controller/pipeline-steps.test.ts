import { expect, test } from 'vitest';
import { features } from '../features/registry.ts';
import { OBJECTS_PER_STEP } from '../lib/steps.ts';
import type { CertificateModel } from '../model/model.ts';
import type { RouteTable } from '../table/table.ts';
import { createController } from './controller.ts';
import { createPipeline, type PipelineDeps } from './create-pipeline.ts';
import { createObjectStore, type ObjectStore } from './store/object-store.ts';
import type { Kind } from './store/objects.ts';
import { readObject } from './store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from './translate/options.ts';

const SIZE = 3_000;

function put(store: ObjectStore, kind: Kind, raw: object): void {
  const read = readObject(kind, raw);
  if (!read.ok) throw new Error(read.problem.problem);
  store.apply({ kind, type: 'set', object: read.object });
}

function putIngress(store: ObjectStore, index: number, path = '/'): void {
  const metadata = { namespace: 'lab', name: `name-${index}` };
  const backend = { service: { name: `name-${index}`, port: { number: 80 } } };
  put(store, 'Service', { metadata, spec: { ports: [{ port: 80 }] } });
  put(store, 'Ingress', {
    metadata: { ...metadata, annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': `${index}` } },
    spec: {
      rules: [{ host: `h${index}.test`, http: { paths: [{ path, pathType: 'Prefix', backend }] } }],
    },
  });
}

function storeOfMany(): ObjectStore {
  const store = createObjectStore();
  store.setForbidden('IngressClass', true);
  for (let index = 0; index < SIZE; index++) putIngress(store, index);
  return store;
}

/** A pipeline that tells of each Ingress that it reads. */
function pipelineOf(read: () => void = () => {}) {
  const counting: PipelineDeps['features'] = features.map((feature) =>
    feature.name !== 'timeouts'
      ? feature
      : {
          ...feature,
          translate: (...args: Parameters<typeof feature.translate>) => {
            read();
            return feature.translate(...args);
          },
        },
  );
  return createPipeline({
    options: {
      ...DEFAULT_TRANSLATE_OPTIONS,
      isWithoutClassServed: true,
      // Of a class that is not there, which namespaced installs serve.
      ingressClass: 'other',
      fallbackCertificate: { id: 'none' } as CertificateModel,
    },
    features: counting,
    settingsFlags: { httpsPort: 443, healthPath: '/healthz', undefinedHosts: 'all', ticketKeys: [] } as never,
    lookUpName: () => [],
    nowMs: () => 1_000,
  });
}

test('a first translation lets others in after every few objects, and gives the table that it gives at once', () => {
  const store = storeOfMany();
  let read = 0;
  let mostInAStep = 0;
  let steps = 0;
  const building = pipelineOf(() => read++).buildSteps(store.snapshot(), 1);
  for (;;) {
    const before = read;
    const step = building.next();
    mostInAStep = Math.max(mostInAStep, read - before);
    if (step.done === true) {
      expect(step.value).toEqual(pipelineOf().build(store.snapshot(), 1));
      expect(step.value.table.hosts).toHaveLength(SIZE + 1);
      break;
    }
    steps++;
  }
  // The defaults are read beside those of one step.
  expect(mostInAStep).toBeLessThanOrEqual(OBJECTS_PER_STEP + 1);
  // Ingresses, their upstreams' claims, hosts, upstreams, and the entries of the table.
  expect(steps).toBeGreaterThan((5 * SIZE) / OBJECTS_PER_STEP);
});

test('what changes a single Ingress is done in one step', () => {
  const store = storeOfMany();
  const pipeline = pipelineOf();
  pipeline.build(store.snapshot(), 1);
  putIngress(store, 7, '/other');
  const step = pipeline.buildSteps(store.snapshot(), 2).next();
  const host = step.done === true && step.value.table.hosts.find(({ name }) => name === 'h7.test');
  expect(host && host.routes.map(({ path }) => path)).toContain('/other');
});

test('what changes in the middle of a first translation is in the next table, and no table is half made', async () => {
  const store = storeOfMany();
  const published: RouteTable[] = [];
  let nowMs = 0;
  const controller = createController({
    store,
    pipeline: pipelineOf(() => (nowMs += 1)),
    sink: {
      publish: async (table) => {
        published.push(table);
        return { ok: true };
      },
      publishEndpoints: () => {},
    },
    observer: { built: () => {}, applied: () => {}, rejected: () => {}, endpointsChanged: () => {} },
    watchReferences: async () => {},
    watchNames: () => {},
    nowMs: () => nowMs,
  });
  const started = controller.start();
  await new Promise((resolve) => setImmediate(resolve));
  expect(nowMs).toBeLessThan(SIZE / 2);
  putIngress(store, SIZE);
  controller.changed('config');
  await started;
  await controller.idle();
  const sizes = published.map(({ hosts }) => hosts.length);
  expect(sizes.at(-1)).toBe(SIZE + 2);
  for (const size of sizes) expect(size).toBeGreaterThanOrEqual(SIZE + 1);
});
