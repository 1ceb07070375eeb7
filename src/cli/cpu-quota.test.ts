import { expect, test } from 'vitest';
import { workersForQuota } from './cpu-quota.ts';

const V1 = '/sys/fs/cgroup/cpu/cpu.cfs_';
const cases: [name: string, files: Record<string, string>, cores: number, want: number][] = [
  ['no quota takes the cores', {}, 4, 4],
  ['cgroup v2 without a limit takes the cores', { '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, 4, 4],
  ['a half core is one worker', { '/sys/fs/cgroup/cpu.max': '50000 100000\n' }, 4, 1],
  ['one and a half are two', { '/sys/fs/cgroup/cpu.max': '150000 100000\n' }, 4, 2],
  ['more than the cores is the cores', { '/sys/fs/cgroup/cpu.max': '800000 100000\n' }, 4, 4],
  ['cgroup v1', { [`${V1}quota_us`]: '250000\n', [`${V1}period_us`]: '100000\n' }, 4, 3],
  ['cgroup v1 without a limit', { [`${V1}quota_us`]: '-1\n', [`${V1}period_us`]: '100000\n' }, 2, 2],
];
for (const [name, files, cores, want] of cases) {
  test(name, () => expect(workersForQuota((path) => files[path], cores)).toBe(want));
}
