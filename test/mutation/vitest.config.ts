/** The tests of the core for mutation testing, in one process that is not built up again for each file: mutants are switched within it. */
import { defineConfig } from 'vitest/config';

export default defineConfig({ resolve: { conditions: ['development'] }, test: { include: ['test/**/*.test.ts'], isolate: false } });
