import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { machineMs } from './machine-clock.ts';

test('a thread that began later reads the same time', async () => {
  const module = new URL('./machine-clock.ts', import.meta.url).href;
  const source = `
    import { parentPort } from 'node:worker_threads';
    const { machineMs } = await import('${module}');
    parentPort.postMessage(machineMs());`;
  const before = machineMs();
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
  const there = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  expect(there).toBeGreaterThanOrEqual(before);
  expect(there).toBeLessThanOrEqual(machineMs());
});
