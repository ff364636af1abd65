// Random books: usage, some of it late, price versions, settings and cancels, each fact at its instant; the same for the same seed,
// so that a replay records exactly what another did.
import { CallError, timestampFromInstant } from '@valora/chassis';
import type { PriceSample } from '@valora/cli';
import { VersionResolution } from '@valora/contracts/valora/pricing/v1/catalog';
import { QuantityRoundingMode, UnitConversionOperation, type PriceModifiers } from '@valora/contracts/valora/pricing/v1/price_model';
import { OrganizationServiceService, LatenessPolicy, RoundingMode } from '@valora/contracts/valora/tenancy/v1/organization';
import { formatInstant, instant, type Instant } from '@valora/rating';
import { startScenario, type Scenario } from '@valora/testkit/scenario';
import type { TestValora } from '@valora/testkit/valora';

export interface Fact {
  readonly time: Instant;
  record(scenario: Scenario): Promise<void>;
}

export interface Span {
  readonly start: Instant;
  readonly end: Instant;
  /** When the subscription of each of `customers` starts: at the span's start or, back-dated, before it. */
  readonly subscriptionStarts: readonly [Instant, Instant, Instant];
  /** How long ahead a price version is published; grace is some twelfths of it. */
  readonly stepMicros: bigint;
  /** How much later than it happened usage may come in. */
  readonly latenessMicros: bigint;
}

export const customers = ['acme', 'globex', 'initech'] as const;
const PARTS = 1_000_000;
const DAY = 86_400_000_000n;
/** Prices, and the meters of the same names. */
const METERED = ['requests', 'transfer'] as const;
const prices: readonly PriceSample[] = [
  { code: 'fee', displayName: 'Fee', meter: null, model: { $case: 'flat', value: { amount: '9.99' } }, versionResolution: VersionResolution.SPLIT },
  { code: 'requests', displayName: 'Requests', meter: 'requests', model: { $case: 'volume', value: { tiers: [{ upTo: '50', unitAmount: '0.333', flatAmount: '' }, { upTo: '', unitAmount: '0.2', flatAmount: '1' }] } } },
  {
    code: 'transfer', displayName: 'Transfer', meter: 'transfer', model: { $case: 'package', value: { packageSize: '7', packageAmount: '1.11' } }, versionResolution: VersionResolution.SPLIT,
    modifiers: { unitConversion: { operation: UnitConversionOperation.DIVIDE, factor: '3', rounding: { decimals: 1, mode: QuantityRoundingMode.CEILING } }, includedQuantity: '2.5', minimum: '1', maximum: '50' },
  },
];
/** What a later version may do to a quantity and an amount. */
const MODIFIERS: readonly (PriceModifiers | undefined)[] = [
  undefined, { includedQuantity: '10', minimum: '', maximum: '' }, { includedQuantity: '', minimum: '4.44', maximum: '' }, { includedQuantity: '', minimum: '', maximum: '3.33' },
];

/** An organization at the span's start, with a subscription for each customer. */
export async function openBook(valora: TestValora, { start, subscriptionStarts }: Span): Promise<Scenario> {
  const scenario = await startScenario(valora, formatInstant(start));
  await scenario.plan('team', prices, formatInstant(earliest(subscriptionStarts)));
  for (const [position, customer] of customers.entries()) await scenario.subscribe(customer, 'team', formatInstant(subscriptionStarts[position] ?? start));
  return scenario;
}

function earliest(times: readonly [Instant, ...Instant[]]): Instant {
  return times.reduce((first, time) => (time < first ? time : first));
}

/** Facts in the order of their instants (xorshift). */
export function bookOf(seed: number, count: number, span: Span): readonly Fact[] {
  let state = seed;
  const below = (bound: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
  const share = (micros: bigint): bigint => (micros * BigInt(below(PARTS))) / BigInt(PARTS);
  const times = Array.from({ length: count }, () => instant(span.start + share(span.end - span.start))).toSorted((one, other) => (one < other ? -1 : 1));
  return times.map((time, position): Fact => {
    const kind = below(12);
    // Drawn here and not when recorded: every replay records the same.
    const unitAmount = `0.${1 + below(9)}`;
    // By place, so that the draws stay what they are.
    const price = METERED[position % METERED.length] ?? 'requests';
    const modifiers = MODIFIERS[Math.trunc(position / METERED.length) % MODIFIERS.length];
    if (kind === 0) return { time, record: (scenario) => publish(scenario, { requestId: `${seed}/p${position}`, price, from: instant(time + span.stepMicros), unitAmount, modifiers }) };
    if (kind === 1) {
      const settings = {
        timeZone: 'UTC', roundingMode: below(2) === 0 ? RoundingMode.HALF_UP : RoundingMode.HALF_EVEN, keepZeroLines: below(2) === 0, latenessPolicy: LatenessPolicy.ADJUST,
        grace: { seconds: (BigInt(below(3)) * span.stepMicros) / 12_000_000n, nanos: 0 },
      };
      return { time, record: async ({ organization }) => void await organization.connection.stub(OrganizationServiceService).changeSettings({ requestId: `${seed}/s${position}`, settings }) };
    }
    const customer = customers[below(customers.length)] ?? 'acme';
    if ((kind === 2 || kind === 3) && time > span.start + (span.end - span.start) / 4n) {
      const end = below(3) === 0 ? 'period end' : formatInstant(instant(time + BigInt(below(60) - 25) * DAY));
      return { time, record: (scenario) => scenario.cancel(customer, end).catch(refused('WRONG_STATE', 'FIELD_INVALID')) };
    }
    if (kind === 4) return { time, record: (scenario) => scenario.uncancel(customer).catch(refused('WRONG_STATE', 'NOT_CANCELED')) };
    const back = share(span.latenessMicros);
    const first = earliest(span.subscriptionStarts);
    const eventTime = time - back < first ? first : instant(time - back);
    const value = `${below(4) === 0 ? '-' : ''}${below(90)}.${below(100)}`;
    return { time, record: (scenario) => scenario.use([`${seed}/e${position}`, price, customer, formatInstant(eventTime), value]) };
  });
}

/** For what a random fact may be refused with: the same in every replay. */
function refused(...reasons: readonly string[]): (error: unknown) => void {
  return (error) => { if (!(error instanceof CallError) || !reasons.includes(error.reason)) throw error; };
}

interface Publication {
  readonly requestId: string;
  readonly price: string;
  readonly from: Instant;
  readonly unitAmount: string;
  readonly modifiers: PriceModifiers | undefined;
}

async function publish({ caller }: Scenario, { requestId, price, from, unitAmount, modifiers }: Publication): Promise<void> {
  await caller.catalog.publishPriceVersion({
    requestId, price, effectiveFromTime: timestampFromInstant(from), allowBackDating: false, model: { model: { $case: 'perUnit', value: { unitAmount } } }, modifiers,
  }).catch(refused('PRICE_VERSION_OVERLAP'));
}
