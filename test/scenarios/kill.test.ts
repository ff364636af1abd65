// Real processes are killed with SIGKILL at random moments of ingest, close and finalize, and their database connections cut;
// others take over, and the client repeats what was not acknowledged. Every book must end as an undisturbed one: every event
// known once, every run once, numbers without gap or double, the same canonical bytes. VALORA_KILLS says how many are killed;
// VALORA_SEED draws the same moments again, as far as a machine repeats itself.
import { createReplicas, type Replica, type Replicas } from '@valora/testkit/replica';
import { seeded } from '@valora/testkit/seeded';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bookKeys, bookOutcome, bookSteps, openBook, type StepKind } from './kill-book.ts';
import { attempt, drawBlow } from './kill-life.ts';

const KILLS_DEFAULT = 100;
const KILLS = Number(process.env['VALORA_KILLS'] || KILLS_DEFAULT);
const SEED = Number(process.env['VALORA_SEED'] || Date.now() % 2 ** 31);
const KILL_MS_MAX = 5_000;
/** Started ahead, so that no kill waits for a start. They tick meanwhile, as idle replicas do. */
const SPARES = 3;
const BOOKS_AT_ONCE = 2;

let valora: TestValora;
let owner: pg.Client;
let replicas: Replicas;
beforeAll(async () => {
  valora = await startTestValora();
  owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  replicas = createReplicas(valora);
});
afterAll(async () => {
  await replicas.stop();
  await owner.end();
  await valora.stop();
});

interface Undisturbed {
  readonly outcome: object;
  /** How many statements each step takes. */
  readonly statements: readonly number[];
}

/** A book on a replica that lives. */
async function undisturbed(): Promise<Undisturbed> {
  const replica = await replicas.start();
  const book = await openBook(valora);
  const statements: number[] = [];
  for (const step of bookSteps(() => {})) {
    const tried = await attempt(step, { replica, apiKey: book.organization.apiKey, owner, blow: null });
    expect(tried).toMatchObject({ done: true, killed: false });
    statements.push(tried.statements);
  }
  await replica.stop(); // by SIGTERM, and so it leaves what it compiled to the others
  return { outcome: await bookOutcome(owner, book), statements };
}

interface Tally {
  readonly kills: Record<StepKind, number>;
  books: number;
  /** Batches whose replica died between their COMMIT and their acknowledgement. */
  storedUnheard: number;
  /** Cycles whose replica died between their claim and their completion. */
  heldCycles: number;
  /** A book came out wrong: the others are finished in peace. */
  failed: boolean;
}

function moreToKill({ kills, failed }: Tally): boolean {
  return !failed && kills.INGEST + kills.CLOSE < KILLS;
}

/** Works through books, one after the other, on one replica after the other, until enough are killed; the last book is finished in peace. */
async function workUnderFire({ tally, nextReplica, calm }: { tally: Tally; nextReplica: () => Promise<Replica>; calm: Undisturbed }): Promise<void> {
  let replica: Replica | null = null;
  while (moreToKill(tally)) {
    tally.books += 1;
    const seed = SEED + tally.books;
    const below = seeded(seed);
    const book = await openBook(valora);
    for (const [position, step] of bookSteps(() => { tally.storedUnheard += 1; }).entries()) {
      for (let done = false; !done;) {
        replica ??= await nextReplica();
        const blow = moreToKill(tally) ? drawBlow(below, { kind: step.kind, statements: calm.statements[position] ?? 1 }) : null;
        const tried = await attempt(step, { replica, apiKey: book.organization.apiKey, owner, blow });
        done = tried.done;
        if (!tried.killed) continue;
        tally.kills[step.kind] += 1;
        tally.heldCycles += tried.heldCycles;
        replica = null;
      }
    }
    expect({ seed, defects: replicas.defects(), outcome: await bookOutcome(owner, book) }).toEqual({ seed, defects: [], outcome: calm.outcome });
  }
}

test(`${KILLS} killed processes leave every book as one undisturbed would (VALORA_SEED=${SEED})`, async () => {
  const calm = await undisturbed();
  expect(calm.outcome).toMatchObject({ keys: bookKeys, events: bookKeys, numbers: [1, 2, 3, 4, 5, 6, 7, 8, 9], openCycles: ['a/4', 'b/4', 'c/4'], unverified: [], auditGaps: [] });

  const ready = Array.from({ length: SPARES }, () => replicas.start());
  const nextReplica = async (): Promise<Replica> => {
    ready.push(replicas.start());
    const next = ready.shift();
    if (next === undefined) throw new Error('no replica is ready');
    return await next;
  };
  const tally: Tally = { kills: { INGEST: 0, CLOSE: 0 }, books: 0, storedUnheard: 0, heldCycles: 0, failed: false };
  const startMs = performance.now();
  const ends = await Promise.allSettled(Array.from({ length: BOOKS_AT_ONCE }, () => workUnderFire({ tally, nextReplica, calm }).finally(() => { tally.failed ||= moreToKill(tally); })));
  await Promise.allSettled(ready);
  process.stdout.write(`VALORA_SEED=${SEED}: ${JSON.stringify({ ...tally, seconds: Math.round((performance.now() - startMs) / 1_000) })}\n`);
  expect(ends.map((end) => (end.status === 'rejected' ? end.reason : end.status))).toEqual(ends.map(() => 'fulfilled'));
  // So many kills must have left claims behind, or they fall where nothing happens.
  if (KILLS >= KILLS_DEFAULT) expect(tally.heldCycles).toBeGreaterThan(0);
}, 120_000 + KILLS * KILL_MS_MAX);
