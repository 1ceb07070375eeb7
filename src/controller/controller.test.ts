import { beforeEach, describe, expect, test } from 'vitest';
import { finish } from '../lib/steps.ts';
import type { Model, UpstreamModel } from '../model/model.ts';
import { DEFAULT_SETTINGS } from '../table/settings.ts';
import type { EndpointEntry, RouteTable, UpstreamEndpoints } from '../table/table.ts';
import { createController, type Controller, type PublishResult } from './controller.ts';
import type { Pipeline, References } from './pipeline.ts';
import { createObjectStore } from './store/object-store.ts';

const upstream = (service: string): UpstreamModel => ({
  id: `a-${service}-80`,
  namespace: 'a',
  service,
  port: '80',
  kind: 'endpoints',
  policies: {},
  source: { kind: 'Ingress', namespace: 'a', name: 'web' },
});
const endpoint = (address: string): EndpointEntry => ({ address, port: 80, weight: 1, isReady: true });

let nowMs = 0;
let builds: number[];
let published: { generation: number; endpoints: readonly UpstreamEndpoints[] }[];
let sentEndpoints: (readonly UpstreamEndpoints[])[];
let rejected: string[];
let addresses: Map<string, EndpointEntry[]>;
let references: References;
let loads: References[];
let onLoad: () => void;
let answer: () => Promise<PublishResult>;
let controller: Controller;
let models: UpstreamModel[];
let asked: string[];
let steps: number;
let taken: string[];

