/**
 * Mutation testing of the core: Stryker changes one thing in its source and asks whether a test notices. `npm run mutation` runs it in packages/rating.
 *
 * The tests run once to see which of them reach which code, then each mutant is met by those alone. `determinism.test.ts` is left out: its processes load the unchanged source.
 * The trap: Stryker reads tsconfig files with the compiler's JavaScript interface, which TypeScript 7 does not have; so it is told of none, and none is copied.
 */
import { fileURLToPath } from 'node:url';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default {
  testRunner: 'vitest',
  plugins: [fileURLToPath(import.meta.resolve('@stryker-mutator/vitest-runner')), here('./ignored-texts.ts')],
  vitest: { configFile: here('./vitest.config.ts'), related: false },
  mutate: ['src/{number,model,modifier,price,time,run}/**/*.ts'],
  ignorePatterns: ['dist', 'tsconfig.json', 'test/tsconfig.json', 'test/determinism.test.ts', 'test/period-zones.test.ts', 'test/evaluator.test.ts', 'test/hostile-prices.test.ts'],
  tsconfigFile: 'none',
  ignorers: ['texts for people'],
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 2,
  tempDirName: here('../../.mutation'),
  reporters: ['progress-append-only', 'clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: here('../../coverage/mutation.json') },
};
