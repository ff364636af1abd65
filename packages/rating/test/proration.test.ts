import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cancelTimeKnownBefore, type ComposedRun, daysOf, instant, parseInstant, type PriceModel, ratePrice, serviceStretches, type SubscriptionFact } from '../src/index.ts';
import { addFractions, fractionFromDecimal, fractionToJson } from '../src/number/fraction.ts';
import { itemQuantity, NO_USAGE } from '../src/model/model.ts';
import { prorateFees, prorationOf } from '../src/modifier/proration.ts';
import { faultsOf } from './evaluator.ts';
import { rounds } from './rounds.ts';
import { amounts, bill, chain, cyclesOf, event, flat, graduated, itemsOf, perUnit, price, volume, type World } from './world.ts';

const ZONES = ['UTC', 'Europe/London', 'America/New_York', 'America/Santiago', 'Asia/Kathmandu', 'Australia/Lord_Howe'];

function subtotals(runs: readonly ComposedRun[]): bigint {
  return runs.reduce((sum, { subtotalMinorUnits }) => sum + subtotalMinorUnits, 0n);
}

function interval(start: string, end: string) {
  const at = (text: string) => parseInstant(text.includes('T') ? text : `${text}T00:00:00Z`);
  return { start: at(start), end: at(end) };
}

const world: World = {
  start: '2024-04-01T00:00:00Z',
  prices: [price('fee', null, flat('30.00')), price('calls', 'calls', perUnit('0.10'))],
  events: [event('before', 'calls', '2024-04-16T11:00:00Z', '10'), event('after', 'calls', '2024-04-16T13:00:00Z', '90')],
};

describe('days are civil dates', () => {
  test.each([
    ['a month', '2024-02-01', '2024-03-01', 'UTC', 29],
    ['a day with 23 hours', '2024-03-10T05:00:00Z', '2024-03-11T04:00:00Z', 'America/New_York', 1],
    ['a day with 25 hours', '2024-11-03T04:00:00Z', '2024-11-04T05:00:00Z', 'America/New_York', 1],
    ['23:59 to 00:01 is a day', '2024-01-01T23:59:00Z', '2024-01-02T00:01:00Z', 'UTC', 1],
    ['00:01 to 23:59 is none', '2024-01-01T00:01:00Z', '2024-01-01T23:59:00Z', 'UTC', 0],
    ['the zone decides: 20:00 UTC is tomorrow in Kathmandu', '2024-01-01T12:00:00Z', '2024-01-01T20:00:00Z', 'Asia/Kathmandu', 1],
  ])('%s', (_name, start, end, zone, days) => {
    expect(daysOf(interval(start, end), zone)).toBe(days);
  });
});

