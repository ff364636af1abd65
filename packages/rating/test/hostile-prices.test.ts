/**
 * Hostile texts as the parameters of a price and as quantities, through every door: read, validated, rated. What comes
 * out is an exact fraction or an error with a name; never NaN, Infinity, a hang or an error of another kind.
 *
 * VALORA_ROUNDS=1000000 runs a million of them.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Decimal, fractionFromDecimal, fractionToJson, itemQuantity, parseDecimal, type PriceModel, type PriceRule, ratePrice, RatingError, roundToMinorUnits, validatePriceRule } from '../src/index.ts';
import { prorations, usageOf } from './random-price.ts';
import { rounds } from './rounds.ts';

const characters = fc.constantFrom(...'0123456789-+.,eExX_ \t\n١９½∞', 'NaN', 'Infinity', '0x10', '1e3', '--1', '.5', '5.', '1_000', '\u0000', '\uD800');
const digits = (count: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: count });
const plausible = fc.tuple(fc.constantFrom('', '', '', '-', '-0', '00'), digits(20), fc.option(digits(18))).map(([sign, whole, fraction]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`);
const small = fc.tuple(digits(2), fc.option(digits(2), { freq: 2 })).map(([whole, fraction]) => `${whole}${fraction === null ? '' : `.${fraction}`}`);
const texts = fc.oneof(
  { weight: 4, arbitrary: small },
  { weight: 3, arbitrary: plausible },
  { weight: 1, arbitrary: fc.string({ unit: characters, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '-', '0', '-0', '0.0', '9'.repeat(38), `0.${'0'.repeat(17)}1`, '9'.repeat(39), '1'.repeat(60), `0.${'1'.repeat(19)}`) },
);

const KINDS = ['FLAT', 'PER_UNIT', 'GRADUATED', 'VOLUME', 'PACKAGE', 'STAIRSTEP', 'PERCENTAGE', 'GRADUATED_PERCENTAGE', 'MATRIX'] as const;

interface Hostile {
  readonly kind: (typeof KINDS)[number];
  readonly texts: readonly string[];
  readonly isSorted: boolean;
  readonly has: readonly boolean[];
  readonly decimals: number;
  readonly mode: 'CEILING' | 'FLOOR' | 'HALF_UP' | 'HALF_EVEN';
  readonly values: readonly string[];
}

const hostile: fc.Arbitrary<Hostile> = fc.record({
  kind: fc.constantFrom(...KINDS),
  texts: fc.array(texts, { minLength: 12, maxLength: 12 }),
  isSorted: fc.boolean(),
  has: fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
  decimals: fc.oneof(fc.integer({ min: 0, max: 18 }), fc.constantFrom(-1, 19, 0.5, Number.NaN, Number.POSITIVE_INFINITY)),
  mode: fc.constantFrom('CEILING', 'FLOOR', 'HALF_UP', 'HALF_EVEN'),
  values: fc.array(texts, { maxLength: 4 }),
});

function modelOf({ kind, texts: [a = '', b = '', c = '', d = '', e = '', f = ''], has: [hasC = false, hasD = false, hasE = false, hasF = false], isSorted }: Hostile): PriceModel {
  const read = parseDecimal;
  const given = (isGiven: boolean, text: string): Decimal | null => (isGiven ? read(text) : null);
  const [low, high] = isSorted && Number(a) > Number(b) ? [b, a] : [a, b];
  switch (kind) {
    case 'FLAT':
      return { kind, amount: read(a) };
    case 'PER_UNIT':
      return { kind, unitAmount: read(a) };
    case 'GRADUATED':
    case 'VOLUME':
      return { kind, tiers: [{ upTo: read(low), unitAmount: read(c), flatAmount: given(hasC, d) }, { upTo: read(high), unitAmount: read(e), flatAmount: given(hasD, f) }, { upTo: null, unitAmount: read(c), flatAmount: null }] };
    case 'PACKAGE':
      return { kind, packageSize: read(a), packageAmount: read(b) };
    case 'STAIRSTEP':
      return { kind, stairs: [{ upTo: read(low), amount: read(c) }, { upTo: read(high), amount: read(d) }, { upTo: null, amount: read(e) }] };
    case 'PERCENTAGE':
      return { kind, percent: read(a), fixedAmount: given(hasC, b), freeEvents: given(hasD, c), freeAmount: given(hasE, d), eventMinimum: given(hasF, e), eventMaximum: given(hasC, f) };
    case 'GRADUATED_PERCENTAGE':
      return { kind, tiers: [{ upTo: read(low), percent: read(c), flatAmount: given(hasC, d) }, { upTo: null, percent: read(e), flatAmount: null }] };
    case 'MATRIX':
      return { kind, dimensions: hasC ? ['region'] : ['region', a], cells: [{ values: hasC ? [b] : [b, null], unitAmount: read(c) }], defaultUnitAmount: given(hasD, d) };
  }
}

function ruleOf(drawn: Hostile): PriceRule {
  const { texts: [factor = '', included = '', minimum = '', maximum = ''], has: [hasConversion, hasIncluded, hasMinimum, hasMaximum, isMultiplied, isRounded] } = { texts: drawn.texts.slice(6), has: drawn.has.slice(4) };
  const rounding = isRounded === true ? { rounding: { decimals: drawn.decimals, mode: drawn.mode } } : {};
  return {
    model: modelOf(drawn),
    modifiers: {
      ...(hasConversion === true ? { unitConversion: { operation: isMultiplied === true ? 'MULTIPLY' : 'DIVIDE', factor: parseDecimal(factor), ...rounding } } : {}),
      ...(hasIncluded === true ? { includedQuantity: parseDecimal(included) } : {}),
      ...(hasMinimum === true ? { minimum: parseDecimal(minimum) } : {}),
      ...(hasMaximum === true ? { maximum: parseDecimal(maximum) } : {}),
    },
  };
}

/** `null` where it is refused, which may only be by name. */
function orRefused<Value>(work: () => Value): Value | null {
  try {
    return work();
  } catch (refused) {
    if (refused instanceof RatingError) return null;
    throw refused;
  }
}

