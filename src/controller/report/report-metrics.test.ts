import { expect, test } from 'vitest';
import { hostModel, modelOf, routeModel, upstreamModel } from '../../../test/fixtures/models.ts';
import type { ControlMetrics, OrphanMetric } from '../../observe/control-metrics.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import { createCompiler } from '../compile/compile.ts';
import type { Built } from '../pipeline.ts';
import { createObjectStore } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import { createConfigHash, reportOrphans } from './report-metrics.ts';

const compiler = createCompiler();

function builtOf(paths: readonly string[], generation = 1): Built {
  const host = hostModel(
    'a.test',
    paths.map((path) => routeModel(path)),
  );
  const model = modelOf([host], [upstreamModel('web')]);
  const table = compiler.compile(model, DEFAULT_SETTINGS, generation);
  return { model, table } as Built;
}

test('the number of a configuration changes with its content alone, whatever was asked before', () => {
  const hashOf = createConfigHash();
  const first = hashOf(builtOf(['/'], 1));
  expect(first).toBeGreaterThan(0);
  expect(hashOf(builtOf(['/'], 2))).toBe(first);
  const other = hashOf(builtOf(['/', '/more'], 3));
  expect(other).not.toBe(first);
  expect(hashOf(builtOf(['/'], 4))).toBe(first);
  expect(createConfigHash()(builtOf(['/', '/more'], 5))).toBe(other);
});

test('an Ingress is an orphan by one path without Service or endpoints, and paths to one backend are looked at once', () => {
  const store = createObjectStore();
  const service = readObject('Service', {
    metadata: { namespace: 'test', name: 'web' },
    spec: { ports: [{ port: 80 }] },
  });
  if (!service.ok) throw new Error(service.problem.problem);
  store.apply({ kind: 'Service', type: 'set', object: service.object });
  const labels = {
    namespace: 'test',
    ingress: 'web',
    service: 'web',
    servicePort: '80',
    path: '/',
    host: '',
  };
  const toWeb = { labels, upstreamId: 'web' };
  const routes = [
    routeModel('/', toWeb),
    routeModel('/same', toWeb),
    routeModel('/gone', { labels: { ...labels, service: 'gone' }, upstreamId: 'gone' }),
    routeModel('/other', { labels: { ...labels, ingress: 'other' }, upstreamId: 'web' }),
  ];
  const built = { model: modelOf([hostModel('a.test', routes)]) } as Built;
  const asked: string[] = [];
  let told: readonly OrphanMetric[] = [];
  const steps = reportOrphans(
    { setOrphans: (orphans) => (told = [...orphans]) } as Pick<
      ControlMetrics,
      'setOrphans'
    > as ControlMetrics,
    {
      built,
      store,
      endpointsOf(id) {
        asked.push(id);
        return id === 'web' ? [{ address: '10.0.0.1', port: 80, weight: 1, isReady: true }] : [];
      },
    },
  );
  while (steps.next().done !== true);
  expect(told.map(({ ingress, type, isOrphan }) => [ingress, type, isOrphan])).toEqual([
    ['web', 'no-service', true],
    ['web', 'no-endpoint', true],
    ['other', 'no-service', false],
    ['other', 'no-endpoint', false],
  ]);
  expect(asked).toEqual(['web', 'gone', 'web']);
});
