/** All tests of the repository, in two projects: pure ones, and those that need PostgreSQL, which is started once for them. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));
const conditions = ['development'];
const shared = { root, resolve: { conditions }, ssr: { resolve: { conditions } } };
const pure = ['packages/rating/test/**/*.test.ts', 'packages/client/test/**/*.test.ts', 'test/tidy/**/*.test.ts', 'test/conformance/**/*.test.ts'];

export default defineConfig({
  root,
  test: {
    maxWorkers: 2,
    projects: [
      { ...shared, test: { name: 'pure', include: pure } },
      {
        ...shared,
        test: {
          name: 'postgres',
          include: ['packages/*/test/**/*.test.ts', 'services/*/test/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: pure,
          globalSetup: ['packages/testkit/src/postgres.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
