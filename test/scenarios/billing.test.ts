// Dated scenarios through all six services, with real gRPC and PostgreSQL. Time moves by the sandbox's clock alone.
import { status } from '@grpc/grpc-js';
import { CallError, instantFromTimestamp, timestampFromInstant } from '@valora/chassis';
import { callerOf, type PriceSample } from '@valora/cli';
import { InvoiceState } from '@valora/contracts/valora/invoicing/v1/invoice';
import { BillingCycleServiceService, BillingCycleState } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { BillingAlignment } from '@valora/contracts/valora/subscription/v1/subscription';
import { formatInstant, parseInstant } from '@valora/rating';
import { startScenario, summary, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';

const fee: PriceSample = { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } };
const requests: PriceSample = {
  code: 'requests', displayName: 'Requests', meter: 'requests',
  model: { $case: 'graduated', value: { tiers: [{ upTo: '100', unitAmount: '0.10', flatAmount: '' }, { upTo: '', unitAmount: '0.05', flatAmount: '' }] } },
};
const storage: PriceSample = {
  code: 'storage', displayName: 'Storage', meter: 'storage',
  model: { $case: 'volume', value: { tiers: [{ upTo: '10', unitAmount: '2', flatAmount: '' }, { upTo: '', unitAmount: '1', flatAmount: '' }] } },
};

let valora: TestValora;
beforeAll(async () => { valora = await startTestValora(); });
afterAll(async () => { await valora.stop(); });

const at = (text: string) => timestampFromInstant(parseInstant(text));

async function summaries(scenario: Scenario): Promise<string[]> {
  return (await scenario.invoices()).map(summary);
}

test('2026-01-31 monthly: periods clamp to the month\'s end and tile; each is billed once', async () => {
  const scenario = await startScenario(valora, '2026-01-31T10:00:00Z');
  await scenario.plan('team', [fee, requests]);
  await scenario.subscribe('acme', 'team', '2026-01-31T10:00:00Z');
  await scenario.use(['a', 'requests', 'acme', '2026-01-31T10:00:00Z', '150']);
  await scenario.advance('2026-02-28T09:59:59.999999Z');
  expect(await summaries(scenario)).toEqual([]);
  await scenario.use(['b', 'requests', 'acme', '2026-02-28T09:59:59.999999Z', '1'], ['c', 'requests', 'acme', '2026-02-28T10:00:00Z', '7.5']);
  await scenario.advance('2026-05-01T00:00:00Z');
  expect(await summaries(scenario)).toEqual(['acme 1: fee 20.00, requests 12.55 = 32.55', 'acme 2: fee 20.00, requests 0.75 = 20.75', 'acme 3: fee 20.00 = 20.00']);
  const { cycles } = await scenario.organization.connection.stub(BillingCycleServiceService).listBillingCycles({ subscription: 'acme', pageSize: 0, pageToken: '' });
  expect(cycles.map(({ period }) => period?.startTime && formatInstant(instantFromTimestamp(period.startTime)))).toEqual(
    ['2026-01-31T10:00:00Z', '2026-02-28T10:00:00Z', '2026-03-31T10:00:00Z', '2026-04-30T10:00:00Z']);
  expect(cycles.map(({ state }) => state)).toEqual([BillingCycleState.CLOSED, BillingCycleState.CLOSED, BillingCycleState.CLOSED, BillingCycleState.OPEN]);
  expect((await scenario.invoices()).map(({ number, state }) => [number, state])).toEqual([[1n, InvoiceState.FINALIZED], [2n, InvoiceState.FINALIZED], [3n, InvoiceState.FINALIZED]]);
});

