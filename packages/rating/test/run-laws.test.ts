import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalJson,
  composeRun,
  currencyExponent,
  fractionFromDecimal,
  instant,
  parseDecimal,
  parseInstant,
  type PriceModel,
  NO_USAGE,
  ratePrice,
  type RoundingMode,
  roundToMinorUnits,
  usageQueriesOfRun,
} from '../src/index.ts';
import { faultsOf } from './evaluator.ts';
import { rounds } from './rounds.ts';
import { answers, bill, chain, creditsAfter, cyclesOf, flat, graduated, perUnit, price, type RecordedEvent, runFacts, SETTINGS, volume, type World } from './world.ts';

const RUNS = 4;
const START = parseInstant('2024-01-31T10:00:00Z');
const END = parseInstant('2024-06-15T00:00:00Z');

const quantity = fc.bigInt(-(10n ** 6n), 10n ** 7n).map((millis) => parseDecimal(`${millis / 1000n}.${(millis < 0n ? -millis : millis).toString().slice(-3).padStart(3, '0')}`));
const events: fc.Arbitrary<readonly RecordedEvent[]> = fc.uniqueArray(
  fc.record({
    idempotencyKey: fc.string({ unit: fc.constantFrom(...'abcdefgh'), minLength: 1, maxLength: 6 }),
    meterCode: fc.constantFrom('calls', 'bytes'),
    customerReference: fc.constantFrom('customer-1', 'customer-1', 'someone-else'),
    subscriptionReference: fc.constant(null),
    eventTime: fc.bigInt(START - 1_000_000n, END).map(instant),
    value: quantity,
    properties: fc.constant({}),
    recordedTime: fc.bigInt(START, END + 10_000_000_000_000n).map(instant),
  }),
  { selector: ({ idempotencyKey }) => idempotencyKey, maxLength: 20 },
);
const model = fc.constantFrom<PriceModel>(
  perUnit('0.005'),
  perUnit('1.234567'),
  graduated('100 0.10', '1000.5 0.055 +3.335', 'rest 0.0125'),
  volume('100 0.10 +1', 'rest 0.055'),
);
const worlds: fc.Arbitrary<World> = fc
  .record({ events, calls: model, bytes: model, mode: fc.constantFrom<RoundingMode>('HALF_UP', 'HALF_EVEN'), currencyCode: fc.constantFrom('USD', 'JPY', 'KWD'), keepZeroLines: fc.boolean() })
  .map(({ events: recorded, calls, bytes, mode, currencyCode, keepZeroLines }) => ({
    start: '2024-01-31T10:00:00Z',
    zone: 'America/New_York',
    currencyCode,
    events: recorded,
    settings: [{ ...SETTINGS, roundingMode: mode, keepZeroLines }],
    prices: [price('fee', null, flat('19.995'), currencyCode), price('calls', 'calls', calls, currencyCode), price('bytes', 'bytes', bytes, currencyCode)],
  }));

/** Without the fee, what is taken back often comes to more than what is called for. */
const withoutFee = worlds.map((world) => ({ ...world, prices: world.prices.filter(({ code }) => code !== 'fee') }));

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

/** D_n(κ) worked out without the run: all events of cycle n recorded before κ, rated and rounded once. */
function settledDirectly(world: World, cycleIndex: number, code: string, knownBefore: bigint): bigint {
  const cycle = cyclesOf(world, RUNS).cycles.find(({ index }) => index === cycleIndex);
  const rated = world.prices.find((one) => one.code === code)?.versions[0]?.model;
  if (cycle === undefined || rated === undefined) throw new Error('no such cycle or price');
  const known = (world.events ?? []).filter(
    (one) => one.meterCode === code && one.customerReference === 'customer-1' && one.eventTime >= cycle.start && one.eventTime < cycle.end && one.recordedTime < knownBefore,
  );
  const thousandths = known.reduce((sum, one) => sum + thousandthsOf(one.value ?? '0'), 0n);
  const total = code === 'fee' ? fractionFromDecimal('1') : fractionFromDecimal(textOfThousandths(thousandths));
  const { amount } = ratePrice({ model: rated }, { ...NO_USAGE, quantity: total });
  return roundToMinorUnits(amount, currencyExponent(world.currencyCode ?? 'USD'), world.settings?.[0]?.roundingMode ?? 'HALF_UP').minorUnits;
}

function thousandthsOf(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(3, '0'));
}

