// A process of `determinism.test.ts`: composes every golden in a deprived world, its inputs shuffled by the number it is given, and prints what came of it as JSON.
// Temporal is loaded first, then the world is deprived, and only then our code, so that it is deprived while it is loaded too.
import { writeSync } from 'node:fs';
import { deprive, depriveOfChance, UNREACHABLE } from './deprived.ts';

/** What the process was started with, as it sees it itself. */
const machine = { minutesBehindUtc: new Date('2024-01-01T00:00:00Z').getTimezoneOffset(), locale: Intl.DateTimeFormat().resolvedOptions().locale };
const seed = Number(process.argv[2]);
await import('temporal-polyfill');
deprive();

const { composeRun, printTrace, usageQueriesOfRun } = await import('../src/index.ts');
const { goldens } = await import('./golden-world.ts');
const { answers, runFacts } = await import('./world.ts');
const { shuffledAnswers, shuffledFacts, shuffler } = await import('./shuffle.ts');
depriveOfChance();

const shuffle = shuffler(seed);
const runs = goldens().map(({ engineVersion, name, world, run }) => {
  const facts = shuffledFacts(runFacts(world, run), shuffle);
  const usage = answers({ ...world, events: shuffle(world.events ?? []) }, shuffle(usageQueriesOfRun(facts)));
  const composed = composeRun(facts, shuffledAnswers(usage, shuffle));
  return { name: `version ${engineVersion}: ${name}`, digest: composed.digest, derivation: composed.lines.flatMap(printTrace) };
});

const reachable = Object.entries(UNREACHABLE).flatMap(([name, use]) => {
  try {
    use();
    return [name];
  } catch {
    return [];
  }
});
writeSync(1, JSON.stringify({ machine, reachable, runs }));
