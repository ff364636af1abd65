/** Amounts rounded to the minor unit: one, a product, or lines that are rounded each and then added. */
import { type Fraction, fractionFromDecimal, itemQuantity, parseDecimal, ratePrice, subtractFractions } from '@valora/rating';
import { type Answer, compared, type ConformanceCase, outside } from './case.ts';
import { number, sameNumber, sum } from './compare.ts';
import { type Fields, has, objects, text, textIfAny, texts, wholeNumber } from './fields.ts';
import { moneyOf, settled } from './money.ts';

export const ROUNDING_KINDS = ['round', 'product', 'sum_of_rounded', 'true_up', 'fixed_discount', 'percent_discount', 'discount_stack'] as const;

export function runRounding(one: ConformanceCase): Answer {
  const { fields, expected } = one;
  const money = moneyOf(one);
  const kind = text(fields, 'kind');
  switch (kind) {
    case 'round':
      return compared(sameNumber('amount', text(expected, 'amount'), settled(amount(text(fields, 'amount')), money)));
    case 'product':
      return compared(sameNumber('amount', text(expected, 'amount'), settled(product(fields), money)));
    case 'sum_of_rounded': {
      const amounts = lineAmounts(fields);
      const sumThenRound = textIfAny(expected, 'sum_then_round');
      return compared(
        sameNumber('amount', text(expected, 'amount'), sum(amounts.map((exact) => settled(exact, money)))),
        sumThenRound === null ? [] : sameNumber('sum_then_round', sumThenRound, settled(sum(amounts), money)),
      );
    }
    case 'true_up': {
      const model = { kind: 'FLAT', amount: parseDecimal(text(fields, 'used')) } as const;
      const lifted = ratePrice({ model, modifiers: { minimum: parseDecimal(text(fields, 'commitment')) } }, itemQuantity(number('1')));
      return compared(sameNumber('amount', text(expected, 'amount'), subtractFractions(settled(lifted.amount, money), settled(amount(text(fields, 'used')), money))));
    }
    case 'fixed_discount':
    case 'percent_discount':
    case 'discount_stack':
      return outside('discounts are not part of a price');
    default:
      return outside(`no rounding of kind ${kind}`);
  }
}

function lineAmounts(fields: Fields): readonly Fraction[] {
  if (has(fields, 'amounts')) return texts(fields, 'amounts').map(amount);
  if (has(fields, 'lines')) return objects(fields, 'lines').map((line) => (has(line, 'amount') ? amount(text(line, 'amount')) : product(line)));
  return Array.from({ length: wholeNumber(fields, 'repeat') }, () => amount(text(fields, 'amount')));
}

function product(fields: Fields): Fraction {
  const model = { kind: 'PER_UNIT', unitAmount: parseDecimal(text(fields, 'unit_amount')) } as const;
  return ratePrice({ model }, itemQuantity(amount(text(fields, 'quantity')))).amount;
}

function amount(given: string): Fraction {
  return fractionFromDecimal(parseDecimal(given));
}
