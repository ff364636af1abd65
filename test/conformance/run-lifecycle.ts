/**
 * Plans and dated steps of another system, and the invoices that it makes of them.
 *
 * When invoices are made differs from system to system, so the lines are run one by one: each fee from its full amount, the period it is for and
 * the days of it that are billed; each metered line from its quantity and its price. What a system bills less, since it billed it before, is
 * subtracted as settled, and so is what a minimum makes up for.
 */
import { fractionFromDecimal, parseDecimal, ratePrice, subtractFractions } from '@valora/rating';
import { type Answer, compared, type ConformanceCase, nothingToCompare, outside } from './case.ts';
import { number, sameNumber } from './compare.ts';
import { type Fields, has, object, objects, text, textIfAny } from './fields.ts';
import { type Money, moneyOf, settled } from './money.ts';
import { priceOfCase } from './price-of-case.ts';
import { feeOf } from './run-proration.ts';
import { interval, zoneOf } from './times.ts';

export function runLifecycle(one: ConformanceCase): Answer {
  const { fields, expected } = one;
  const money = moneyOf(one);
  const notes = has(expected, 'credit_notes') ? objects(expected, 'credit_notes') : [];
  const lines = [...objects(expected, 'invoices'), ...notes].flatMap((invoice) => objects(invoice, 'lines'));
  if (lines.length === 0) return nothingToCompare('invoices.lines', 'credit_notes.lines');
  const answers = lines.map((line) => runLine(line, zoneOf(fields), money));
  return answers.find(({ kind }) => kind === 'OUTSIDE') ?? compared(...answers.map((answer) => (answer.kind === 'COMPARED' ? answer.differences : [])));
}

function runLine(line: Fields, zone: string, money: Money): Answer {
  const kind = text(line, 'kind');
  const name = `${kind} ${text(line, 'item')}`;
  switch (kind) {
    case 'recurring': {
      const fee = feeOver(line, zone, money);
      const less = textIfAny(line, 'less');
      return compared(sameNumber(name, text(line, 'amount'), less === null ? fee : subtractFractions(fee, number(less))));
    }
    case 'credit': {
      const unused = feeOver(line, zone, money);
      const amount = text(line, 'amount');
      return compared(sameNumber(name, amount.startsWith('-') ? amount.slice(1) : amount, unused));
    }
    case 'minimum_true_up': {
      const minimum = feeOver({ ...line, full_amount: text(line, 'minimum') }, zone, money);
      return compared(sameNumber(name, text(line, 'amount'), subtractFractions(minimum, number(text(line, 'used')))));
    }
    case 'usage':
      return runUsage(name, line, money);
    default:
      return outside(`lines of kind ${kind}`);
  }
}

function feeOver(line: Fields, zone: string, money: Money) {
  return settled(feeOf(text(line, 'full_amount'), interval(line, 'period', zone), interval(line, 'full_period', zone), zone), money);
}

function runUsage(name: string, line: Fields, money: Money): Answer {
  const price = object(line, 'price');
  const rule = priceOfCase({ model: text(price, 'model'), price });
  if ('outside' in rule) return outside(rule.outside);
  const quantity = fractionFromDecimal(parseDecimal(text(line, 'quantity')));
  const rated = ratePrice(rule, { basis: 'USAGE', quantity, eventCount: 1n, groups: [], eventValues: null });
  return compared(sameNumber(name, text(line, 'amount'), settled(rated.amount, money)));
}
