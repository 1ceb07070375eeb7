import { describe, expect, test } from 'vitest';
import { DEFAULT_METRICS_OPTIONS } from '../observe/metrics-layout.ts';
import { parseArgs, UsageError } from './args.ts';
import { metricsOptionsOf, undefinedHostsOf } from './metrics-options.ts';

const optionsOf = (...argv: string[]) => metricsOptionsOf(parseArgs(['controller', ...argv], '1').flags);

describe('the flags of traffic metrics', () => {
  test('are ingress-nginx’s defaults where none is given, or none is in it', () => {
    expect(optionsOf()).toEqual(DEFAULT_METRICS_OPTIONS);
    expect(optionsOf('--time-buckets=').timeBuckets).toEqual(DEFAULT_METRICS_OPTIONS.timeBuckets);
  });

  test('count', () => {
    expect(
      optionsOf(
        '--time-buckets=0.1,1',
        '--time-buckets=5',
        '--length-buckets=1e3',
        '--size-buckets=1,2',
        '--metrics-per-host=false',
        '--report-status-classes',
      ),
    ).toEqual({
      timeBuckets: [0.1, 1, 5],
      lengthBuckets: [1000],
      sizeBuckets: [1, 2],
      isHostCounted: false,
      areStatusClassesReported: true,
    });
  });

  const bad: [argument: string, problem: string][] = [
    ['--time-buckets=1,x', '--time-buckets: "x" is not a number'],
    ['--time-buckets=1,1', '--time-buckets: "1" stands behind "1": bounds ascend'],
    ['--length-buckets=20,10', '--length-buckets: "10" stands behind "20": bounds ascend'],
    ['--size-buckets=1,+Inf', '--size-buckets: "+Inf" is no bound: the last bucket has no end by itself'],
    ['--size-buckets=NaN', '--size-buckets: "NaN" is no bound: the last bucket has no end by itself'],
    [
      `--time-buckets=${Array.from({ length: 65 }, (_, index) => index).join(',')}`,
      '--time-buckets: 65 bounds; there may be 64',
    ],
  ];
  for (const [argument, problem] of bad) {
    test(`${argument.slice(0, 40)} is refused`, () =>
      expect(() => optionsOf(argument)).toThrow(new UsageError(problem, 2)));
  }
});

describe('hosts that nobody configured', () => {
  const cases = [
    { argv: [], want: 'uncounted' },
    { argv: ['--metrics-per-undefined-host'], want: 'counted' },
    { argv: ['--metrics-per-host=false'], want: 'nameless' },
    { argv: ['--metrics-per-host=false', '--metrics-per-undefined-host'], want: 'nameless' },
  ];
  for (const { argv, want } of cases) {
    test(`${argv.join(' ') || 'by default'}: ${want}`, () => {
      expect(undefinedHostsOf(parseArgs(['controller', ...argv], '1').flags)).toBe(want);
    });
  }
});