beforeEach(() => {
  nowMs = 0;
  models = [upstream('api'), upstream('web')];
  asked = [];
  steps = 0;
  taken = [];
  builds = [];
  published = [];
  sentEndpoints = [];
  rejected = [];
  loads = [];
  onLoad = () => {};
  references = { secrets: [], configMaps: [], keySets: [], geoEditions: [] };
  addresses = new Map([
    ['a-web-80', [endpoint('10.0.0.1')]],
    ['a-api-80', [endpoint('10.0.0.2')]],
  ]);
  answer = async () => ({ ok: true });
  const pipeline: Pipeline = {
    build: (snapshot, generation) => finish(pipeline.buildSteps(snapshot, generation)),
    *buildSteps(_snapshot, generation) {
      builds.push(generation);
      for (let step = 0; step < steps; step++) {
        nowMs += 5;
        taken.push(`step ${step} of ${generation}`);
        yield;
      }
      const upstreams = models;
      const model: Model = {
        listeners: [],
        streams: [],
        tlsNames: [],
        hosts: [],
        upstreams,
        certificates: [],
        defaultCertificateId: '',
      };
      const table: RouteTable = {
        generation,
        listeners: [],
        streams: [],
        hosts: [],
        upstreams: [],
        certificates: [],
        staples: [],
        tls: { names: [], defaultCertificateId: '' },
        settings: DEFAULT_SETTINGS,
      };
      return { model, table, findings: [], references, served: [] };
    },
    endpointsOf(_snapshot, { id }) {
      asked.push(id);
      return addresses.get(id) ?? [];
    },
  };
  controller = createController({
    store: createObjectStore(),
    pipeline,
    sink: {
      publish(table, endpoints) {
        published.push({ generation: table.generation, endpoints });
        return answer();
      },
      publishEndpoints: (changed) => sentEndpoints.push(changed),
    },
    observer: {
      built: () => {},
      applied: () => {},
      rejected: (_built, message) => rejected.push(message),
      endpointsChanged: () => {},
    },
    watchReferences: async (named) => {
      loads.push(named);
      onLoad();
    },
    watchNames: () => {},
    nowMs: () => nowMs,
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('the control loop', () => {
  test('a translation that takes long lets others in, and a change that comes in its middle is not lost', async () => {
    await controller.start();
    nowMs += 1_000;
    steps = 9;
    controller.changed('config');
    await turn();
    expect(taken).toHaveLength(2);
    controller.changed('config');
    await turn();
    expect(taken).toHaveLength(4);
    expect(builds).toEqual([1, 2]);
    expect(published).toHaveLength(1);
    await controller.idle();
    expect(taken.map((step) => step.at(-1)).join('')).toBe('2'.repeat(9) + '3'.repeat(9));
    expect(published.map(({ generation }) => generation)).toEqual([1, 2, 3]);
  });

  test('publishes the first table with all endpoints', async () => {
    await controller.start();
    expect(published).toHaveLength(1);
    expect(published[0]!.endpoints.map(({ upstreamId }) => upstreamId)).toEqual(['a-api-80', 'a-web-80']);
    expect(controller.live()?.table.generation).toBe(1);
  });

  test('looks at the endpoints of upstreams that a table changed or brought, and of no others', async () => {
    await controller.start();
    nowMs = 1_000;
    asked = [];
    models = [models[0]!, upstream('web'), upstream('new')];
    controller.changed('config');
    await controller.idle();
    expect(asked).toEqual(['a-web-80', 'a-new-80']);
    expect(published.at(-1)!.endpoints.map(({ upstreamId }) => upstreamId)).toEqual(['a-new-80']);
  });

  test('sends the endpoints of an upstream anew that went and came back', async () => {
    await controller.start();
    nowMs = 1_000;
    models = [upstream('api')];
    controller.changed('config');
    await controller.idle();
    nowMs = 2_000;
    models = [upstream('api'), upstream('web')];
    controller.changed('config');
    await controller.idle();
    expect(published.at(-1)!.endpoints.map(({ upstreamId }) => upstreamId)).toEqual(['a-web-80']);
  });

  test('handles all changes of one turn in one round', async () => {
    await controller.start();
    nowMs = 1_000;
    for (let i = 0; i < 10; i++) controller.changed('config');
    await controller.idle();
    expect(builds).toEqual([1, 2]);
    expect(published.at(-1)).toEqual({ generation: 2, endpoints: [] });
  });

  test('takes changes that arrive while a table is being published into the next round', async () => {
    await controller.start();
    nowMs = 1_000;
    let release!: (result: PublishResult) => void;
    answer = () =>
      new Promise((resolve) => {
        release = resolve;
        controller.changed('config');
        answer = async () => ({ ok: true });
        setImmediate(() => release({ ok: true }));
      });
    controller.changed('config');
    await controller.idle();
    expect(published.map(({ generation }) => generation)).toEqual([1, 2, 3]);
  });

  test('sends endpoints of the touched service alone, and no table', async () => {
    await controller.start();
    nowMs = 1_000;
    addresses.set('a-web-80', [endpoint('10.0.0.9')]);
    addresses.set('a-api-80', [endpoint('10.0.0.8')]);
    controller.changed('endpoints', 'a/web');
    await controller.idle();
    expect(builds).toEqual([1]);
    expect(sentEndpoints).toEqual([[{ upstreamId: 'a-web-80', endpoints: [endpoint('10.0.0.9')] }]]);
  });

  test('sends nothing when the addresses are the same', async () => {
    await controller.start();
    controller.changed('endpoints', 'a/web');
    await controller.idle();
    expect(sentEndpoints).toEqual([]);
  });

  test('follows addresses that moved by name', async () => {
    await controller.start();
    addresses.set('a-api-80', [endpoint('10.0.0.7')]);
    controller.endpointsMoved('a-api-80');
    await controller.idle();
    expect(sentEndpoints).toEqual([[{ upstreamId: 'a-api-80', endpoints: [endpoint('10.0.0.7')] }]]);
  });

  test('keeps the last good table when a worker refuses one', async () => {
    await controller.start();
    answer = async () => ({ ok: false, message: 'cannot link' });
    controller.changed('config');
    await controller.idle();
    expect(rejected).toEqual(['cannot link']);
    expect(controller.live()?.table.generation).toBe(1);
  });

  test('loads what a translation newly names before it publishes', async () => {
    references = {
      secrets: [{ namespace: 'a', name: 'cert' }],
      configMaps: [],
      keySets: [],
      geoEditions: [],
    };
    onLoad = () => controller.changed('config');
    await controller.start();
    expect(loads).toEqual([references]);
    expect(builds).toEqual([1, 1]);
    expect(published).toHaveLength(1);
  });
});
