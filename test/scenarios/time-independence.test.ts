// When jobs run decides no amount: one random book of usage, some of it late, price versions, settings and cancels is replayed with
// the jobs run at every fact, every hour, every day, once at the end, by two callers at once, and by four schedulers that
// tick while facts come in. Facts are recorded at the same instants in every replay; the canonical invoices and the digest
// of every run must be the same to the byte. And a law: every run comes out the same again on any later day.
import { timestampFromInstant } from '@valora/chassis';
import { InvoiceServiceService, type VerifyInvoiceRequest } from '@valora/contracts/valora/invoicing/v1/invoice';
import { BillingCycleServiceService, type BillingCycle } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { formatInstant, instant, parseInstant, type Instant } from '@valora/rating';
import type { Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contextFor, openBackstage, type Backstage } from './backstage.ts';
import { bookOf, customers, openBook, type Fact, type Span } from './random-book.ts';

const HOUR = 3_600_000_000n;
const DAY = 24n * HOUR;
const FACTS = 40;
const REPLICAS = 4;
const START = parseInstant('2026-01-15T08:00:00Z');
/** Four months, in which run after run falls due. */
const months: Span = { start: START, end: parseInstant('2026-05-20T00:00:00Z'), subscriptionStarts: [START, START, START], stepMicros: DAY, latenessMicros: 40n * DAY };
/** Few days, so that they can be gone through hour by hour: three months are billed in arrears at once, and a fourth falls due for each in turn. */
const days: Span = {
  start: START, end: parseInstant('2026-01-20T00:00:00Z'), stepMicros: DAY, latenessMicros: 130n * DAY,
  subscriptionStarts: [parseInstant('2025-09-16T03:30:00Z'), parseInstant('2025-09-17T12:00:00Z'), parseInstant('2025-09-18T23:59:59.999999Z')],
};

let valora: TestValora;
let backstage: Backstage;
beforeAll(async () => {
  valora = await startTestValora();
  backstage = openBackstage(valora);
});
afterAll(async () => {
  backstage.close();
  await valora.stop();
});

/** Moves the clock from one instant to the next, with the jobs run as the replay wants it. */
type Passage = (scenario: Scenario, from: Instant, to: Instant) => Promise<void>;

async function clockOnly({ organization }: Scenario, _from: Instant, to: Instant): Promise<void> {
  await backstage.setClock(organization.organizationId, to);
}

function inStepsOf(step: bigint): Passage {
  return async (scenario, from, to) => {
    for (let time = from + step; time < to; time += step) await scenario.advance(formatInstant(instant(time)));
    await scenario.advance(formatInstant(to));
  };
}

const atEveryFact: Passage = (scenario, _from, to) => scenario.advance(formatInstant(to));
const daily: readonly [string, Passage] = ['every day', inStepsOf(DAY)];
const hourly: readonly [string, Passage] = ['every hour', inStepsOf(HOUR)];
const others: readonly (readonly [string, Passage])[] = [
  ['once at the end', clockOnly],
  ['by two at once', async (scenario, from, to) => void await Promise.all([atEveryFact(scenario, from, to), atEveryFact(scenario, from, to)])],
];

/** A run, with or without a document: the cycle, and the digest of what it billed. */
const runLine = ({ subscription, cycleIndex, runDigest }: BillingCycle): string => `${subscription} ${cycleIndex}: ${runDigest}`;

async function closedCycles({ organization }: Scenario): Promise<readonly BillingCycle[]> {
  const cycles = await Promise.all(customers.map(async (subscription) =>
    (await organization.connection.stub(BillingCycleServiceService).listBillingCycles({ subscription, pageSize: 1_000, pageToken: '' })).cycles));
  return cycles.flat().filter(({ runDigest }) => runDigest !== '');
}

async function billed(scenario: Scenario): Promise<readonly string[]> {
  return [...await scenario.canonical(), ...(await closedCycles(scenario)).map(runLine)];
}

async function live(scenario: Scenario, book: readonly Fact[], { start, end }: Span, pass: Passage): Promise<void> {
  let now = start;
  for (const { time, record } of book) {
    await pass(scenario, now, time);
    now = time;
    await record(scenario);
  }
  await pass(scenario, now, end);
}

async function replay(book: readonly Fact[], span: Span, pass: Passage): Promise<readonly string[]> {
  const scenario = await openBook(valora, span);
  await live(scenario, book, span, pass);
  await scenario.advance(formatInstant(span.end));
  return await billed(scenario);
}

