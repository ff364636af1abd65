/** Proration: a fee for a part of its period, the factor itself, a change of plan on a day, and cycles in advance with broken ones at either end. */
import {
  cycleBounds, daysOf, divideFractions, type Fraction, fractionFromBigInt, fullPeriod, type Interval, itemQuantity, parseDecimal, prorationOf, ratePrice, subtractFractions,
} from '@valora/rating';
import { type Answer, compared, type ConformanceCase, outside } from './case.ts';
import { number, sameCount, sameNumber, sameToDigits, sameToItsDigits, sum } from './compare.ts';
import { type Fields, has, objects, text, textIfAny, texts } from './fields.ts';
import { type Money, moneyOf, nearAmount, sameAmount, settled } from './money.ts';
import { cadenceOf, interval, time, timeIfAny, zoneOf } from './times.ts';

const DIGITS_OF_BINARY_ARITHMETIC = 9;
const CYCLES_MAX = 10_000;

export const PRORATION_KINDS = ['fraction', 'factor', 'change', 'days_between', 'cycles_in_advance', 'fixed_days', 'credit_cap'] as const;

export function runProration(one: ConformanceCase): Answer {
  const { fields, expected } = one;
  const kind = PRORATION_KINDS.find((known) => known === text(fields, 'kind'));
  switch (kind) {
    case 'fraction':
      return runFraction(fields, expected, moneyOf(one));
    case 'factor':
      return runFactor(fields, expected);
    case 'change':
      return runChange(fields, expected, moneyOf(one));
    case 'days_between':
      return compared(sameCount('days', text(expected, 'days'), daysOf({ start: time(fields, 'start'), end: time(fields, 'end') }, zoneOf(fields))));
    case 'cycles_in_advance':
      return runCycles(fields, expected);
    case 'fixed_days':
      return outside('months of a fixed number of days');
    case 'credit_cap':
      return outside('a credit that is capped by itself: ours is what is due less what was billed');
    default:
      return outside(`no proration of kind ${text(fields, 'kind')}`);
  }
}

/** A fee of which a part is served: by the policy of a price, as an item of one copy. */
export function feeOf(fullAmount: string, active: Interval, period: Interval, zone: string): Fraction {
  const model = { kind: 'FLAT', amount: parseDecimal(fullAmount) } as const;
  return ratePrice({ model }, itemQuantity(number('1')), prorationOf(active, period, { zone })).amount;
}

function runFraction(fields: Fields, expected: Fields, money: Money): Answer {
  const exact = feeOf(text(fields, 'full_amount'), interval(fields, 'active'), interval(fields, 'period'), zoneOf(fields));
  const tolerance = textIfAny(fields, 'tolerance');
  const amount = text(expected, 'amount');
  const unrounded = textIfAny(expected, 'unrounded_minor');
  const inMinorUnits = divideFractions(exact, fractionFromBigInt(1n, 10n ** BigInt(money.exponent)));
  return compared(
    tolerance === null ? sameAmount('amount', amount, exact, money) : nearAmount('amount', { expected: amount, exact, tolerance }, money),
    unrounded === null ? [] : sameToDigits('unrounded_minor', unrounded, inMinorUnits, DIGITS_OF_BINARY_ARITHMETIC),
  );
}

function runFactor(fields: Fields, expected: Fields): Answer {
  const factor = factorOf(interval(fields, 'active'), interval(fields, 'period'), zoneOf(fields));
  const rounded = textIfAny(expected, 'rounded_9');
  return compared(
    sameNumber('factor', `${text(expected, 'numerator')}/${text(expected, 'denominator')}`, factor),
    rounded === null ? [] : sameToItsDigits('rounded_9', rounded, factor),
  );
}

function factorOf(active: Interval, period: Interval, zone: string): Fraction {
  const proration = prorationOf(active, period, { zone });
  return proration === null ? number('1') : fractionFromBigInt(BigInt(proration.activeDays), BigInt(proration.periodDays));
}

/** What was billed in full is owed up to the change alone: the credit is what is due less what was billed. The new fee is due from the change on. */
function runChange(fields: Fields, expected: Fields, money: Money): Answer {
  const period = interval(fields, 'period');
  const change = time(fields, 'change_at');
  const feesOver = (name: 'old' | 'new', active: Interval) =>
    objects(fields, name).map((fee) => settled(feeOf(text(fee, 'full_amount'), active, period, zoneOf(fields)), money));
  const billed = feesOver('old', period);
  const owed = feesOver('old', { start: period.start, end: change });
  const credits = billed.map((full, position) => subtractFractions(owed[position] ?? full, full));
  const charges = feesOver('new', { start: change, end: period.end });
  return compared(
    sameNumbers('credit', texts(expected, 'credits'), credits),
    sameNumbers('charge', texts(expected, 'charges'), charges),
    sameNumber('net', text(expected, 'net'), sum([...credits, ...charges])),
  );
}

function sameNumbers(name: string, expected: readonly string[], ours: readonly Fraction[]): readonly string[] {
  if (expected.length !== ours.length) return [`${name}s: expected ${expected.length}, ours ${ours.length}`];
  return ours.flatMap((value, position) => sameNumber(`${name} ${position + 1}`, expected[position] ?? '', value));
}

/** The factors of all cycles that have begun by a day: broken ones count by their days. */
function runCycles(fields: Fields, expected: Fields): Answer {
  const cadence = cadenceOf(fields);
  const start = time(fields, 'start');
  const last = timeIfAny(fields, 'end');
  const billedOn = time(fields, 'billed_on');
  const factors: Fraction[] = [];
  for (let index = 1; index <= CYCLES_MAX; index += 1) {
    const cycle = cycleBounds(cadence, index, start);
    if (cycle.start > billedOn || (last !== null && cycle.start >= last)) break;
    const active = { start: cycle.start, end: last !== null && last < cycle.end ? last : cycle.end };
    factors.push(factorOf(active, fullPeriod(cadence, index, start), zoneOf(fields)));
  }
  const exact = has(expected, 'cycles_exact') ? sameNumber('cycles_exact', text(expected, 'cycles_exact'), sum(factors)) : null;
  return compared(exact ?? sameToItsDigits('cycles', text(expected, 'cycles'), sum(factors)));
}
