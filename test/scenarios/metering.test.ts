// Every aggregation through all services, from the event to the verified invoice, and what becomes of it when events come
// late or are voided: amounts worked out by hand.
import { timestampFromInstant } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import { Aggregation, type Meter } from '@valora/contracts/valora/metering/v1/meter';
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { LatenessPolicy } from '@valora/contracts/valora/tenancy/v1/organization';
import { parseInstant } from '@valora/rating';
import { startScenario, summary, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOf } from './explanation-evaluator.ts';
import { documents, verdicts } from './verification-book.ts';

let valora: TestValora;
beforeAll(async () => { valora = await startTestValora(); });
afterAll(async () => { await valora.stop(); });

const priced = (code: string, unitAmount: string, meterDefinition: Partial<Meter>): PriceSample =>
  ({ code, displayName: code, meter: code, model: { $case: 'perUnit', value: { unitAmount } }, meterDefinition });

const prices = [
  priced('calls', '0.50', { aggregation: Aggregation.COUNT }),
  priced('eu-calls', '0.25', { aggregation: Aggregation.COUNT, filters: [{ property: 'region', values: ['eu'] }] }),
  priced('peak', '1', { aggregation: Aggregation.MAX }),
  priced('low', '1', { aggregation: Aggregation.MIN }),
  priced('mean', '1', { aggregation: Aggregation.AVERAGE }),
  priced('seats', '2', { aggregation: Aggregation.LATEST }),
  priced('users', '3', { aggregation: Aggregation.UNIQUE_COUNT, uniqueProperty: 'user' }),
  priced('storage', '1', { aggregation: Aggregation.WEIGHTED_SUM }),
];

type Event = readonly [key: string, meter: string, time: string, value: string, properties?: Readonly<Record<string, string>>];

async function use({ caller }: Scenario, ...events: readonly Event[]): Promise<void> {
  const { outcomes } = await caller.usage.recordUsage({
    events: events.map(([idempotencyKey, meter, time, value, properties = {}]) => (
      { idempotencyKey, meter, customer: 'acme', subscription: '', eventTime: timestampFromInstant(parseInstant(time)), value, properties: new Map(Object.entries(properties)) })),
  });
  expect(outcomes.filter(({ outcome }) => outcome !== UsageOutcome.RECORDED)).toEqual([]);
}

async function billed(scenario: Scenario): Promise<readonly string[]> {
  const notes = (await scenario.creditNotes()).map(({ runIndex, amount }) => `credit note ${runIndex}: ${amount?.amount}`);
  return [...(await scenario.invoices()).map(summary), ...notes].toSorted();
}

/** Everything that was billed verifies, and its explanations recompute. */
async function expectProven(scenario: Scenario): Promise<void> {
  expect(new Set(await verdicts(scenario))).toEqual(new Set(['match']));
  for (const name of await documents(scenario)) {
    const { explanation } = await scenario.caller.invoices.explainInvoice(name);
    expect(explanation === undefined ? ['no explanation'] : faultsOf(explanation)).toEqual([]);
  }
}

/** Which late usage the settled quantities of a document count, by meter, cycle and part. */
async function latenessOf(scenario: Scenario, runIndex: number): Promise<Readonly<Record<string, unknown>>> {
  const invoiceId = (await scenario.invoices()).find((invoice) => invoice.runIndex === runIndex)?.invoiceId ?? '';
  const { explanation } = await scenario.caller.invoices.explainInvoice({ document: { $case: 'invoiceId', value: invoiceId } });
  return Object.fromEntries((explanation?.lines ?? []).flatMap(({ cycleIndex, settled }) => (settled?.quantity?.$case === 'usage' ? [[`${settled.quantity.value.meter} ${cycleIndex}`, settled.quantity.value.lateness?.policy]] : [])));
}

const at = (time: string) => timestampFromInstant(parseInstant(time));

