/**
 * One price and one quantity, or several that are rated each for itself: the amount, and where the case says more, its parts.
 *
 * The trap: prices are rated by `ratePrice` and nothing else, so that a case proves what a bill would say.
 */
import { type Fraction, fractionFromDecimal, itemQuantity, parseDecimal, type PriceModel, type PriceRule, type RatableQuantity, ratePrice, subtractFractions } from '@valora/rating';
import { type Answer, compared, type ConformanceCase, outside } from './case.ts';
import { number, sameNumber, sum } from './compare.ts';
import { type Fields, has, object, text, textIfAny, texts } from './fields.ts';
import { type Money, moneyOf, sameAmount, settled } from './money.ts';
import { priceOfCase } from './price-of-case.ts';
import { sameParts } from './rating-parts.ts';

export function runRating(one: ConformanceCase): Answer {
  const { fields, expected } = one;
  const money = moneyOf(one);
  if (text(fields, 'model') === 'minimum_true_up') return runTrueUp(fields, expected, money);
  const price = priceOfCase(fields);
  if ('outside' in price) return outside(price.outside);
  const position = textIfAny(fields, 'position');
  const prior = textIfAny(fields, 'prior_quantity');
  if ((position !== null && position !== 'last') || (prior !== null && prior !== '0')) return outside('an invoice within the period, before the quantity is complete');
  if (has(fields, 'quantities')) return runGroups(price, one, money);
  const quantity = quantityOf(price.model, fields);
  if (quantity === null) return outside('free events or limits without the values of the events');
  return compared(
    sameAmount('amount', text(expected, 'amount'), ratePrice(price, quantity).amount, money),
    sameParts(price, quantity, expected),
  );
}

/** Each quantity is rated for itself and the sum is rounded once. */
function runGroups(price: PriceRule, { fields, expected }: ConformanceCase, money: Money): Answer {
  const { minimum, maximum } = price.modifiers ?? {};
  if (minimum !== undefined || maximum !== undefined) return outside('limits over quantities that are rated each for itself');
  const amounts = texts(fields, 'quantities').map((quantity) => ratePrice(price, usage(exactDecimal(quantity))).amount);
  return compared(sameAmount('amount', text(expected, 'amount'), sum(amounts), money));
}

/** What lifts an amount to its minimum makes up for the settled amount: minimum settled − amount settled. */
function runTrueUp(fields: Fields, expected: Fields, money: Money): Answer {
  const model: PriceModel = { kind: 'FLAT', amount: parseDecimal(text(object(fields, 'events'), 'rated_amount')) };
  const once = itemQuantity(number('1'));
  const rated = ratePrice({ model }, once).amount;
  const lifted = ratePrice({ model, modifiers: { minimum: parseDecimal(text(object(fields, 'price'), 'minimum')) } }, once).amount;
  return compared(
    sameAmount('amount', text(expected, 'amount'), lifted, money),
    sameNumber('gross_amount', text(expected, 'gross_amount'), rated),
    sameNumber('minimum_adjustment', text(expected, 'minimum_adjustment'), subtractFractions(settled(lifted, money), settled(rated, money))),
  );
}

/** `null` where the price needs the values of single events and the case doesn't give them. */
function quantityOf(model: PriceModel, fields: Fields): RatableQuantity | null {
  const quantity = exactDecimal(text(fields, 'quantity'));
  if (model.kind === 'FLAT') return itemQuantity(quantity);
  if (model.kind !== 'PERCENTAGE') return usage(quantity);
  const { freeEvents, freeAmount, eventMinimum, eventMaximum } = model;
  const needsValues = [freeEvents, freeAmount, eventMinimum, eventMaximum].some((limit) => limit !== null);
  const events = has(fields, 'events') ? object(fields, 'events') : null;
  const values = events !== null && has(events, 'values') ? texts(events, 'values').map(exactDecimal) : null;
  if (needsValues && values === null) return null;
  const eventCount = values === null ? BigInt(events === null ? '0' : text(events, 'count')) : BigInt(values.length);
  return { ...usage(quantity), eventCount, eventValues: values };
}

function usage(quantity: Fraction): RatableQuantity {
  return { basis: 'USAGE', quantity, eventCount: 1n, groups: [], eventValues: null };
}

/** Only what a caller may send: the case's text goes the way of every input. */
function exactDecimal(given: string): Fraction {
  return fractionFromDecimal(parseDecimal(given));
}
