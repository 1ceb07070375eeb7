import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/cluster/**', 'test/image/root.test.ts', 'node_modules/**', 'dist/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Shared, noisy machines: a test that fails once in CI is tried again, and shown as flaky.
    retry: process.env['CI'] === undefined ? 0 : 2,
  },
});