test('all eight aggregations on one invoice', async () => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z');
  await scenario.plan('all', prices);
  await scenario.subscribe('acme', 'all', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-30T23:00:00Z');
  await use(scenario,
    ['c1', 'calls', '2026-04-02T00:00:00Z', ''], ['c2', 'calls', '2026-04-02T00:00:00Z', '9'],
    ['e1', 'eu-calls', '2026-04-02T00:00:00Z', '', { region: 'eu' }], ['e2', 'eu-calls', '2026-04-02T00:00:00Z', '', { region: 'us' }], ['e3', 'eu-calls', '2026-04-02T00:00:00Z', ''],
    ['p1', 'peak', '2026-04-03T00:00:00Z', '3'], ['p2', 'peak', '2026-04-04T00:00:00Z', '7.25'], ['p3', 'peak', '2026-04-05T00:00:00Z', '5'],
    ['l1', 'low', '2026-04-03T00:00:00Z', '3.5'], ['l2', 'low', '2026-04-04T00:00:00Z', '7'],
    ['m1', 'mean', '2026-04-03T00:00:00Z', '1'], ['m2', 'mean', '2026-04-04T00:00:00Z', '1'], ['m3', 'mean', '2026-04-05T00:00:00Z', '2'],
    ['s2', 'seats', '2026-04-20T00:00:00Z', '4'], ['s3', 'seats', '2026-04-20T00:00:00Z', '6'], ['s1', 'seats', '2026-04-19T00:00:00Z', '9'],
    ['u1', 'users', '2026-04-03T00:00:00Z', '', { user: 'ann' }], ['u2', 'users', '2026-04-04T00:00:00Z', '', { user: 'Ann' }], ['u3', 'users', '2026-04-05T00:00:00Z', '', { user: 'ann' }],
    ['u4', 'users', '2026-04-05T00:00:00Z', '', { team: 'ann' }],
    ['g1', 'storage', '2026-04-16T00:00:00Z', '30'],
  );
  await scenario.advance('2026-05-01T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: calls 1.00, eu-calls 0.25, peak 7.25, low 3.50, mean 1.33, seats 12.00, users 6.00, storage 15.00 = 46.33']);
  const [document] = await documents(scenario);
  if (document === undefined) throw new Error('nothing was billed');
  const { explanation } = await scenario.caller.invoices.explainInvoice(document);
  const quantities = (explanation?.lines ?? []).flatMap(({ settled }) => (settled?.quantity?.$case === 'usage' ? [settled.quantity.value] : []));
  expect(quantities.find(({ meter }) => meter === 'mean')).toMatchObject({ quantity: '', exactQuantity: { numerator: '4', denominator: '3' }, eventCount: 3n, carriedIn: '' });
  expect(quantities.find(({ meter }) => meter === 'storage')).toMatchObject({ quantity: '15', eventCount: 1n, carriedIn: '0' });
  await expectProven(scenario);
});

