/**
 * Writers, corrections and seals of one organization, statement by statement in drawn orders, with clocks that step back and connections that die before and after COMMIT: what is
 * accepted is what is known before a cutoff and what is known after it, no fact is in both, and what is known before a sealed cutoff never changes. VALORA_ROUNDS says how many
 * interleavings; VALORA_SEED draws those of an earlier run again. The same test must find a fence that has a hole.
 */
import { createLog, openDatabase } from '@valora/chassis';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { seeded, type Below } from '@valora/testkit/seeded';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import type { Transaction } from '../src/dependencies.ts';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { openStage, type Asking, type Permit, type Stage, type StageTally } from './interleaving/stage.ts';
import { CLOCK_START, correctEvents, createWorld, faultsOf, seal, setClock, writeEvents, type Process, type World } from './interleaving/world.ts';

const ROUNDS = Number(process.env['VALORA_ROUNDS'] ?? '60');
const SEED = Number(process.env['VALORA_SEED'] ?? Date.now() % 2 ** 31);
const ROUND_MS_MAX = 4_000;
const MUTANT_ROUNDS = 200;
/** Each world waits for PostgreSQL most of the time. */
const LANES = 4;
const FAULTS_MAX = 4;
const ENDS_WELL = /^commit/i;
const CAST = ['writer-1', 'writer-2', 'writer-3', 'corrector', 'sealer-1', 'sealer-2', 'clock', 'reader'] as const;
/** Each organization's clock is a row; the function is the one in the schema that reads a clock. */
const TEST_CLOCK = `
  create table metering.test_clock (organization_id text primary key, now bigint not null);
  grant select on metering.test_clock to valora_metering;
  create or replace function metering.now_micros() returns bigint language sql volatile return (select now from metering.test_clock where organization_id = metering.current_organization());`;

interface Theatre {
  readonly owner: pg.Pool;
  readonly stage: Stage;
  readonly processes: Readonly<Record<(typeof CAST)[number], Process>>;
}

const tally = { worlds: 0, sandboxes: 0, withoutFence: 0, cutoffs: 0, before: 0, after: 0, accepted: 0, refusedSeals: 0, clockSteps: 0, stepsBack: 0, repeats: 0, REFUSE: 0, KILL_BEFORE: 0, KILL_AFTER: 0, killedAfterCommit: 0 };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function openTheatre(): Promise<Theatre> {
  const database: TestDatabase = await createTestDatabase();
  closing.push(() => database.drop());
  const owner = new pg.Pool({ connectionString: database.url, max: 3 });
  closing.push(() => owner.end());
  await owner.query(TEST_CLOCK);
  const stage = openStage(owner, database.name);
  closing.push(async () => stage.close());
  const open = (name: string): Process => {
    const config = database.config('metering');
    const url = new URL(config.url);
    url.searchParams.set('application_name', name);
    const opened = openDatabase<Transaction>({ config: { ...config, url: url.href }, log: createLog('metering', () => {}), createClient: (adapter) => new PrismaClient({ adapter }) });
    closing.push(() => opened.close());
    return { name, database: opened };
  };
  const processes = Object.fromEntries(CAST.map((name) => [name, open(name)])) as unknown as Theatre['processes'];
  return { owner, stage, processes };
}

/** Plays one interleaving; what was wrong in it. */
async function play({ owner, stage, processes }: Theatre, seed: number): Promise<readonly string[]> {
  const below = seeded(seed);
  const world = createWorld(`org_${seed}`, below(3) === 0);
  await owner.query('insert into metering.test_clock values ($1, $2)', [world.context.organizationId, CLOCK_START]);
  const fenced = below(4) > 0;
  if (fenced) await owner.query('insert into metering.fence values ($1, $2, $3)', [world.context.organizationId, 0n, world.sandbox ? CLOCK_START : null]);
  const of = (work: (world: World, process: Process, seed: number) => Promise<void>, name: (typeof CAST)[number], number: number) =>
    [name, () => work(world, processes[name], seed * CAST.length + number)] as const;
  const actors = Object.fromEntries([
    of(writeEvents, 'writer-1', 1), of(writeEvents, 'writer-2', 2), of(writeEvents, 'writer-3', 3), of(correctEvents, 'corrector', 4), of(seal, 'sealer-1', 5), of(seal, 'sealer-2', 6),
    ...(world.sandbox ? [of(setClock, 'clock', 7)] : []),
  ]);
  let faultsLeft = below(FAULTS_MAX);
  await stage.play(actors, async (asking) => {
    if (!world.sandbox && below(5) === 0) await stepClock(owner, world, below);
    const to = asking[below(asking.length)] ?? { actor: '', statement: '' };
    const permit = faultsLeft > 0 && below(ENDS_WELL.test(to.statement) ? 3 : 12) === 0 ? drawFault(to, below) : 'RUN';
    if (permit !== 'RUN') faultsLeft -= 1;
    return { to, permit };
  });
  count(world, fenced);
  return await faultsOf(world, processes.reader);
}