describe('fees × active days ÷ days of the full period', () => {
  const january = interval('2024-01-01', '2024-02-01');
  const tiered = graduated('100 0.10 +6.20', 'rest 0.05 +3.10');
  test.each<[string, PriceModel, string, 'ITEM' | 'USAGE', string, [string, string]]>([
    ['10.00 × 10/31 = 100/31', flat('10.00'), '1', 'ITEM', '2024-01-11', ['100', '31']],
    ['3 seats × 10.00 × 10/31 = 300/31', perUnit('10.00'), '3', 'ITEM', '2024-01-11', ['300', '31']],
    ['31.00 × 0/31 = 0: canceled on the first day', flat('31.00'), '1', 'ITEM', '2024-01-01T23:59:59.999999Z', ['0', '1']],
    ['31.00 × 1/31 = 1: canceled on the second', flat('31.00'), '1', 'ITEM', '2024-01-02', ['1', '1']],
    ['31.00 × 30/31 = 30: canceled on the last', flat('31.00'), '1', 'ITEM', '2024-01-31T23:59:59.999999Z', ['30', '1']],
    ['31.00 in full', flat('31.00'), '1', 'ITEM', '2024-02-01', ['31', '1']],
    ['usage is never prorated: 7 × 1.20 = 8.40', perUnit('1.20'), '7', 'USAGE', '2024-01-11', ['42', '5']],
    ['at the bound: 100 × 0.10 + 6.20 × 10/31 = 12', tiered, '100', 'USAGE', '2024-01-11', ['12', '1']],
    ['past the bound: 10 + 0.05 + 9.30 × 10/31 = 13.05', tiered, '101', 'USAGE', '2024-01-11', ['261', '20']],
    ['at zero, the first tier: 6.20 × 10/31 = 2', tiered, '0', 'USAGE', '2024-01-11', ['2', '1']],
    ['volume, the one tier: 150 × 0.05 + 3.10 × 10/31 = 8.50', volume('100 0.10 +6.20', 'rest 0.05 +3.10'), '150', 'USAGE', '2024-01-11', ['17', '2']],
    ['seats in tiers, all of it: (100 × 0.10 + 6.20) × 10/31', tiered, '100', 'ITEM', '2024-01-11', ['162', '31']],
  ])('%s', (_name, model, quantity, kind, end, [numerator, denominator]) => {
    const active = interval('2024-01-01', end);
    const ratable = { ...(kind === 'ITEM' ? itemQuantity(fractionFromDecimal('0')) : NO_USAGE), quantity: fractionFromDecimal(quantity) };
    const rated = ratePrice({ model }, ratable, prorationOf(active, january, { zone: 'UTC' }));
    expect(fractionToJson(rated.amount)).toEqual({ numerator, denominator });
  });

  test('a full period is identity: the very same object, without a step', () => {
    const rated = ratePrice({ model: flat('10.00') }, itemQuantity(fractionFromDecimal('1')));
    expect(prorateFees(rated, 'ITEM', prorationOf(january, january, { zone: 'UTC' }))).toBe(rated);
    expect(prorationOf(interval('2024-01-01T00:00:00Z', '2024-02-01T07:00:00Z'), interval('2024-01-01', '2024-02-01T08:00:00Z'), { zone: 'UTC' })).toBeNull();
  });

  test('law: a period cut in two by an instant sums to the whole, exactly', () => {
    const length = january.end - january.start;
    fc.assert(
      fc.property(fc.bigInt(1n, length - 1n), fc.constantFrom(...ZONES), fc.integer({ min: 1, max: 9999 }), (offset, zone, cents) => {
        const cut = instant(january.start + offset);
        const rated = ratePrice({ model: flat(`${cents / 100}`) }, itemQuantity(fractionFromDecimal('1')));
        const part = (start: typeof cut, end: typeof cut) => prorateFees(rated, 'ITEM', prorationOf({ start, end }, january, { zone })).amount;
        expect(fractionToJson(addFractions(part(january.start, cut), part(cut, january.end)))).toEqual(fractionToJson(rated.amount));
      }),
      rounds(300),
    );
  });
});

describe('a cancel, bitemporal', () => {
  const at = parseInstant;
  const canceled = (effective: string, recorded: string): SubscriptionFact => ({ kind: 'CANCELED', sequence: 1, effectiveTime: at(effective), recordedTime: at(recorded) });
  const undone = (recorded: string): SubscriptionFact => ({ kind: 'CANCEL_UNDONE', sequence: 1, effectiveTime: at(recorded), recordedTime: at(recorded) });
  const numbered = (facts: readonly SubscriptionFact[]) => facts.map((fact, position) => ({ ...fact, sequence: position + 1 }));
  const first = canceled('2024-03-10T00:00:00Z', '2024-02-01T00:00:00Z');
  const second = canceled('2024-03-20T00:00:00Z', '2024-02-02T00:00:00Z');
  const later = at('2024-06-01T00:00:00Z');

  test.each<[string, readonly SubscriptionFact[], string, string | null]>([
    ['known 1 µs before: not at all', [first], '2024-02-01T00:00:00Z', null],
    ['known just after', [first], '2024-02-01T00:00:00.000001Z', '2024-03-10T00:00:00Z'],
    ['of two the one recorded last', [first, second], '2024-06-01T00:00:00Z', '2024-03-20T00:00:00Z'],
    ['… as known before it, the first', [first, second], '2024-02-02T00:00:00Z', '2024-03-10T00:00:00Z'],
    ['undone: none', [first, second, undone('2024-02-03T00:00:00Z')], '2024-06-01T00:00:00Z', null],
    ['undone, then canceled again', [first, undone('2024-02-01T12:00:00Z'), second], '2024-06-01T00:00:00Z', '2024-03-20T00:00:00Z'],
    ['of two in one microsecond the last', [canceled('2024-05-01T00:00:00Z', '2024-02-01T00:00:00Z'), first], '2024-06-01T00:00:00Z', '2024-03-10T00:00:00Z'],
    ['undone in the same microsecond: none', [first, undone('2024-02-01T00:00:00Z')], '2024-06-01T00:00:00Z', null],
    ['… and canceled again in it', [first, undone('2024-02-01T00:00:00Z'), first], '2024-06-01T00:00:00Z', '2024-03-10T00:00:00Z'],
  ])('%s', (_name, unnumbered, knownBefore, expected) => {
    const facts = numbered(unnumbered);
    const moment = cancelTimeKnownBefore(facts, at(knownBefore));
    expect(moment).toBe(expected === null ? null : at(expected));
    expect(cancelTimeKnownBefore(facts.toReversed(), at(knownBefore))).toBe(moment);
  });

  test.each<[string, string, string | null]>([
    ['before the interval: no part', '2024-02-29T23:59:59Z', null],
    ['at its start: no part', '2024-03-01T00:00:00Z', null],
    ['1 µs after: that microsecond', '2024-03-01T00:00:00.000001Z', '2024-03-01T00:00:00.000001Z'],
    ['at its end: all of it', '2024-04-01T00:00:00Z', '2024-04-01T00:00:00Z'],
    ['after it: all of it', '2024-05-01T00:00:00Z', '2024-04-01T00:00:00Z'],
  ])('%s', (_name, effective, end) => {
    const march = interval('2024-03-01', '2024-04-01');
    const items = itemsOf(world.prices);
    const started: SubscriptionFact = { kind: 'STARTED', sequence: 0, effectiveTime: at('2024-01-01T00:00:00Z'), recordedTime: at('2024-01-01T00:00:00Z'), items };
    const expected = end === null ? [] : [{ interval: { start: march.start, end: at(end) }, items }];
    expect(serviceStretches([canceled(effective, '2024-01-01T00:00:00Z'), started], march, later)).toEqual(expected);
  });
});

