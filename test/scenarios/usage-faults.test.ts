// Usage is recorded under fire: single backends of PostgreSQL, all of PostgreSQL and processes of metering are killed with SIGKILL at
// random moments, a COMMIT is held and its backend killed, and the answer to one is lost. Callers send again what was not
// acknowledged. In the end every acknowledged event is stored once and counted once, and no other is there. VALORA_KILLS says how
// many backends are killed, a quarter as many servers, a tenth as many processes; VALORA_SEED draws the same again, as far as a
// machine repeats itself.
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { startKillablePostgres, type KillablePostgres } from '@valora/testkit/killable-postgres';
import { seeded, type Below } from '@valora/testkit/seeded';
import { startSeparateValora, type SeparateValora } from '@valora/testkit/separate';
import { startStatementProxy, type StatementProxy } from '@valora/testkit/statement-proxy';
import type { TestOrganization } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callsForRepetition } from './kill-life.ts';
import { openCaller, persist, startCallers } from './usage-callers.ts';
import { AGREEMENT, compare, createLoad, createUsageMeter, toMessage } from './usage-ledger.ts';

const KILLS = Number(process.env['VALORA_KILLS'] ?? '6');
const SEED = Number(process.env['VALORA_SEED'] ?? Date.now() % 2 ** 31);
const REPLICAS = 2;
const CUSTOMERS = 10;
const STATEMENTS_MAX = 40;
const KILL_AFTER_MS_MAX = 4;
const STRIKE_MS_MAX = 30_000;

type Strike = 'BACKEND' | 'BACKEND_AT_COMMIT' | 'ANSWER' | 'SERVER' | 'SERVICE';

let postgres: KillablePostgres;
let proxies: readonly StatementProxy[];
let valora: SeparateValora;
let organization: TestOrganization;
beforeAll(async () => {
  postgres = await startKillablePostgres();
  proxies = await Promise.all(Array.from({ length: REPLICAS }, () => startStatementProxy(postgres)));
  valora = await startSeparateValora({
    replicas: REPLICAS, services: ['metering'], database: postgres, databasePort: (service, replica) => (service === 'metering' ? proxies[replica]?.port : undefined),
  });
  organization = await valora.createOrganization();
  await createUsageMeter(organization);
}, 120_000);
afterAll(async () => {
  await valora.stop();
  proxies.forEach((proxy) => proxy.close());
});

/** Resolves at a random statement of a replica, with its backend, or a few milliseconds later. */
async function moment(below: Below): Promise<{ readonly replica: number; readonly backend: number }> {
  const replica = below(REPLICAS);
  const afterMs = (KILL_AFTER_MS_MAX * below(1_000)) / 1_000;
  let statements = 1 + below(STATEMENTS_MAX);
  const backend = await new Promise<number>((resolve) => {
    proxies[replica]?.listen((pid) => {
      statements -= 1;
      if (statements === 0) setTimeout(resolve, afterMs, pid);
    });
  });
  proxies[replica]?.listen(null);
  return { replica, backend };
}

/** Decides about one COMMIT, the next one of a replica, and lets the others pass. */
async function atCommit(below: Below, decide: (backend: number) => 'LOST' | 'UNHEARD'): Promise<void> {
  const proxy = proxies[below(REPLICAS)];
  await new Promise<void>((resolve) => {
    proxy?.onCommit((backend) => {
      proxy.onCommit(null);
      resolve();
      return decide(backend);
    });
  });
}

async function strike(kind: Strike, below: Below): Promise<void> {
  switch (kind) {
    case 'BACKEND': {
      while (!postgres.killBackend((await moment(below)).backend));
      return;
    }
    case 'BACKEND_AT_COMMIT': return await atCommit(below, (backend) => {
      postgres.killBackend(backend);
      return 'LOST';
    });
    case 'ANSWER': return await atCommit(below, () => 'UNHEARD');
    case 'SERVER': {
      await moment(below);
      return await postgres.killAndRestart();
    }
    case 'SERVICE': return void await valora.restart('metering', (await moment(below)).replica, 'SIGKILL');
  }
}

/** All strikes in random order. */
function drawStrikes(below: Below): readonly Strike[] {
  const times = (kind: Strike, count: number): Strike[] => Array.from({ length: count }, () => kind);
  const half = Math.ceil(KILLS / 2);
  const strikes = [...times('BACKEND', half), ...times('BACKEND_AT_COMMIT', KILLS - half), ...times('ANSWER', half), ...times('SERVER', Math.ceil(KILLS / 4)), ...times('SERVICE', Math.ceil(KILLS / 10))];
  return strikes.map((kind) => ({ kind, order: below(2 ** 31) })).toSorted((one, other) => one.order - other.order).map(({ kind }) => kind);
}

test(`${KILLS} killed backends, and servers and processes besides, lose and double no acknowledged event (VALORA_SEED=${SEED})`, async () => {
  const below = seeded(SEED);
  const load = createLoad(CUSTOMERS);
  const callers = startCallers({ load, below: seeded(SEED + 1), address: valora.target('metering'), apiKey: organization.apiKey });
  const strikes: Record<Strike, number> = { BACKEND: 0, BACKEND_AT_COMMIT: 0, ANSWER: 0, SERVER: 0, SERVICE: 0 };
  const startMs = performance.now();
  await callers.answeredAgain();
  for (const kind of drawStrikes(below)) {
    await strike(kind, below);
    strikes[kind] += 1;
    await callers.answeredAgain();
  }
  await callers.stop();
  process.stdout.write(`VALORA_SEED=${SEED}: ${JSON.stringify({ strikes, ...callers.tally, acknowledged: callers.acknowledged.size, seconds: Math.round((performance.now() - startMs) / 1_000) })}\n`);
  const peer = valora.peer('metering', 'invoicing');
  expect(await compare({ url: postgres.url, peer }, organization, { load, acknowledged: callers.acknowledged })).toEqual(AGREEMENT);
  expect(callers.tally.storedUnheard).toBeGreaterThan(0);
  expect(callers.tally.streamed).toBeGreaterThan(0);
}, 120_000 + KILLS * STRIKE_MS_MAX);

// A service that says so before PostgreSQL does is right nearly always, and a kill at random hardly ever falls into the moment between. Here the COMMIT is held until
// its backend is dead, so there is no such moment to miss.
test('who held a COMMIT is told nothing; where it was done and its answer lost, the events are there for who sends them again', async () => {
  const client = openCaller(valora.target('metering'), organization.apiKey);
  const load = createLoad(1);
  let sent = 0;
  const fates = { LOST: UsageOutcome.RECORDED, UNHEARD: UsageOutcome.DUPLICATE } as const;
  for (const [fate, outcomeOfRepetition] of Object.entries(fates) as [keyof typeof fates, UsageOutcome][]) {
    for (let round = 0; round < 10; round += 1) {
      const events = [1, 2, 3].map(() => ({ ...toMessage(load.event(0)), idempotencyKey: `held-${(sent += 1)}` }));
      let held = 0;
      for (const proxy of proxies) proxy.onCommit(() => { held += 1; return fate; });
      const first = await Promise.allSettled(events.map((event) => client.usage.recordUsage({ events: [event] })));
      expect(held).toBeGreaterThan(0);
      expect(first.map((call) => (call.status === 'rejected' ? callsForRepetition(call.reason) : 'was told that it is stored'))).toEqual([true, true, true]);
      for (const proxy of proxies) proxy.onCommit(null);
      const { outcomes } = await persist(() => client.usage.recordUsage({ events }), { repeated: 0 });
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(events.map(() => outcomeOfRepetition));
    }
  }
  client.close();
}, 120_000);