/** Four schedulers tick while clock and facts move on, each job whenever it comes by. */
async function replayByReplicas(book: readonly Fact[], span: Span): Promise<readonly string[]> {
  const scenario = await openBook(valora, span);
  const replicas = await backstage.startReplicas(REPLICAS);
  try {
    await live(scenario, book, span, clockOnly);
    await backstage.workDone(scenario.organization.organizationId, span.end);
  } finally {
    await replicas.stop();
  }
  // A sandbox's settlements are looked for now and then, and all of them when its clock is advanced.
  const rest = await scenario.caller.scheduler.advanceClock({ targetTime: timestampFromInstant(span.end) });
  const closedCount = await replicas.total('valora_scheduler_batch_processed_total{job="close_cycles",resource="billing_cycle"}');
  const finalizedCount = await replicas.total('valora_scheduler_batch_processed_total{job="issue_invoices",resource="invoice"}');
  expect([closedCount + rest.closedCycleCount, finalizedCount + rest.finalizedInvoiceCount]).toEqual([(await closedCycles(scenario)).length, (await scenario.invoices()).length]);
  expect(closedCount).toBeGreaterThan(rest.closedCycleCount);
  return await billed(scenario);
}

test.each([
  ['months', 20_261_121, months, [daily, ...others]], ['months', 4_711, months, [daily, ...others]], ['days', 99, days, [hourly, ...others]],
] as const)('a book of %s (%i): the same invoices and runs to the byte, whenever and by how many the jobs are run', async (_name, seed, span, passages) => {
  const book = bookOf(seed, FACTS, span);
  const expected = await replay(book, span, atEveryFact);
  expect(expected.length).toBeGreaterThan(18);
  for (const [name, pass] of passages) expect([name, await replay(book, span, pass)]).toEqual([name, expected]);
  expect(['by four replicas', await replayByReplicas(book, span)]).toEqual(['by four replicas', expected]);
}, 300_000);

/** Every run derived again from the facts by the door of the close, which stores nothing for a run that is stored; also runs without a document. */
async function recomputed(scenario: Scenario, now: Instant): Promise<readonly string[]> {
  const { runBillingCycles } = backstage.peer.stub(InvoiceServiceService);
  return await Promise.all((await closedCycles(scenario)).map(async ({ subscription, cycleIndex }) => {
    const { results } = await runBillingCycles(contextFor(scenario.organization.organizationId), { cycles: [{ subscription, cycleIndex }], sealThroughTime: timestampFromInstant(now) });
    return results.map(({ result }) => `${subscription} ${cycleIndex}: ${result?.$case === 'digest' ? result.value : result?.value.reason}`).join();
  }));
}

/** Every document derived again from the source records, its credits too. */
async function verdicts(scenario: Scenario): Promise<readonly string[]> {
  const documents: readonly VerifyInvoiceRequest[] = [
    ...(await scenario.invoices()).map(({ invoiceId: value }): VerifyInvoiceRequest => ({ document: { $case: 'invoiceId', value } })),
    ...(await scenario.creditNotes()).map(({ creditNoteId: value }): VerifyInvoiceRequest => ({ document: { $case: 'creditNoteId', value } })),
  ];
  return await Promise.all(documents.map(async (document) => (await scenario.caller.invoices.verifyInvoice(document)).result?.$case ?? 'nothing'));
}

test.each([['months', 31, months], ['days', 32, days]] as const)('a law, in a book of %s (%i): every run is the same again on a later day, whatever was recorded since', async (_name, seed, span) => {
  const scenario = await openBook(valora, span);
  await live(scenario, bookOf(seed, FACTS, span), span, atEveryFact);
  const runs = (await closedCycles(scenario)).map(runLine);
  const canonical = await scenario.canonical();
  expect(runs.length).toBeGreaterThanOrEqual(9);
  expect(await recomputed(scenario, span.end)).toEqual(runs);

  // Four months more, much of it about cycles that are billed, and a price changed from the first day on.
  const later: Span = { ...span, start: span.end, end: instant(span.end + 120n * DAY) };
  await scenario.caller.catalog.publishPriceVersion({
    requestId: 'back', price: 'fee', effectiveFromTime: timestampFromInstant(instant(START + 1n)), allowBackDating: true, model: { model: { $case: 'flat', value: { amount: '7.77' } } },
  });
  await scenario.use(...customers.map((customer) => [`back/${customer}`, 'requests', customer, formatInstant(instant(START + DAY)), '1000'] as const));
  await live(scenario, bookOf(seed + 1_000, FACTS, later), later, atEveryFact);
  const grown = (await closedCycles(scenario)).map(runLine);
  expect(grown).toEqual(expect.arrayContaining(runs));
  expect(grown.length).toBeGreaterThan(runs.length);
  expect(await recomputed(scenario, later.end)).toEqual(grown);
  expect(await scenario.canonical()).toEqual(expect.arrayContaining([...canonical]));
  expect(new Set(await verdicts(scenario))).toEqual(new Set(['match']));
}, 120_000);

test('the books had what they are to try: cancels, takings back, and settlements', async () => {
  const owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  try {
    const { rows } = await owner.query<{ kind: string }>(`select distinct kind from subscription.subscription_fact union select 'SETTLEMENT' from subscription.billing_cycle where start_time = end_time order by kind`);
    expect(rows.map(({ kind }) => kind)).toEqual(['CANCELED', 'CANCEL_UNDONE', 'SETTLEMENT', 'STARTED']);
  } finally {
    await owner.end();
  }
});
