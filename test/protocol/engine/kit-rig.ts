import { defineFeature } from '../../../src/features/kit/feature.ts';
import type { Filter } from '../../../src/features/kit/filter.ts';
import type { Policies } from '../../../src/model/policy.ts';
import { serveModel } from '../../fixtures/feature-rig.ts';
import { hostModel, modelOf, routeModel } from '../../fixtures/models.ts';
import { endpointsAt } from '../../fixtures/worker-rig.ts';
import { type Answering, type Bench, OK, type Served } from './harness.ts';

export interface Rig extends Served {
  readonly backend: Answering;
  readonly elsewhere: Answering;
}

type Reply = Parameters<Bench['answering']>[0];

export interface RigOptions {
  /** Endpoints of the route's upstream, and of the one beside it, in place of servers that answer. */
  readonly own?: readonly { readonly port: number }[];
  readonly there?: readonly { readonly port: number }[];
  /** What the upstream beside it answers. */
  readonly page?: Reply;
  readonly body?: object;
  readonly policies?: Policies;
}

/** An engine with one route, behind one filter, to one upstream, and another upstream beside it. */
export async function serveFilter(
  bench: Bench,
  filter: Filter,
  reply: Reply = () => OK,
  { own, there, page, body, policies }: RigOptions = {},
): Promise<Rig> {
  const backend = await bench.answering(reply);
  const elsewhere = await bench.answering(
    page ?? (() => 'HTTP/1.1 404 Gone\r\nX-Page: 1\r\nContent-Length: 4\r\n\r\npage'),
  );
  const feature = defineFeature({
    name: 'throw-away',
    doc: '',
    scope: 'route',
    stage: 'access',
    annotations: {},
    translate: () => undefined,
    createFilter: () => filter,
  });
  const all = {
    'throw-away': {},
    ...policies,
    body: {
      maxBodyBytes: 100,
      isRequestBuffered: false,
      maxResponseHeadBytes: 4096,
      upstreamHttpMinor: 1,
      ...body,
    } as const,
  };
  const model = modelOf([hostModel('a.test', [routeModel('/', { upstreamId: 'web', policies: all })])]);
  const served = await serveModel(
    bench,
    model,
    [feature],
    [endpointsAt('web', own ?? [backend.endpoint]), endpointsAt('elsewhere', there ?? [elsewhere.endpoint])],
  );
  return { ...served, backend, elsewhere };
}
