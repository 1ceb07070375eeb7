import { describe, expect, test } from 'vitest';
import { createFindings, findingMessage } from '../../model/finding.ts';
import { countWorkers, reportWorkers, type WorkerCount } from './worker-processes.ts';

const counts: [what: string, flagged: number, text: string | undefined, want: number][] = [
  ['no key is auto', 0, undefined, 4],
  ['auto', 0, ' auto ', 4],
  ['a number', 0, '7', 7],
  ['what is no number is auto', 0, 'many', 4],
  ['zero is auto', 0, '0', 4],
  ['more than anybody can have is auto', 0, '100000', 4],
  ['the flag counts before the key', 3, '7', 3],
];
for (const [what, flagged, text, want] of counts)
  test(what, () => expect(countWorkers(flagged, text, 4).running).toBe(want));

describe('what the key says while workers run', () => {
  const source = { kind: 'ConfigMap', namespace: 'a', name: 'b' };
  const started: WorkerCount = { running: 2, auto: 4, isFlagged: false };
  const told = (text: string | undefined, count: WorkerCount | undefined) => {
    const findings = createFindings();
    reportWorkers(text, count, source, findings);
    return findings.list().map(findingMessage);
  };
  const cases: [what: string, text: string | undefined, count: WorkerCount | undefined, want: string[]][] = [
    ['the same number', '2', started, []],
    [
      'another number',
      '3',
      started,
      ['data.worker-processes: "3" asks for 3, and there are 2 workers; it takes effect at the next start'],
    ],
    [
      'auto that is another number',
      'auto',
      started,
      [
        'data.worker-processes: "auto" asks for 4, and there are 2 workers; it takes effect at the next start',
      ],
    ],
    [
      'a key that was taken away',
      undefined,
      started,
      ['data.worker-processes: asks for 4, and there are 2 workers; it takes effect at the next start'],
    ],
    ['no key from the start', undefined, { running: 4, auto: 4, isFlagged: false }, []],
    [
      'no number',
      '2.5',
      started,
      [
        'data.worker-processes: "2.5" is neither auto nor a whole number from 1 to 256; it counts as auto, at the next start',
      ],
    ],
    [
      'another number than the flag',
      '3',
      { running: 1, auto: 4, isFlagged: true },
      ['data.worker-processes: "3" stands behind --workers; there is 1 worker'],
    ],
    ['no key beside the flag', undefined, { running: 1, auto: 4, isFlagged: true }, []],
    ['nothing runs', '3', undefined, []],
  ];
  for (const [what, text, count, want] of cases) test(what, () => expect(told(text, count)).toEqual(want));
});
