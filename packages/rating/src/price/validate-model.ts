/**
 * Static validation of a price model: every problem at once, in the order of its fields. None means that every quantity
 * has exactly one amount.
 *
 * The trap: a MATRIX without a default is sound for the values it has cells for, and stops the run on all others. That
 * may be wanted, as billing them for nothing never is, so it is a warning.
 */
import { unreachable } from '../errors.ts';
import type { MatrixCell, MatrixTerms, PercentageTerms, PercentTier, PriceModel, Stair, Tier } from './price.ts';
import { amountProblems, error, isAbove, isPositive, percentProblems, type PriceProblem, quantityProblems, repeatedPositions, textProblems, warning } from './price-problem.ts';
import { stairstepCliffs, tiersProblems, volumeCliffs } from './validate-tiers.ts';

export const CELLS_MAX = 1000;
/** Also of the properties by which usage is grouped in all. */
export const DIMENSIONS_MAX = 4;

export function validatePriceModel(model: PriceModel): readonly PriceProblem[] {
  switch (model.kind) {
    case 'FLAT':
      return amountProblems('amount', model.amount);
    case 'PER_UNIT':
      return amountProblems('unit_amount', model.unitAmount);
    case 'GRADUATED':
      return tiersProblems('tiers', model.tiers, tierAmounts);
    case 'VOLUME':
      return unlessProblems(tiersProblems('tiers', model.tiers, tierAmounts), () => volumeCliffs(model.tiers));
    case 'PACKAGE':
      return packageProblems(model);
    case 'STAIRSTEP':
      return unlessProblems(tiersProblems('stairs', model.stairs, stairAmount), () => stairstepCliffs(model.stairs));
    case 'PERCENTAGE':
      return percentageProblems(model);
    case 'GRADUATED_PERCENTAGE':
      return tiersProblems('tiers', model.tiers, percentTierAmounts);
    case 'MATRIX':
      return matrixProblems(model);
    default:
      return unreachable(model);
  }
}

/** Cliffs are only sought between tiers that are sound. */
function unlessProblems(problems: readonly PriceProblem[], more: () => readonly PriceProblem[]): readonly PriceProblem[] {
  return problems.length > 0 ? problems : more();
}

function tierAmounts(path: string, { unitAmount, flatAmount }: Tier): readonly PriceProblem[] {
  return [...amountProblems(`${path}.unit_amount`, unitAmount), ...amountProblems(`${path}.flat_amount`, flatAmount)];
}

function stairAmount(path: string, { amount }: Stair): readonly PriceProblem[] {
  return amountProblems(`${path}.amount`, amount);
}

function percentTierAmounts(path: string, { percent, flatAmount }: PercentTier): readonly PriceProblem[] {
  return [...percentProblems(`${path}.percent`, percent), ...amountProblems(`${path}.flat_amount`, flatAmount)];
}

function packageProblems({ packageSize, packageAmount }: Extract<PriceModel, { kind: 'PACKAGE' }>): readonly PriceProblem[] {
  const fix = `Packages of ${packageSize} can't be counted. Give a package size above zero.`;
  return [
    ...(isPositive(packageSize) ? [] : [error('package_size', 'PACKAGE_SIZE_NOT_POSITIVE', fix)]),
    ...amountProblems('package_amount', packageAmount),
  ];
}

function percentageProblems(terms: PercentageTerms): readonly PriceProblem[] {
  return [
    ...percentProblems('percent', terms.percent),
    ...amountProblems('fixed_amount', terms.fixedAmount),
    ...freeEventsProblems(terms),
    ...amountProblems('free_amount', terms.freeAmount),
    ...zeroAllowance('free_amount', terms.freeAmount),
    ...amountProblems('event_minimum', terms.eventMinimum),
    ...eventMinimumProblems(terms),
    ...amountProblems('event_maximum', terms.eventMaximum),
    ...eventMaximumProblems(terms),
  ];
}

function freeEventsProblems({ freeEvents }: PercentageTerms): readonly PriceProblem[] {
  const fix = `No event is free by a fraction; of ${freeEvents} events the fraction is never used in a full period. Give a whole number.`;
  return [
    ...quantityProblems('free_events', freeEvents),
    ...zeroAllowance('free_events', freeEvents),
    ...(freeEvents !== null && freeEvents.includes('.') ? [warning('free_events', 'FREE_EVENTS_NOT_WHOLE', fix)] : []),
  ];
}

