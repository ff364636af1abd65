// A subscription ends: now, at an instant, at the end of its period, in the past. What it is billed follows from facts and cutoffs
// alone, and what is recorded after its last run is settled.
import type { PriceSample } from '@valora/cli';
import { startScenario, summary, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOf } from './explanation-evaluator.ts';

// January has 31 days: a day's fee is 1.00.
const fee: PriceSample = { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '31' } } };
const requests: PriceSample = { code: 'requests', displayName: 'Requests', meter: 'requests', model: { $case: 'perUnit', value: { unitAmount: '0.5' } } };

let valora: TestValora;
beforeAll(async () => { valora = await startTestValora(); });
afterAll(async () => { await valora.stop(); });

async function furnished(graceHours = 0n): Promise<Scenario> {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z', { settings: { timeZone: 'UTC', roundingMode: 0, grace: { seconds: graceHours * 3_600n, nanos: 0 }, keepZeroLines: false, latenessPolicy: 0 } });
  await scenario.plan('team', [fee, requests]);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  return scenario;
}

/** Every document in a line, by run; and each must verify, and recompute from its explanation. */
async function billed(scenario: Scenario): Promise<string[]> {
  const invoices = await scenario.invoices();
  const notes = await scenario.creditNotes();
  const names = [...invoices.map(({ invoiceId: value }) => ({ $case: 'invoiceId', value }) as const), ...notes.map(({ creditNoteId: value }) => ({ $case: 'creditNoteId', value }) as const)];
  for (const document of names) {
    expect((await scenario.caller.invoices.verifyInvoice({ document })).result?.$case).toBe('match');
    const { explanation } = await scenario.caller.invoices.explainInvoice({ document });
    if (explanation === undefined) throw new Error('no explanation');
    expect(faultsOf(explanation)).toEqual([]);
  }
  return [...invoices.map((invoice) => ({ runIndex: invoice.runIndex, text: summary(invoice) })), ...notes.map(({ runIndex, amount }) => ({ runIndex, text: `credit note ${runIndex}: ${amount?.amount}` }))]
    .toSorted((one, other) => one.runIndex - other.runIndex).map(({ text }) => text);
}

test('now: the days in service are billed as soon as the grace is over, usage up to the instant, and then nothing', async () => {
  const scenario = await furnished(2n);
  await scenario.advance('2026-01-11T00:00:00Z');
  await scenario.use(['in', 'requests', 'acme', '2026-01-10T23:59:59.999999Z', '3'], ['out', 'requests', 'acme', '2026-01-11T00:00:00Z', '100']);
  await scenario.cancel('acme', 'now');
  await scenario.advance('2026-01-11T02:00:00Z');
  expect(await billed(scenario)).toEqual([]);
  await scenario.use(['in-grace', 'requests', 'acme', '2026-01-05T00:00:00Z', '1']);
  await scenario.advance('2026-01-11T02:00:00.000001Z');
  expect(await billed(scenario)).toEqual(['acme 1: fee 10.00, requests 2.00 = 12.00']);
  await scenario.advance('2026-06-01T00:00:00Z');
  expect(await billed(scenario)).toHaveLength(1);
});

test('at an instant to come, put off, and taken back: as if it had never been', async () => {
  const scenario = await furnished();
  await scenario.cancel('acme', '2026-01-11T00:00:00Z');
  await scenario.advance('2026-01-10T00:00:00Z');
  await scenario.cancel('acme', '2026-01-21T00:00:00Z');
  await scenario.advance('2026-01-20T23:59:59.999999Z');
  await scenario.uncancel('acme');
  await scenario.advance('2026-02-01T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: fee 31.00 = 31.00']);
  await scenario.cancel('acme', '2026-02-15T12:00:00Z');
  await scenario.advance('2026-05-01T00:00:00Z');
  // 14 of 28 days: the day of the change belongs to what comes after it.
  expect(await billed(scenario)).toEqual(['acme 1: fee 31.00 = 31.00', 'acme 2: fee 15.50 = 15.50']);
});

test('at the period end: the period is whole, its cutoff stays, and it is the last', async () => {
  const scenario = await furnished();
  await scenario.advance('2026-01-11T00:00:00Z');
  await scenario.use(['in', 'requests', 'acme', '2026-01-11T00:00:00Z', '3']);
  await scenario.cancel('acme', 'period end');
  await scenario.advance('2026-04-01T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: fee 31.00, requests 1.50 = 32.50']);
});