test('grace: usage that arrives before the cutoff is in, usage that arrives after it is the exact difference on the next invoice', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z', { settings: { timeZone: 'UTC', roundingMode: 0, grace: { seconds: 7_200n, nanos: 0 }, keepZeroLines: false, latenessPolicy: 0 } });
  await scenario.plan('team', [requests]);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.advance('2026-01-20T00:00:00Z');
  await scenario.use(['on-time', 'requests', 'acme', '2026-01-20T00:00:00Z', '90']);
  await scenario.advance('2026-02-01T01:59:59.999999Z');
  await scenario.use(['in-grace', 'requests', 'acme', '2026-01-31T23:59:59Z', '5']);
  await scenario.advance('2026-02-01T02:00:00Z');
  expect(await summaries(scenario)).toEqual(['acme 1: requests 9.50 = 9.50']);
  // 95 + 15 = 110: 100 × 0.10 + 10 × 0.05 = 10.50, of which 9.50 is billed.
  await scenario.advance('2026-02-10T00:00:00Z');
  await scenario.use(['late', 'requests', 'acme', '2026-01-31T23:59:59Z', '15'], ['next', 'requests', 'acme', '2026-02-10T00:00:00Z', '10']);
  await scenario.advance('2026-03-02T00:00:00Z');
  expect(await summaries(scenario)).toEqual(['acme 1: requests 9.50 = 9.50', 'acme 2: requests 1.00, requests (cycle 1) 1.00 = 2.00']);
});

test('late usage that reaches a cheaper tier makes a credit note, and the next invoices use it up', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('disk', [storage]);
  await scenario.subscribe('acme', 'disk', '2026-01-01T00:00:00Z');
  await scenario.advance('2026-01-10T00:00:00Z');
  await scenario.use(['one', 'storage', 'acme', '2026-01-10T00:00:00Z', '10']); // 10 × 2 = 20
  await scenario.advance('2026-02-01T00:00:00Z');
  await scenario.use(['late', 'storage', 'acme', '2026-01-10T00:00:00Z', '1']); // 11 × 1 = 11
  await scenario.advance('2026-03-01T00:00:00Z');
  await scenario.advance('2026-03-10T00:00:00Z');
  await scenario.use(['three', 'storage', 'acme', '2026-03-10T00:00:00Z', '2']); // 4
  await scenario.advance('2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-10T00:00:00Z');
  await scenario.use(['four', 'storage', 'acme', '2026-04-10T00:00:00Z', '4']); // 8
  await scenario.advance('2026-05-01T00:00:00Z');
  expect((await scenario.creditNotes()).map(({ runIndex, amount, remaining }) => [runIndex, amount?.amount, remaining?.amount])).toEqual([[2, '9.00', '0.00']]);
  expect(await summaries(scenario)).toEqual([
    'acme 1: storage 20.00 = 20.00', 'acme 3: storage 4.00, credit -4.00 = 0.00', 'acme 4: storage 8.00, credit -5.00 = 3.00',
  ]);
});

test('amounts of 22 digits are exact to the cent, also what is left of a credit', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  const huge: PriceSample = { code: 'huge', displayName: 'Huge', meter: 'huge', model: { $case: 'perUnit', value: { unitAmount: '1' } } };
  await scenario.plan('huge', [huge]);
  await scenario.subscribe('acme', 'huge', '2026-01-01T00:00:00Z');
  await scenario.use(['one', 'huge', 'acme', '2026-01-01T00:00:00Z', '-12345678901234567879.12']);
  await scenario.advance('2026-02-01T00:00:00Z');
  await scenario.use(['two', 'huge', 'acme', '2026-02-01T00:00:00Z', '10.01']);
  await scenario.advance('2026-03-01T00:00:00Z');
  expect((await scenario.creditNotes()).map(({ amount, remaining }) => [amount?.amount, remaining?.amount])).toEqual([['12345678901234567879.12', '12345678901234567869.11']]);
  expect(await summaries(scenario)).toEqual(['acme 2: huge 10.01, credit -10.01 = 0.00']);
});

