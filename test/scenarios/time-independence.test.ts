// When jobs run decides no amount: one random book of usage, some of it late, price versions, settings and cancels is replayed with
// the jobs run at every fact, every day, once at the end, and by two callers at once. Facts are recorded at the same instants
// in every replay; the canonical invoices must be the same to the byte.
import { credentials } from '@grpc/grpc-js';
import { CallError, createPeer, createServiceTokenIssuer, timestampFromInstant, type OutgoingContext, type Peer } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import { FenceServiceService as InvoicingFence } from '@valora/contracts/valora/invoicing/v1/fence';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { FenceServiceService as PricingFence } from '@valora/contracts/valora/pricing/v1/fence';
import { FenceServiceService as SubscriptionFence } from '@valora/contracts/valora/subscription/v1/fence';
import { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import { OrganizationServiceService, RoundingMode } from '@valora/contracts/valora/tenancy/v1/organization';
import { formatInstant, instant, parseInstant, type Instant } from '@valora/rating';
import { startScenario, type Scenario } from '@valora/testkit/scenario';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

const START = parseInstant('2026-01-15T08:00:00Z');
const END = parseInstant('2026-05-20T00:00:00Z');
const DAY = 86_400_000_000n;
const FACTS = 40;
const customers = ['acme', 'globex', 'initech'] as const;
const fences = [MeteringFence, PricingFence, TenancyFence, InvoicingFence, SubscriptionFence];
const prices: readonly PriceSample[] = [
  { code: 'fee', displayName: 'Fee', meter: null, model: { $case: 'flat', value: { amount: '9.99' } } },
  { code: 'requests', displayName: 'Requests', meter: 'requests', model: { $case: 'volume', value: { tiers: [{ upTo: '50', unitAmount: '0.333', flatAmount: '' }, { upTo: '', unitAmount: '0.2', flatAmount: '1' }] } } },
];

let valora: TestValora;
let peer: Peer;
beforeAll(async () => {
  valora = await startTestValora();
  peer = createPeer({ address: () => valora.address, channelCredentials: credentials.createInsecure(), service: 'test', tokens: createServiceTokenIssuer(valora.secrets.serviceTokenKey) });
});
afterAll(async () => {
  peer.close();
  await valora.stop();
});

interface Fact {
  readonly time: Instant;
  record(scenario: Scenario): Promise<void>;
}

/** Facts in the order of their instants, the same for the same seed (xorshift). */
function bookOf(seed: number): readonly Fact[] {
  let state = seed;
  const below = (bound: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
  const span = END - START;
  const times = Array.from({ length: FACTS }, () => instant(START + (span * BigInt(below(1_000_000))) / 1_000_000n)).toSorted((one, other) => (one < other ? -1 : 1));
  return times.map((time, position): Fact => {
    const kind = below(12);
    // Drawn here and not when recorded: every replay records the same.
    const unitAmount = `0.${1 + below(9)}`;
    if (kind === 0) return { time, record: (scenario) => publish(scenario, { position, time, unitAmount }) };
    if (kind === 1) {
      const roundingMode = below(2) === 0 ? RoundingMode.HALF_UP : RoundingMode.HALF_EVEN;
      const settings = { timeZone: 'UTC', roundingMode, grace: { seconds: BigInt(below(3) * 7_200), nanos: 0 }, keepZeroLines: below(2) === 0 };
      return { time, record: async ({ organization }) => void await organization.connection.stub(OrganizationServiceService).changeSettings({ requestId: `s${position}`, settings }) };
    }
    const customer = customers[below(customers.length)] ?? 'acme';
    if ((kind === 2 || kind === 3) && time > START + (END - START) / 4n) {
      const end = below(3) === 0 ? 'period end' : formatInstant(instant(time + BigInt(below(60) - 25) * DAY));
      return { time, record: (scenario) => scenario.cancel(customer, end).catch(refused('WRONG_STATE', 'FIELD_INVALID')) };
    }
    if (kind === 4) return { time, record: (scenario) => scenario.uncancel(customer).catch(refused('WRONG_STATE', 'NOT_CANCELED')) };
    const back = BigInt(below(40)) * DAY;
    const eventTime = time - back < START ? START : instant(time - back);
    const value = `${below(4) === 0 ? '-' : ''}${below(90)}.${below(100)}`;
    return { time, record: (scenario) => scenario.use([`e${position}`, 'requests', customer, formatInstant(eventTime), value]) };
  });
}

/** For what a random fact may be refused with: the same in every replay. */
function refused(...reasons: readonly string[]): (error: unknown) => void {
  return (error) => { if (!(error instanceof CallError) || !reasons.includes(error.reason)) throw error; };
}

async function publish({ caller }: Scenario, { position, time, unitAmount }: { position: number; time: Instant; unitAmount: string }): Promise<void> {
  await caller.catalog.publishPriceVersion({
    requestId: `p${position}`, price: 'requests', effectiveFromTime: timestampFromInstant(instant(time + DAY)), allowBackDating: false, model: { model: { $case: 'perUnit', value: { unitAmount } } },
  }).catch(refused('PRICE_VERSION_OVERLAP'));
}

/** Moves the clock from one instant to the next, with the jobs run as the replay wants it. */
type Passage = (scenario: Scenario, from: Instant, to: Instant) => Promise<void>;

const passages: Readonly<Record<string, Passage>> = {
  'at every fact': (scenario, _from, to) => scenario.advance(formatInstant(to)),
  async 'every day'(scenario, from, to) {
    for (let time = from + DAY; time < to; time += DAY) await scenario.advance(formatInstant(instant(time)));
    await scenario.advance(formatInstant(to));
  },
  async 'once at the end'({ organization: { organizationId } }, _from, to) {
    const context: OutgoingContext = { organizationId, caller: { actor: 'test' }, deadlineMs: Date.now() + 10_000, callDepth: 0 };
    for (const fence of fences) await (peer.stub(fence) as { setClock: (context: OutgoingContext, request: object) => Promise<unknown> }).setClock(context, { currentTime: timestampFromInstant(to) });
  },
  async 'by two at once'(scenario, _from, to) {
    await Promise.all([scenario.advance(formatInstant(to)), scenario.advance(formatInstant(to))]);
  },
};

async function replay(book: readonly Fact[], pass: Passage): Promise<readonly string[]> {
  const scenario = await startScenario(valora, formatInstant(START));
  await scenario.plan('team', prices);
  for (const customer of customers) await scenario.subscribe(customer, 'team', formatInstant(START));
  let now: Instant = START;
  for (const { time, record } of book) {
    await pass(scenario, now, time);
    now = time;
    await record(scenario);
  }
  await pass(scenario, now, END);
  await scenario.advance(formatInstant(END));
  return await scenario.canonical();
}

test.each([20_261_121, 4_711, 99])('book %i: the same invoices to the byte, whenever the jobs run', async (seed) => {
  const book = bookOf(seed);
  const [first, ...others] = Object.entries(passages);
  if (first === undefined) throw new Error('no passage');
  const expected = await replay(book, first[1]);
  expect(expected.length).toBeGreaterThan(6);
  for (const [name, pass] of others) expect([name, await replay(book, pass)]).toEqual([name, expected]);
}, 300_000);

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