test('in the past: what was billed for later is credited', async () => {
  const scenario = await furnished();
  await scenario.advance('2026-01-25T00:00:00Z');
  await scenario.use(['kept', 'requests', 'acme', '2026-01-20T00:00:00Z', '2'], ['credited', 'requests', 'acme', '2026-01-21T00:00:00Z', '4']);
  await scenario.advance('2026-03-05T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: fee 31.00, requests 3.00 = 34.00', 'acme 2: fee 31.00 = 31.00']);
  await scenario.cancel('acme', '2026-01-21T00:00:00Z');
  await scenario.advance('2026-03-06T00:00:00Z');
  // Of cycle 1, 20.00 − 31.00 and 1.00 − 3.00; of cycle 2, −31.00; cycle 3 calls for nothing.
  expect(await billed(scenario)).toEqual(['acme 1: fee 31.00, requests 3.00 = 34.00', 'acme 2: fee 31.00 = 31.00', 'credit note 3: 44.00']);
});

test('a back-dated start with a back-dated end: the missed periods, then their credits', async () => {
  const scenario = await startScenario(valora, '2026-03-10T00:00:00Z');
  await scenario.plan('team', [fee, requests], '2026-01-01T00:00:00Z');
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.cancel('acme', '2026-01-11T00:00:00Z');
  await scenario.advance('2026-03-11T00:00:00Z');
  // The cancel is recorded in the same microsecond as the start, so the very first run knows it.
  expect(await billed(scenario)).toEqual(['acme 1: fee 10.00 = 10.00']);
});

test('usage recorded after the last run is settled at its recorded time + grace, again and again', async () => {
  const scenario = await furnished(1n);
  await scenario.advance('2026-01-11T00:00:00Z');
  await scenario.cancel('acme', 'now');
  await scenario.advance('2026-02-10T12:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: fee 10.00 = 10.00']);
  await scenario.use(['late', 'requests', 'acme', '2026-01-05T00:00:00Z', '4'], ['never', 'requests', 'acme', '2026-01-11T00:00:00Z', '1000']);
  await scenario.advance('2026-02-10T12:30:00Z');
  await scenario.use(['late-too', 'requests', 'acme', '2026-01-06T00:00:00Z', '2']);
  await scenario.advance('2026-02-10T13:00:00Z');
  expect(await billed(scenario)).toHaveLength(1);
  await scenario.advance('2026-02-10T13:00:00.000001Z');
  expect((await billed(scenario))[1]).toBe('acme 2: requests (cycle 1) 3.00 = 3.00');
  await scenario.use(['corrected', 'requests', 'acme', '2026-01-05T00:00:00Z', '-1']);
  await scenario.advance('2026-06-01T00:00:00Z');
  await scenario.use(['last', 'requests', 'acme', '2026-01-10T23:59:59.999999Z', '2']);
  await scenario.advance('2026-07-01T00:00:00Z');
  expect(await billed(scenario)).toEqual([
    'acme 1: fee 10.00 = 10.00', 'acme 2: requests (cycle 1) 3.00 = 3.00', 'credit note 3: 0.50', 'acme 4: requests (cycle 1) 1.00, credit -0.50 = 0.50',
  ]);
});

test('what is not of its time in service calls for no settlement', async () => {
  const scenario = await furnished();
  await scenario.advance('2026-01-11T00:00:00Z');
  await scenario.cancel('acme', 'now');
  await scenario.advance('2026-02-10T00:00:00Z');
  await scenario.use(['after', 'requests', 'acme', '2026-01-11T00:00:00Z', '4'], ['before', 'requests', 'acme', '2025-12-31T23:59:59.999999Z', '4'], ['another', 'requests', 'globex', '2026-01-05T00:00:00Z', '4']);
  await scenario.advance('2026-06-01T00:00:00Z');
  const { invoices } = await scenario.caller.invoices.listInvoices({ pageSize: 0, pageToken: '', subscription: 'acme' });
  expect(invoices.map(summary)).toEqual(['acme 1: fee 10.00 = 10.00']);
});

test('another subscription may follow at the instant of the cancel; each event is billed by one of them', async () => {
  const scenario = await furnished();
  await scenario.cancel('acme', '2026-01-11T00:00:00Z');
  await scenario.caller.subscriptions.createSubscription({
    requestId: 'next', subscription: { reference: 'next', customer: 'acme', plan: 'team', planVersion: 0, items: [], timeZone: '', interval: 0, intervalCount: 0, state: 0, alignment: 0, startTime: { seconds: 1_768_089_600n, nanos: 0 } },
  });
  await scenario.advance('2026-01-12T00:00:00Z');
  await scenario.use(['last', 'requests', 'acme', '2026-01-10T23:59:59.999999Z', '2'], ['first', 'requests', 'acme', '2026-01-11T00:00:00Z', '6']);
  await scenario.advance('2026-02-12T00:00:00Z');
  expect((await scenario.invoices()).map(summary).toSorted()).toEqual([
    'acme 1: fee 10.00 = 10.00', 'acme 2: requests (cycle 1) 1.00 = 1.00', 'next 1: fee 31.00, requests 3.00 = 34.00',
  ]);
});
