/**
 * MATRIX: each group of the usage at the unit amount of its cell.
 *
 * 10 in (eu, small) × 1.00 + 4 in (us, large) × 2.50 = 20.00. A group without a cell takes the default amount; without a
 * default the run stops and names it, since a value that nobody priced must not be free. The trap: a group has a cell
 * only if all of its values match, in the order of the model's dimensions; "null" is text, and `null` is no value.
 */
import { invariant, RatingError } from '../errors.ts';
import type { Decimal } from '../number/decimal.ts';
import { type Fraction, fractionToJson, multiplyFractions, sumFractions, ZERO_FRACTION } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import type { MatrixTerms } from '../price/price.ts';
import { describeGroup, type UsageGroup } from '../usage/group.ts';
import type { GroupQuantity, RatableQuantity, RatedQuantity } from './model.ts';

interface RatedGroup extends GroupQuantity {
  readonly unitAmount: Decimal;
  readonly isDefault: boolean;
  readonly amount: Fraction;
}

/** Errors: MATRIX_CELL_MISSING. */
export function rateMatrix(matrix: MatrixTerms, { groups, eventCount }: RatableQuantity): RatedQuantity {
  invariant(groups.length > 0 || eventCount === 0n, 'usage that a matrix prices comes in groups');
  const rated = groups.map((one) => rateGroup(matrix, one));
  return { amount: sumFractions(rated.map(({ amount }) => amount)), flatAmount: ZERO_FRACTION, steps: () => rated.map(stepOf) };
}

function rateGroup(matrix: MatrixTerms, { group, quantity }: GroupQuantity): RatedGroup {
  const cell = cellOf(matrix, group);
  const unitAmount = cell ?? matrix.defaultUnitAmount;
  if (unitAmount === null) {
    const problem = `The matrix has no cell for ${describeGroup(group)}, and no default.`;
    throw new RatingError('MATRIX_CELL_MISSING', problem, { group: describeGroup(group) });
  }
  const amount = multiplyFractions(parameterFraction(unitAmount), quantity);
  return { group, quantity, unitAmount, isDefault: cell === null, amount };
}

function cellOf({ dimensions, cells }: MatrixTerms, group: UsageGroup): Decimal | null {
  const values = dimensions.map((dimension) => {
    const value = group[dimension];
    invariant(value !== undefined, `usage is not grouped by ${dimension}`);
    return value;
  });
  const found = cells.find((cell) => cell.values.length === values.length && cell.values.every((value, position) => value === values[position]));
  return found?.unitAmount ?? null;
}

function stepOf({ group, quantity, unitAmount, isDefault, amount }: RatedGroup) {
  return {
    kind: 'MATRIX_CELL',
    group,
    quantity: fractionToJson(quantity),
    unitAmount,
    ...(isDefault ? { isDefault } : {}),
    amount: fractionToJson(amount),
  } as const;
}
