// A bench by name: what it needs is started, measured and stopped again.
import { startBenchDatabase, startBenchValora, type BenchValora, type ValoraOptions } from './bench-valora.ts';
import { close, CLOSE_DEFAULTS } from './close.ts';
import { INGEST_DEFAULTS } from './ingest-settings.ts';
import { ingest } from './ingest.ts';
import { currentCommit, currentLoad, machineFacts, postgresFacts } from './machine.ts';
import { parseSettings, type Settings } from './options.ts';
import { rating, RATING_DEFAULTS } from './rating.ts';
import type { Findings, Report } from './report.ts';
import type { Progress } from './rounds.ts';

const TICK_INTERVAL_MS = 1_000;

/** Null for a name that is no bench. `measured`: on a Valora and a PostgreSQL with fsync of its own, unless a test has them. */
export async function runBench(name: string, args: readonly string[], progress: Progress, measured: MeasuredOnValora = onValoraOfItsOwn): Promise<Report | null> {
  const loadBefore = currentLoad();
  const report = (settings: Settings & { readonly rounds: number }, { findings, postgres }: Measured): Report =>
    ({ bench: name, commit: currentCommit(), machine: machineFacts({ loadBefore, postgres }), settings, rounds: settings.rounds, ...findings });
  switch (name) {
    case 'rating': {
      const settings = parseSettings(args, RATING_DEFAULTS);
      return report(settings, { findings: await rating(settings, progress), postgres: null });
    }
    case 'ingest': {
      const settings = parseSettings(args, INGEST_DEFAULTS);
      // The scheduler ticks beside it, as it does for real.
      return report(settings, await measured({ tickIntervalMs: TICK_INTERVAL_MS, profile: settings.profile }, (valora) => ingest(valora, settings, progress)));
    }
    case 'close': {
      const settings = parseSettings(args, CLOSE_DEFAULTS);
      // No tick: the bench runs the jobs, so that it knows when they began.
      return report(settings, await measured({ tickIntervalMs: null, profile: settings.profile }, (valora) => close(valora, settings, progress)));
    }
    default:
      return null;
  }
}

export interface Measured {
  readonly findings: Findings;
  readonly postgres: Readonly<Record<string, string>> | null;
}

export type MeasuredOnValora = (options: ValoraOptions, measure: (valora: BenchValora) => Promise<Findings>) => Promise<Measured>;

async function onValoraOfItsOwn(options: ValoraOptions, measure: (valora: BenchValora) => Promise<Findings>): Promise<Measured> {
  const database = await startBenchDatabase();
  try {
    const valora = await startBenchValora(database, options);
    try {
      return await measuredOn(valora, measure);
    } finally {
      await valora.stop();
    }
  } finally {
    await database.stop();
  }
}

export async function measuredOn(valora: BenchValora, measure: (valora: BenchValora) => Promise<Findings>): Promise<Measured> {
  return { findings: await measure(valora), postgres: await postgresFacts(valora.owner) };
}
