// A bench by name: what it needs is started, measured and stopped again.
import { startBenchDatabase, startBenchValora, type BenchDatabase, type BenchValora } from './bench-valora.ts';
import { close, CLOSE_DEFAULTS } from './close.ts';
import { INGEST_DEFAULTS } from './ingest-settings.ts';
import { ingest } from './ingest.ts';
import { currentCommit, currentLoad, machineFacts, postgresFacts } from './machine.ts';
import { parseSettings, type Settings } from './options.ts';
import { rating, RATING_DEFAULTS } from './rating.ts';
import type { Findings, Report } from './report.ts';
import type { Progress } from './rounds.ts';

const TICK_INTERVAL_MS = 1_000;

/** Null for a name that is no bench. `startDatabase`: a PostgreSQL with fsync of its own, unless a test has one. */
export async function runBench(name: string, args: readonly string[], progress: Progress, startDatabase: () => Promise<BenchDatabase> = startBenchDatabase): Promise<Report | null> {
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
      return report(settings, await withValora({ startDatabase, tickIntervalMs: TICK_INTERVAL_MS, profile: settings.profile }, (valora) => ingest(valora, settings, progress)));
    }
    case 'close': {
      const settings = parseSettings(args, CLOSE_DEFAULTS);
      // No tick: the bench runs the jobs, so that it knows when they began.
      return report(settings, await withValora({ startDatabase, tickIntervalMs: null, profile: settings.profile }, (valora) => close(valora, settings, progress)));
    }
    default:
      return null;
  }
}

interface Measured {
  readonly findings: Findings;
  readonly postgres: Readonly<Record<string, string>> | null;
}

async function withValora(
  { startDatabase, ...options }: { readonly startDatabase: () => Promise<BenchDatabase>; readonly tickIntervalMs: number | null; readonly profile: string }, measure: (valora: BenchValora) => Promise<Findings>,
): Promise<Measured> {
  const database = await startDatabase();
  try {
    const valora = await startBenchValora(database, options);
    try {
      const findings = await measure(valora);
      return { findings, postgres: await postgresFacts(valora.owner) };
    } finally {
      await valora.stop();
    }
  } finally {
    await database.stop();
  }
}