test('a back-dated start bills the missed periods, each as its own cycle', async () => {
  const scenario = await startScenario(valora, '2026-04-10T00:00:00Z');
  await scenario.plan('team', [fee, requests], '2026-01-01T00:00:00Z');
  await scenario.use(['jan', 'requests', 'acme', '2026-01-20T00:00:00Z', '10'], ['mar', 'requests', 'acme', '2026-03-20T00:00:00Z', '20']);
  await scenario.subscribe('acme', 'team', '2026-01-15T00:00:00Z');
  await scenario.advance('2026-04-10T00:00:01Z');
  expect((await summaries(scenario)).toSorted()).toEqual(['acme 1: fee 20.00, requests 1.00 = 21.00', 'acme 2: fee 20.00 = 20.00']);
  await scenario.advance('2026-04-15T00:00:00Z');
  expect((await summaries(scenario)).toSorted()).toEqual(['acme 1: fee 20.00, requests 1.00 = 21.00', 'acme 2: fee 20.00 = 20.00', 'acme 3: fee 20.00, requests 2.00 = 22.00']);
});

test('2026-02-10 by the calendar: the first period ends on 1 March, with 19 of 28 days of its fee, and bills the first of each month from there', async () => {
  const scenario = await startScenario(valora, '2026-02-10T10:00:00Z');
  await scenario.plan('team', [fee, requests]);
  await scenario.subscribe('acme', 'team', '2026-02-10T10:00:00Z', BillingAlignment.CALENDAR);
  await scenario.use(['a', 'requests', 'acme', '2026-02-10T10:00:00Z', '150']);
  await scenario.advance('2026-02-28T23:59:59.999999Z');
  expect(await summaries(scenario)).toEqual([]);
  await scenario.advance('2026-04-01T00:00:00Z');
  // 20.00 × 19/28 = 13.571… = 13.57; requests are not prorated: 100 × 0.10 + 50 × 0.05.
  expect(await summaries(scenario)).toEqual(['acme 1: fee 13.57, requests 12.50 = 26.07', 'acme 2: fee 20.00 = 20.00']);
});

test('a missing price version stops that run alone, names price and instant, and mending it bills', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee]);
  await scenario.plan('later', [{ ...requests, code: 'later' }], '2026-06-01T00:00:00Z');
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.subscribe('broken', 'later', '2026-01-01T00:00:00Z');
  await expect(scenario.advance('2026-02-01T00:00:00Z')).rejects.toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'BILLING_RUN_FAILED', metadata: { subscription: 'broken', reason: 'PRICE_VERSION_MISSING' } });
  expect(await summaries(scenario)).toEqual(['acme 1: fee 20.00 = 20.00']);
  await expect(scenario.advance('2026-02-01T00:00:00Z')).rejects.toBeInstanceOf(CallError);
  const publish = (requestId: string, unitAmount: string) => scenario.caller.catalog.publishPriceVersion({
    requestId, price: 'later', effectiveFromTime: at('2026-01-01T00:00:00Z'), effectiveToTime: at('2026-06-01T00:00:00Z'), model: { model: { $case: 'perUnit', value: { unitAmount } } }, allowBackDating: true,
  });
  await publish('mend', '1');
  await scenario.advance('2026-03-01T00:00:00Z');
  expect(await summaries(scenario)).toEqual(['acme 1: fee 20.00 = 20.00', 'acme 2: fee 20.00 = 20.00']);
  await scenario.use(['late', 'requests', 'broken', '2026-01-05T00:00:00Z', '3']);
  await scenario.advance('2026-04-01T00:00:00Z');
  expect(await summaries(scenario)).toContain('broken 3: later (cycle 1) 3.00 = 3.00');
});

test('repeating a request answers the same; another body under the same request_id is refused', async () => {
  const scenario = await startScenario(valora, '2026-01-01T00:00:00Z');
  const create = (displayName: string) => scenario.caller.customers.createCustomer({ requestId: 'one', customer: { reference: 'acme', displayName, timeZone: '' } });
  const first = await create('Acme');
  expect(await create('Acme')).toEqual(first);
  await expect(create('Other')).rejects.toMatchObject({ code: status.ALREADY_EXISTS, reason: 'REQUEST_ID_REUSED' });
});

test('the clock of an organization that is no sandbox stays where it is', async () => {
  const { connection } = await valora.createOrganization();
  await expect(callerOf(connection).scheduler.advanceClock({ targetTime: at('2030-01-01T00:00:00Z') })).rejects.toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'NOT_A_SANDBOX' });
});
