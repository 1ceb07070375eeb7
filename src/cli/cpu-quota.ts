import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Reads a file as text; undefined when it cannot be read. */
export type ReadText = (path: string) => string | undefined;

const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Worker threads for the CPU quota of this container, rounded up: cgroup v2, else v1, else the cores we may run on. */
export function workersForQuota(read: ReadText = readText, cores: number = availableParallelism()): number {
  const quota = quotaOf(read);
  return Math.max(1, Math.min(cores, quota === undefined ? cores : Math.ceil(quota)));
}

function quotaOf(read: ReadText): number | undefined {
  const [limit, period] = (read('/sys/fs/cgroup/cpu.max') ?? '').trim().split(' ');
  if (limit !== undefined && limit !== '' && limit !== 'max')
    return Number(limit) / Number(period ?? 100_000);
  const limitV1 = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1);
  const periodV1 = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 0);
  return limitV1 > 0 && periodV1 > 0 ? limitV1 / periodV1 : undefined;
}
