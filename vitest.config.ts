import { defineConfig } from 'vitest/config';

// Tests are compiled like everything else and run from `dist`: workers, tests, the CLI and the published packages all run the same files.
export default defineConfig({
  test: {
    include: ['packages/*/dist/**/*.test.js', 'test/dist/**/*.test.js', 'scripts/*.test.ts'],
    pool: 'forks', // native handles belong to the process
    server: { deps: { external: [/\/dist\/(?!.*\.test\.js$)/] } },
    testTimeout: 20_000,
  },
});
