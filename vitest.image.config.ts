import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/image/root.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