describe('a canceled subscription, month by month', () => {
  test('known before the cutoff: 30.00 × 15/30 = 15.00, 10 × 0.10 = 1.00, then nothing', () => {
    const known = { ...world, canceled: [['2024-04-16T12:00:00Z', '2024-04-02T00:00:00Z']] as const };
    expect(chain(known, 3).map(amounts)).toEqual([['fee-item 15.00', 'calls-item 1.00'], [], []]);
    expect(bill(known, 1).lines[0]?.servicePeriod).toEqual(interval('2024-04-01', '2024-04-16T12:00:00Z'));
  });

  test('a cancel before the start calls for nothing, and credits what was billed in full', () => {
    const known = { ...world, canceled: [['2024-03-01T00:00:00Z', '2024-05-02T00:00:00Z']] as const };
    expect(chain(known, 2).map(amounts)).toEqual([['fee-item 30.00', 'calls-item 10.00'], ['fee-item -30.00 for cycle 1', 'calls-item -10.00 for cycle 1']]);
  });

  test('law: over all runs a line key adds up to what its cycle calls for in the end, and every trace recomputes', () => {
    const moment = fc.bigInt(parseInstant('2024-03-30T00:00:00Z'), parseInstant('2024-08-10T00:00:00Z')).map(instant);
    const facts = fc.array(fc.record({ kind: fc.constantFrom('CANCELED' as const, 'CANCELED' as const, 'CANCEL_UNDONE' as const), effectiveTime: moment, recordedTime: moment }), { maxLength: 4 });
    fc.assert(
      fc.property(facts, fc.constantFrom(...ZONES), fc.boolean(), (drawn, zone, isCalendar) => {
        const base: World = { ...world, start: '2024-04-10T15:00:00Z', zone, ...(isCalendar ? { alignment: 'CALENDAR' as const } : {}) };
        const startTime = parseInstant(base.start);
        const started = { kind: 'STARTED', sequence: 0, effectiveTime: startTime, recordedTime: startTime, items: itemsOf(world.prices) } as const;
        const changes = drawn.toSorted((one, other) => Number(one.recordedTime - other.recordedTime)).map((fact, position) => ({ ...fact, sequence: position + 1 }));
        const runs = chain({ ...base, facts: [started, ...changes] }, 4);
        const lastCutoff = cyclesOf(base, 4).cycles.at(-1)?.cutoff ?? 0n;
        const known = changes.filter(({ recordedTime }) => recordedTime < lastCutoff);
        const order = [...new Set(known.map(({ recordedTime }) => recordedTime))].toSorted((one, other) => (one < other ? -1 : 1));
        const fromTheStart = known.map((fact) => ({ ...fact, recordedTime: instant(startTime + BigInt(order.indexOf(fact.recordedTime))) }));
        const atOnce = chain({ ...base, facts: [started, ...fromTheStart] }, 4);
        expect(subtotals(runs)).toBe(subtotals(atOnce));
        expect(atOnce.flatMap(({ lines }) => lines).filter(({ isAdjustment }) => isAdjustment)).toEqual([]);
        expect(runs.flatMap(({ lines }) => lines).flatMap(({ trace }) => faultsOf(trace))).toEqual([]);
      }),
      rounds(100),
    );
  });
});
