/**
 * The goldens once more, on sixteen machines: four time zones times four languages, each a process of its own in which everything that could differ throws
 * (`deprived.ts`) and the facts come in another order. Only the facts are left to decide, so digests and derivations must be those of this
 * process, which `golden.test.ts` holds to what was worked out by hand.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { composeRun, printTrace, usageQueriesOfRun } from '../src/index.ts';
import { goldens } from './golden-world.ts';
import { answers, bill, runFacts } from './world.ts';

/** With the minutes that a process in it believes to be behind UTC on 1 January 2024. */
const ZONES = [['UTC', 0], ['Pacific/Apia', -780], ['America/St_Johns', 210], ['Asia/Kathmandu', -345]] as const;
/** Western digits and eastern ones, a comma for a point, an I whose small letter has no dot. */
const LOCALES = ['en_US', 'de_DE', 'ar_EG', 'tr_TR'] as const;
const MACHINES = ZONES.flatMap(([zone, minutesBehindUtc], row) => LOCALES.map((locale, column) => ({ zone, minutesBehindUtc, locale, seed: row * LOCALES.length + column })));

const PROCESS = fileURLToPath(new URL('./deprived-goldens.ts', import.meta.url));
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const run = promisify(execFile);

interface Told {
  readonly machine: { readonly minutesBehindUtc: number; readonly locale: string };
  /** Stubs that did not throw. */
  readonly reachable: readonly string[];
  readonly runs: readonly { readonly name: string; readonly digest: string; readonly derivation: readonly string[] }[];
}

async function composeOn(zone: string, locale: string, seed: number): Promise<Told> {
  const env = { ...process.env, TZ: zone, LANG: `${locale}.UTF-8`, LC_ALL: `${locale}.UTF-8` };
  const { stdout } = await run(process.execPath, ['--conditions=development', PROCESS, seed.toString()], { env, maxBuffer: OUTPUT_BYTES_MAX });
  return JSON.parse(stdout) as Told;
}

describe('the goldens, deprived of everything but their facts, which are shuffled', { concurrent: true, timeout: 60_000 }, () => {
  const here = goldens().map(({ engineVersion, name, world, run: index }) => {
    const { digest, lines } = bill(world, index);
    return { name: `version ${engineVersion}: ${name}`, digest, derivation: lines.flatMap(printTrace) };
  });

  test.each(MACHINES)('on a machine in $zone that speaks $locale', async ({ zone, minutesBehindUtc, locale, seed }) => {
    const { machine, reachable, runs } = await composeOn(zone, locale, seed);
    expect(machine).toEqual({ minutesBehindUtc, locale: locale.replace('_', '-') });
    expect(reachable).toEqual([]);
    expect(runs).toEqual(here);
  });
});

test('composing writes to none of its inputs', () => {
  for (const { world, run: index } of goldens()) {
    const facts = frozen(runFacts(world, index));
    const usage = answers(world, usageQueriesOfRun(facts));
    expect(composeRun(facts, usage).digest).toBe(bill(world, index).digest);
  }
});

/** Frozen all the way down: modules are strict, so a write throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