test('a level lasts: it is carried from before the subscription and from cycle to cycle, and a late event or its void moves every cycle since', async () => {
  const scenario = await startScenario(valora, '2026-03-01T00:00:00Z');
  await scenario.plan('disk', [priced('storage', '1', { aggregation: Aggregation.WEIGHTED_SUM, takesNegativeValues: true })]);
  await scenario.advance('2026-03-20T00:00:00Z');
  await use(scenario, ['before', 'storage', '2026-03-15T00:00:00Z', '10']);
  await scenario.advance('2026-04-01T00:00:00Z');
  await scenario.subscribe('acme', 'disk', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-20T00:00:00Z');
  await use(scenario, ['more', 'storage', '2026-04-16T00:00:00Z', '30']);
  await scenario.advance('2026-05-20T00:00:00Z');
  await use(scenario, ['less', 'storage', '2026-05-16T12:00:00Z', '-40']);
  await scenario.advance('2026-06-02T00:00:00Z');
  // April: 10 + 30 × 15/30. May: 40 − 40 × 15.5/31.
  expect(await billed(scenario)).toEqual(['acme 1: storage 25.00 = 25.00', 'acme 2: storage 20.00 = 20.00']);
  await use(scenario, ['late', 'storage', '2026-04-21T00:00:00Z', '3'], ['late-before', 'storage', '2026-03-16T00:00:00Z', '6']);
  await scenario.advance('2026-07-02T00:00:00Z');
  // April: 6 and 3 × 10/30; May and June: 9 more all month.
  expect((await billed(scenario))[2]).toBe('acme 3: storage 9.00, storage (cycle 1) 7.00, storage (cycle 2) 9.00 = 25.00');
  await scenario.caller.usage.voidUsage({ requestId: 'void', idempotencyKeys: ['late', 'late-before'], reason: 'measured twice' });
  await scenario.advance('2026-08-02T00:00:00Z');
  expect(await billed(scenario)).toContain('credit note 4: 25.00');
  await expectProven(scenario);
});

test('the level of a thousand events is stored and followed; what is made of one that was tampered with does not verify', async () => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z');
  await scenario.plan('disk', [priced('storage', '1', { aggregation: Aggregation.WEIGHTED_SUM })]);
  await scenario.subscribe('acme', 'disk', '2026-04-01T00:00:00Z');
  await use(scenario, ...Array.from({ length: 1_000 }, (_, index): Event => [`s${index}`, 'storage', '2026-04-01T00:00:00Z', '0.01']));
  await scenario.advance('2026-06-20T00:00:00Z');
  await use(scenario, ['late', 'storage', '2026-04-16T00:00:00Z', '30'], ['more', 'storage', '2026-06-16T00:00:00Z', '3']);
  await scenario.caller.usage.voidUsage({ requestId: 'void', idempotencyKeys: ['s7'], reason: 'measured twice' });
  await scenario.advance('2026-07-02T00:00:00Z');
  // June: 10 + 30 − 0.01, and 3 for half of it.
  expect(await billed(scenario)).toEqual([
    'acme 1: storage 10.00 = 10.00', 'acme 2: storage 10.00 = 10.00', 'acme 3: storage 41.49, storage (cycle 1) 14.99, storage (cycle 2) 29.99 = 86.47',
  ]);
  await expectProven(scenario);

  const owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  const tampered = await owner.query("update metering.usage_level set level = level + 1 where organization_id = $1 and meter_code = 'storage'", [scenario.organization.organizationId]);
  await owner.end();
  expect(tampered.rowCount).toBeGreaterThan(0);
  await scenario.advance('2026-08-02T00:00:00Z');
  expect((await billed(scenario))[3]).toBe('acme 4: storage 43.99 = 43.99'); // 42.99 by its events
  expect(await verdicts(scenario)).toEqual(['match', 'match', 'match', 'billing_run.subtotal: 43.99 ≠ 42.99']);
});

test('a late event from before the subscription moves its level, and so every cycle', async () => {
  const scenario = await startScenario(valora, '2026-03-01T00:00:00Z');
  await scenario.plan('disk', [priced('storage', '1', { aggregation: Aggregation.WEIGHTED_SUM })]);
  await scenario.subscribe('acme', 'disk', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-05-20T00:00:00Z');
  await use(scenario, ['before', 'storage', '2026-03-15T00:00:00Z', '6']);
  await scenario.advance('2026-06-02T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 2: storage 6.00, storage (cycle 1) 6.00 = 12.00']);
  await expectProven(scenario);
});

