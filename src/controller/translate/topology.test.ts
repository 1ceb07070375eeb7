import { describe, expect, test } from 'vitest';
import { createObjectStore } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import { resolveEndpoints } from './endpoints.ts';

interface Asking {
  readonly mode?: string;
  readonly distribution?: string;
}

/** By slice its endpoints: the last number of the address, and the zones that it is hinted for. */
type Slices = readonly (readonly (readonly [address: number, ...zones: string[]])[])[];

/** The last numbers of the addresses. */
function endpointsOf(asking: Asking, slices: Slices, zone?: string): string {
  const store = createObjectStore();
  const put = (kind: 'Service' | 'EndpointSlice', raw: object) => {
    const read = readObject(kind, raw);
    if (!read.ok) throw new Error(read.problem.problem);
    expect(read.object.problems).toEqual([]);
    store.apply({ kind, type: 'set', object: read.object });
  };
  const annotations = asking.mode === undefined ? {} : { 'service.kubernetes.io/topology-mode': asking.mode };
  put('Service', {
    metadata: { name: 'web', namespace: 'lab', annotations },
    spec: { ports: [{ port: 80, targetPort: 8080 }], trafficDistribution: asking.distribution },
  });
  for (const [index, endpoints] of slices.entries()) {
    put('EndpointSlice', {
      metadata: { name: `web-${index}`, namespace: 'lab', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: endpoints.map(([address, ...zones]) => ({
        addresses: [`10.0.0.${address}`],
        ...(zones.length > 0 && { hints: { forZones: zones.map((name) => ({ name })) } }),
      })),
    });
  }
  const upstream = { namespace: 'lab', service: 'web', port: '80', kind: 'endpoints' } as const;
  return resolveEndpoints(store.snapshot(), upstream, () => [], zone)
    .map(({ address }) => address.slice('10.0.0.'.length))
    .join(' ');
}

describe('endpoints by the zone they are hinted for', () => {
  const auto: Asking = { mode: 'Auto' };
  const close: Asking = { distribution: 'PreferClose' };
  const two: Slices = [
    [
      [1, 'a'],
      [2, 'b'],
      [3, 'a', 'b'],
    ],
  ];
  const none: Slices = [
    [
      [1, 'b'],
      [2, 'c'],
    ],
  ];

  const cases: [name: string, asking: Asking, slices: Slices, zone: string | undefined, want: string][] = [
    ['those of the zone, when asked for', auto, two, 'a', '1 3'],
    ['the value may be written small', { mode: 'auto' }, two, 'b', '2 3'],
    ['as PreferClose asks', close, two, 'a', '1 3'],
    ['and its other name', { distribution: 'PreferSameZone' }, two, 'a', '1 3'],
    ['all, when the Service does not ask', {}, two, 'a', '1 2 3'],
    ['all, when the flag is off or no zone is known', auto, two, undefined, '1 2 3'],
    ['all of a slice in which one has no hint', auto, [[[1, 'a'], [2]]], 'a', '1 2'],
    [
      'each slice by itself',
      auto,
      [
        [[1, 'a'], [2]],
        [
          [3, 'a'],
          [4, 'b'],
        ],
      ],
      'a',
      '1 2 3',
    ],
    ['none, when topology-mode hints none for the zone', auto, none, 'a', ''],
    ['all, when PreferClose hints none for the zone', close, none, 'a', '1 2'],
  ];
  for (const [name, asking, slices, zone, want] of cases) {
    test(name, () => expect(endpointsOf(asking, slices, zone)).toBe(want));
  }
});