async function stepClock(owner: pg.Pool, world: World, below: Below): Promise<void> {
  const step = below(16) - 6;
  world.clock += BigInt(step);
  tally.clockSteps += 1;
  if (step < 0) tally.stepsBack += 1;
  await owner.query('update metering.test_clock set now = $2 where organization_id = $1', [world.context.organizationId, world.clock]);
}

/** What may befall a statement. Prisma's own BEGIN, COMMIT and ROLLBACK fail only with their connection. */
function drawFault({ statement }: Asking, below: Below): Permit {
  if (/^rollback/i.test(statement)) return 'RUN';
  const faults: readonly Permit[] = /^(BEGIN|COMMIT)/.test(statement) ? ['KILL_BEFORE', 'KILL_AFTER'] : ['REFUSE', 'KILL_BEFORE', 'KILL_AFTER'];
  const fault = faults[below(faults.length)] ?? 'RUN';
  if (fault !== 'RUN') tally[fault] += 1;
  if (fault === 'KILL_AFTER' && ENDS_WELL.test(statement)) tally.killedAfterCommit += 1;
  return fault;
}

function count(world: World, fenced: boolean): void {
  tally.worlds += 1;
  if (world.sandbox) tally.sandboxes += 1;
  if (!fenced) tally.withoutFence += 1;
  tally.cutoffs += world.cutoffs.length;
  tally.accepted += world.accepted.size;
  for (const { known } of world.cutoffs) {
    tally.before += known.size;
    tally.after += world.accepted.size - known.size;
  }
  tally.refusedSeals += world.refusedSeals;
  tally.repeats += world.repeats;
}

/** Rounds in turn, on a stage, until all are played or one went wrong; the seed and the faults of that one. */
async function playRounds(theatre: Theatre, next: () => number | null): Promise<{ readonly seed: number; readonly faults: readonly string[] } | null> {
  for (let seed = next(); seed !== null; seed = next()) {
    const faults = await play(theatre, seed);
    if (faults.length > 0) return { seed, faults };
  }
  return null;
}

test(`${ROUNDS} interleavings: every accepted fact is known before a cutoff or after it, once and for ever (VALORA_SEED=${SEED})`, async () => {
  const theatres = await Promise.all(Array.from({ length: LANES }, openTheatre));
  const startMs = performance.now();
  let round = 0;
  const next = (): number | null => (round < ROUNDS ? SEED + (round += 1) : null);
  const wrong = await Promise.all(theatres.map((theatre) => playRounds(theatre, next)));
  expect(wrong).toEqual(theatres.map(() => null));
  const ofStages = (name: keyof StageTally): number => theatres.reduce((total, { stage }) => total + stage.tally[name], 0);
  const found = { ...tally, statements: ofStages('statements'), waits: ofStages('waits') };
  process.stdout.write(`VALORA_SEED=${SEED}: ${JSON.stringify({ ...found, seconds: Math.round((performance.now() - startMs) / 1_000) })}\n`);
  // Where one of them never happened, nothing was tried.
  if (ROUNDS >= 60) expect(Object.entries(found).filter(([, times]) => times === 0)).toEqual([]);
}, 60_000 + ROUNDS * ROUND_MS_MAX);

/** Fences with a hole: what becomes of statements of their functions. */
const UNQUEUED_WRITER = { of: 'take_recorded_time', from: 'perform pg_advisory_xact_lock_shared(fence_queue());', to: '' };
const holes: readonly (readonly [name: string, changes: readonly { readonly of: string; readonly from: string; readonly to: string }[]])[] = [
  ['writers that hold nothing', [UNQUEUED_WRITER, { of: 'take_recorded_time', from: ' for share;', to: ';' }]],
  ['writers that don\'t look at the seal', [{ of: 'take_recorded_time', from: ', held.sealed_through);', to: ', 0);' }]],
  ['seals that don\'t wait', [UNQUEUED_WRITER, { of: 'take_recorded_time', from: ' for share;', to: ' for key share;' }, { of: 'seal_through', from: ' for update;', to: ';' }]],
];

test.each(holes)('%s are found out', async (_name, changes) => {
  const theatre = await openTheatre();
  for (const { of, from, to } of changes) {
    const { rows: [row] } = await theatre.owner.query<{ text: string }>(`select pg_get_functiondef(('metering.' || $1)::regproc) as text`, [of]);
    expect(row?.text).toContain(from);
    await theatre.owner.query((row?.text ?? '').replace(from, to));
  }
  let round = 0;
  expect(await playRounds(theatre, () => (round < MUTANT_ROUNDS ? (round += 1) : null))).toEqual({ seed: round, faults: expect.arrayContaining([expect.any(String)]) });
  process.stdout.write(`found in round ${round}\n`);
}, 60_000 + MUTANT_ROUNDS * ROUND_MS_MAX);