function zeroAllowance(path: string, allowance: string | null): readonly PriceProblem[] {
  if (allowance !== '0') return [];
  return [warning(path, 'FREE_ALLOWANCE_ZERO', 'An allowance of zero makes nothing free, whatever the other one says. Leave it out for no limit of this kind.')];
}

function eventMinimumProblems({ eventMinimum, eventMaximum }: PercentageTerms): readonly PriceProblem[] {
  if (eventMinimum === null || eventMaximum === null || !isAbove(eventMinimum, eventMaximum)) return [];
  const fix = `An event can't cost at least ${eventMinimum} and at most ${eventMaximum}. Give a minimum that is not above the maximum.`;
  return [error('event_minimum', 'EVENT_MINIMUM_ABOVE_MAXIMUM', fix)];
}

function eventMaximumProblems({ fixedAmount, eventMaximum }: PercentageTerms): readonly PriceProblem[] {
  if (fixedAmount === null || eventMaximum === null || !isAbove(fixedAmount, eventMaximum)) return [];
  const fix = `The fixed amount ${fixedAmount} alone is above it, so every event costs ${eventMaximum}. Raise the maximum, if that is not meant.`;
  return [warning('event_maximum', 'EVENT_MAXIMUM_BELOW_FIXED', fix)];
}

function matrixProblems({ dimensions, cells, defaultUnitAmount }: MatrixTerms): readonly PriceProblem[] {
  const withoutDefault = 'Values without a cell stop the run, as nobody priced them. Give a default unit amount, if they may occur.';
  return [
    ...dimensionsProblems(dimensions),
    ...cellsProblems(cells, dimensions.length),
    ...amountProblems('default_unit_amount', defaultUnitAmount),
    ...(defaultUnitAmount === null ? [warning('default_unit_amount', 'MATRIX_DEFAULT_MISSING', withoutDefault)] : []),
  ];
}

function dimensionsProblems(dimensions: readonly string[]): readonly PriceProblem[] {
  if (dimensions.length === 0) {
    return [error('dimensions', 'DIMENSIONS_EMPTY', 'The matrix has no dimensions. Name at least one property of the events, or price per unit.')];
  }
  if (dimensions.length > DIMENSIONS_MAX) {
    return [error('dimensions', 'DIMENSIONS_TOO_MANY', `There are ${dimensions.length} dimensions. Give at most ${DIMENSIONS_MAX}.`)];
  }
  const repeated = new Set(repeatedPositions(dimensions));
  return dimensions.flatMap((dimension, position) => {
    const path = `dimensions[${position}]`;
    if (dimension === '') return [error(path, 'DIMENSION_EMPTY', 'The dimension has no name. Give the name of a property of the events.')];
    const twice = `The dimension ${dimension} is there already. Give each dimension once.`;
    return [...textProblems(path, [dimension]), ...(repeated.has(position) ? [error(path, 'DIMENSION_REPEATED', twice)] : [])];
  });
}

function cellsProblems(cells: readonly MatrixCell[], dimensionCount: number): readonly PriceProblem[] {
  if (cells.length > CELLS_MAX) return [error('cells', 'CELLS_TOO_MANY', `There are ${cells.length} cells. Give at most ${CELLS_MAX}.`)];
  const repeated = new Set(repeatedPositions(cells.map(({ values }) => JSON.stringify(values))));
  return cells.flatMap(({ values, unitAmount }, position) => {
    const path = `cells[${position}].values`;
    const miscounted = `The cell has ${values.length} values for ${dimensionCount} dimensions. Give one value for each, in their order; null for none.`;
    const twice = 'An earlier cell has the same values, so they would have two prices. Give each combination of values once.';
    return [
      ...(values.length === dimensionCount ? [] : [error(path, 'CELL_VALUES_MISCOUNTED', miscounted)]),
      ...textProblems(path, values),
      ...(repeated.has(position) ? [error(path, 'CELL_REPEATED', twice)] : []),
      ...amountProblems(`cells[${position}].unit_amount`, unitAmount),
    ];
  });
}