test('HOLD: a late event is in no level until it is released, not in those of later cycles either', async () => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z', { settings: { timeZone: 'UTC', roundingMode: 0, keepZeroLines: false, latenessPolicy: LatenessPolicy.HOLD } });
  await scenario.plan('disk', [priced('storage', '1', { aggregation: Aggregation.WEIGHTED_SUM })]);
  await scenario.subscribe('acme', 'disk', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-20T00:00:00Z');
  await use(scenario, ['a', 'storage', '2026-04-16T00:00:00Z', '10']);
  await scenario.advance('2026-05-10T00:00:00Z');
  await use(scenario, ['late', 'storage', '2026-04-16T00:00:00Z', '2'], ['b', 'storage', '2026-05-01T00:00:00Z', '1']);
  await scenario.advance('2026-06-10T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: storage 5.00 = 5.00', 'acme 2: storage 11.00 = 11.00']);
  await scenario.caller.usage.releaseUsage({ requestId: 'release', idempotencyKeys: ['late'], reason: 'measured' });
  await scenario.advance('2026-07-10T00:00:00Z');
  expect((await billed(scenario))[2]).toBe('acme 3: storage 13.00, storage (cycle 1) 1.00, storage (cycle 2) 2.00 = 16.00');
  expect(await latenessOf(scenario, 3)).toEqual({
    'storage 1': { $case: 'hold', value: { cutoffTime: at('2026-05-01T00:00:00Z'), heldCycleCount: 0n } },
    'storage 2': { $case: 'hold', value: { cutoffTime: at('2026-06-01T00:00:00Z'), heldCycleCount: 1n } },
    'storage 3': { $case: 'hold', value: { cutoffTime: at('2026-07-01T00:00:00Z'), heldCycleCount: 2n } },
  });
  await expectProven(scenario);
});

test('a voided event is taken back by the next run, to the cent, and never bills again', async () => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z');
  await scenario.plan('calls', [priced('requests', '0.25', { aggregation: Aggregation.SUM })]);
  await scenario.subscribe('acme', 'calls', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-20T00:00:00Z');
  await use(scenario, ['a', 'requests', '2026-04-16T00:00:00Z', '10'], ['b', 'requests', '2026-04-17T00:00:00Z', '5']);
  await scenario.caller.usage.voidUsage({ requestId: 'in time', idempotencyKeys: ['b'], reason: 'wrong customer' });
  await scenario.advance('2026-05-10T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: requests 2.50 = 2.50']);
  await scenario.caller.usage.voidUsage({ requestId: 'late', idempotencyKeys: ['a', 'b'], reason: 'wrong customer' });
  await use(scenario, ['a2', 'requests', '2026-04-16T00:00:00Z', '8'], ['c', 'requests', '2026-05-01T00:00:00Z', '4']);
  await scenario.advance('2026-06-10T00:00:00Z');
  expect((await billed(scenario))[1]).toBe('acme 2: requests 1.00, requests (cycle 1) -0.50 = 0.50');
  await scenario.advance('2026-09-01T00:00:00Z');
  expect(await billed(scenario)).toHaveLength(2);
  await expectProven(scenario);
});

test('HOLD: late usage is in no run until it is released, and a change of the policy lets nothing out', async () => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z', { settings: { timeZone: 'UTC', roundingMode: 0, keepZeroLines: false, latenessPolicy: LatenessPolicy.HOLD } });
  const { usage, organizations } = scenario.caller;
  await scenario.plan('calls', [priced('requests', '0.25', { aggregation: Aggregation.SUM })]);
  await scenario.subscribe('acme', 'calls', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-20T00:00:00Z');
  await use(scenario, ['a', 'requests', '2026-04-16T00:00:00Z', '10']);
  await scenario.advance('2026-05-10T00:00:00Z');
  await use(scenario, ['late', 'requests', '2026-04-17T00:00:00Z', '8'], ['later', 'requests', '2026-04-18T00:00:00Z', '4'], ['b', 'requests', '2026-05-01T00:00:00Z', '2']);
  await scenario.advance('2026-06-10T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: requests 2.50 = 2.50', 'acme 2: requests 0.50 = 0.50']);
  await organizations.changeSettings({ requestId: 'adjust', settings: { timeZone: 'UTC', roundingMode: 0, keepZeroLines: false, latenessPolicy: LatenessPolicy.ADJUST } });
  await usage.releaseUsage({ requestId: 'release', idempotencyKeys: ['late'], reason: 'checked with acme' });
  await use(scenario, ['latest', 'requests', '2026-04-19T00:00:00Z', '400'], ['adjusted', 'requests', '2026-06-01T00:00:00Z', '4']);
  await scenario.advance('2026-07-10T00:00:00Z');
  expect((await billed(scenario))[2]).toBe('acme 3: requests 1.00, requests (cycle 1) 2.00 = 3.00');
  await usage.voidUsage({ requestId: 'void', idempotencyKeys: ['late', 'later'], reason: 'not theirs' });
  await scenario.advance('2026-09-01T00:00:00Z');
  expect(await billed(scenario)).toContain('credit note 4: 2.00');
  await expectProven(scenario);
});