const WHOLE = /^(0|-?[1-9]\d*)$/;

describe('hostile texts', () => {
  test('as parameters and quantities give an exact amount or a named refusal', () => {
    const { numRuns } = rounds(10_000);
    const outcomes = { refused: 0, invalid: 0, rated: 0 };
    fc.assert(fc.property(hostile, prorations, fc.boolean(), (drawn, proration, isItem) => {
      const rule = orRefused(() => ruleOf(drawn));
      const values = orRefused(() => drawn.values.map(parseDecimal));
      if (rule === null || values === null) {
        outcomes.refused += 1;
        return;
      }
      const problems = validatePriceRule(rule);
      for (const { path, message } of problems) expect(`${path} ${message}`).toMatch(/^[a-z_.[\]0-9]+ .+[.]$/s);
      if (problems.some(({ severity }) => severity === 'ERROR')) {
        outcomes.invalid += 1;
        return;
      }
      const usage = usageOf(values.map((value) => ({ value, properties: { region: value } })), rule.model.kind === 'MATRIX' ? rule.model.dimensions : ['region']);
      const isFee = isItem && rule.model.kind !== 'PERCENTAGE' && rule.model.kind !== 'MATRIX';
      const rated = orRefused(() => ratePrice(rule, isFee ? itemQuantity(usage.quantity) : usage, proration));
      if (rated === null) return;
      outcomes.rated += 1;
      const written = JSON.stringify([fractionToJson(rated.amount), rated.steps()]);
      const numbers = [...written.matchAll(/"(?:numerator|denominator|packages|events|paidEvents)":"([^"]*)"/g)].map(([, number = '']) => number);
      expect(numbers.filter((number) => !WHOLE.test(number))).toEqual([]);
      expect(typeof roundToMinorUnits(rated.amount, 2, 'HALF_UP').minorUnits).toBe('bigint');
    }), { numRuns });
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(numRuns / 100); // each door was passed, and closed
  });

  test('the extremes are exact: 10³⁸ − 1 units at 10³⁸ − 1, in packages of 10⁻¹⁸', () => {
    const most = parseDecimal('9'.repeat(38));
    const least = parseDecimal(`0.${'0'.repeat(17)}1`);
    const { numerator } = fractionToJson(ratePrice({ model: { kind: 'PACKAGE', packageSize: least, packageAmount: most } }, itemQuantity(fractionFromDecimal(most))).amount);
    expect(BigInt(numerator)).toBe((10n ** 38n - 1n) ** 2n * 10n ** 18n);
  });
});