function textOfThousandths(thousandths: bigint): string {
  const digits = (thousandths < 0n ? -thousandths : thousandths).toString().padStart(4, '0');
  return `${thousandths < 0n ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

describe('laws of the billing run', () => {
  test('over a chain of runs no total is below zero, each is subtotal − applied + credit, and Σ totals = Σ subtotals + credits left', () => {
    fc.assert(
      fc.property(fc.oneof(worlds, withoutFee), (world) => {
        const runs = chain(world, RUNS);
        for (const { subtotalMinorUnits, appliedCredits, totalMinorUnits, creditMinorUnits } of runs) {
          const applied = sum(appliedCredits.map(({ amountMinorUnits }) => amountMinorUnits));
          expect(totalMinorUnits).toBe(subtotalMinorUnits - applied + creditMinorUnits);
          expect(totalMinorUnits >= 0n).toBe(true);
        }
        const left = creditsAfter(runs).map(({ remainingMinorUnits }) => remainingMinorUnits);
        expect(left.every((remaining) => remaining > 0n)).toBe(true);
        expect(sum(runs.map(({ totalMinorUnits }) => totalMinorUnits))).toBe(sum(runs.map(({ subtotalMinorUnits }) => subtotalMinorUnits)) + sum(left));
      }),
      rounds(100),
    );
  });

  test('over all runs, the amounts of a line key add up to its last settled amount: Σ differences = D_n(cutoff_K)', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const billed = new Map<string, bigint>();
        for (const line of chain(world, RUNS).flatMap(({ lines }) => lines)) {
          const key = `${line.cycleIndex} ${line.priceCode}`;
          billed.set(key, (billed.get(key) ?? 0n) + line.amountMinorUnits);
        }
        const lastCutoff = cyclesOf(world, RUNS).cycles.at(-1)?.cutoff ?? 0n;
        for (let cycle = 1; cycle <= RUNS; cycle += 1) {
          for (const { code } of world.prices) {
            expect(billed.get(`${cycle} ${code}`) ?? 0n).toBe(settledDirectly(world, cycle, code, lastCutoff));
          }
        }
      }),
      rounds(100),
    );
  });

  test('lines sum to the subtotal, no line key occurs twice, and every trace recomputes to its line', () => {
    fc.assert(
      fc.property(worlds, fc.integer({ min: 1, max: RUNS }), (world, k) => {
        const run = bill(world, k);
        expect(run.lines.reduce((sum, line) => sum + line.amountMinorUnits, 0n)).toBe(run.subtotalMinorUnits);
        expect(new Set(run.lines.map(({ lineKey }) => lineKey)).size).toBe(run.lines.length);
        expect(run.lines.flatMap(({ trace }) => faultsOf(trace))).toEqual([]);
        for (const { trace } of run.lines) expect(JSON.parse(canonicalJson(trace))).toEqual(trace);
      }),
      rounds(100),
    );
  });

  test('a run recomputed, from facts in another order and with more of them than it needs, has the same bytes', () => {
    fc.assert(
      fc.property(fc.oneof(worlds, withoutFee), fc.integer({ min: 1, max: RUNS }), (world, k) => {
        const facts = runFacts(world, k);
        const turned = {
          ...facts,
          prices: [price('unused', 'calls', perUnit('7'), 'EUR'), ...facts.prices.toReversed()],
          cycles: facts.cycles.toReversed(),
        };
        const backwards = { ...world, events: world.events?.toReversed() ?? [] };
        const usage = new Map([...answers(backwards, usageQueriesOfRun(turned))].toReversed());
        expect(composeRun(turned, usage)).toEqual(bill(world, k));
      }),
      rounds(100),
    );
  });

  test('only cycles touched between the two cutoffs can differ: leaving the others out changes no byte', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const facts = runFacts(world, RUNS);
        const since = facts.previousCutoff ?? facts.cutoff;
        const recordedBetween = (world.events ?? []).filter(({ recordedTime }) => recordedTime >= since);
        const cycles = facts.cycles.filter(
          ({ index, start, end }) => index === RUNS || recordedBetween.some(({ eventTime }) => eventTime >= start && eventTime < end),
        );
        const touched = { ...facts, cycles };
        expect(composeRun(touched, answers(world, usageQueriesOfRun(touched))).canonicalInvoice).toBe(bill(world, RUNS).canonicalInvoice);
      }),
      rounds(100),
    );
  });

  test('when something was recorded shows in nothing, as long as it is on the same side of every cutoff', () => {
    fc.assert(
      fc.property(worlds, fc.integer({ min: 1, max: RUNS }), (world, k) => {
        const { cycles } = cyclesOf(world, RUNS);
        const cutoffs = cycles.map(({ cutoff }) => cutoff);
        const moved = (world.events ?? []).map((one) => {
          const later = instant(one.recordedTime + 1n);
          return cutoffs.includes(later) ? one : { ...one, recordedTime: later };
        });
        expect(bill({ ...world, events: moved }, k).digest).toBe(bill(world, k).digest);
      }),
      rounds(100),
    );
  });

  test('earlier cycles asked about twice at one cutoff bill nothing more', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const facts = runFacts(world, RUNS);
        const cutoff = facts.cycles.at(-1)?.cutoff ?? facts.previousCutoff;
        const again = { ...facts, previousCutoff: cutoff };
        const run = composeRun(again, answers(world, usageQueriesOfRun(again)));
        expect(run.lines.filter(({ isAdjustment }) => isAdjustment)).toEqual([]);
      }),
      rounds(100),
    );
  });
});