test('CARRY_FORWARD: late usage is its window\'s own, and goes back where it happened when the service turns out to have ended', async () => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z', { settings: { timeZone: 'UTC', roundingMode: 0, keepZeroLines: false, latenessPolicy: LatenessPolicy.CARRY_FORWARD } });
  await scenario.plan('both', [priced('requests', '0.25', { aggregation: Aggregation.SUM }), priced('peak', '1', { aggregation: Aggregation.MAX })]);
  await scenario.subscribe('acme', 'both', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-20T00:00:00Z');
  await use(scenario, ['a', 'requests', '2026-04-16T00:00:00Z', '10']);
  await scenario.advance('2026-05-10T00:00:00Z');
  await use(scenario, ['late', 'requests', '2026-04-17T00:00:00Z', '8'], ['b', 'requests', '2026-05-01T00:00:00Z', '2'], ['late-peak', 'peak', '2026-04-18T00:00:00Z', '3']);
  await scenario.advance('2026-06-10T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: requests 2.50 = 2.50', 'acme 2: requests 2.50, peak (cycle 1) 3.00 = 5.50']);
  const carriedIntoMay = { eventPeriod: { startTime: at('2026-04-01T00:00:00Z'), endTime: at('2026-05-01T00:00:00Z') }, recordedPeriod: { startTime: at('2026-05-01T00:00:00Z'), endTime: at('2026-06-01T00:00:00Z') } };
  expect((await latenessOf(scenario, 2))['requests 2']).toEqual({ $case: 'carryForward', value: { cutoffTime: at('2026-06-01T00:00:00Z'), carried: [carriedIntoMay] } });
  await scenario.cancel('acme', '2026-05-01T00:00:00Z');
  await scenario.advance('2026-09-01T00:00:00Z');
  // The 8 go back to April, and the 2 of May are billed no more.
  expect(await billed(scenario)).toContain('credit note 3: 0.50');
  await expectProven(scenario);
});

test('after a cancel a void is settled in a run of its own', async () => {
  const scenario = await startScenario(valora, '2026-04-01T00:00:00Z');
  await scenario.plan('calls', [priced('requests', '0.25', { aggregation: Aggregation.SUM })]);
  await scenario.subscribe('acme', 'calls', '2026-04-01T00:00:00Z');
  await scenario.advance('2026-04-20T00:00:00Z');
  await use(scenario, ['a', 'requests', '2026-04-16T00:00:00Z', '10']);
  await scenario.cancel('acme', 'now');
  await scenario.advance('2026-05-10T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: requests 2.50 = 2.50']);
  await scenario.caller.usage.voidUsage({ requestId: 'late', idempotencyKeys: ['a'], reason: 'wrong customer' });
  await scenario.advance('2026-05-11T00:00:00Z');
  expect(await billed(scenario)).toEqual(['acme 1: requests 2.50 = 2.50', 'credit note 2: 2.50']);
  await expectProven(scenario);
});
