import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Tests are compiled like everything else and run from `dist`: workers, tests, the CLI and the published packages all run the same files.
export default defineConfig({
  test: {
    include: ['packages/*/dist/**/*.test.js', 'test/dist/**/*.test.js', 'scripts/*.test.ts'],
    pool: 'forks', // native handles belong to the process
    maxWorkers: Math.max(2, availableParallelism() - 1), // most of a test's time is waiting for another process
    server: { deps: { external: [/\/dist\/(?!.*\.test\.js$)/] } },
    // So long that a busy machine does not reach them: they end what hangs, and measure nothing.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
