// An independent evaluator of the derivation tree: it reads nothing but the messages of ExplainInvoice and shares no code with
// the engine. Fractions are pairs of bigints, never reduced.
import { ExplainedRoundingMode, type Fraction, type LineExplanation, type RatingStep, type RunExplanation, type SideExplanation } from '@valora/contracts/valora/invoicing/v1/explanation';
import type { PriceModel, Tier } from '@valora/contracts/valora/pricing/v1/price_model';

type Pair = readonly [numerator: bigint, denominator: bigint];
type Product = readonly [quantity: Pair, unit: Pair, flat: Pair];

const ZERO: Pair = [0n, 1n];
const plus = (a: Pair, b: Pair): Pair => [a[0] * b[1] + b[0] * a[1], a[1] * b[1]];
const negated = ([numerator, denominator]: Pair): Pair => [-numerator, denominator];
const times = (a: Pair, b: Pair): Pair => [a[0] * b[0], a[1] * b[1]];
const equal = (a: Pair, b: Pair): boolean => a[0] * b[1] === b[0] * a[1];
const above = (a: Pair, b: Pair): boolean => a[0] * b[1] > b[0] * a[1];

function decimal(text: string): Pair {
  const [whole = '', fraction = ''] = text.split('.');
  return [BigInt(whole + fraction), 10n ** BigInt(fraction.length)];
}

function pairOf(fraction: Fraction | undefined): Pair {
  if (fraction === undefined) throw new Error('a fraction is missing');
  return [BigInt(fraction.numerator), BigInt(fraction.denominator)];
}

/** Everything in the tree that does not recompute; empty for a sound one. */
export function faultsOf(tree: RunExplanation): string[] {
  const faults = tree.lines.flatMap((line) => lineFaults(line, tree.currencyExponent).map((fault) => `${line.lineKey}: ${fault}`));
  const subtotal = tree.lines.map(({ amount }) => decimal(amount?.amount ?? '')).reduce(plus, ZERO);
  if (!equal(subtotal, decimal(tree.subtotal?.amount ?? ''))) faults.push('the lines do not sum to the subtotal');
  const credits = tree.credits.map(({ amount }) => decimal(amount?.amount ?? '')).reduce(plus, ZERO);
  const total = plus(plus(subtotal, negated(credits)), decimal(tree.creditNote?.amount ?? ''));
  if (!equal(total, decimal(tree.total?.amount ?? ''))) faults.push('subtotal − credits + credit note is not the total');
  return faults;
}

function lineFaults({ settled, billed, amount }: LineExplanation, exponent: number): string[] {
  const sides = [settled, billed].flatMap((side) => (side === undefined ? [] : sideFaults(side, exponent)));
  const roundedOf = (side: SideExplanation | undefined): Pair => (side === undefined ? ZERO : decimal(side.rounding?.amount ?? ''));
  const isSum = equal(plus(roundedOf(settled), negated(roundedOf(billed))), decimal(amount?.amount ?? ''));
  return isSum ? sides : [...sides, 'settled − billed is not the amount'];
}

/** Rates the quantity anew with the model in the tree, and compares every step with it. */
function sideFaults(side: SideExplanation, exponent: number): string[] {
  const faults: string[] = [];
  const quantity = decimal(side.quantity?.value.quantity ?? '');
  const expected = productsOf(side.price?.model?.model, quantity);
  const whole = expected.map(([units, unit, flat]) => plus(times(units, unit), flat)).reduce(plus, ZERO);
  // Of an item everything is a fee, of usage the flat amounts alone.
  const fees = side.quantity?.$case === 'item' ? whole : expected.map(([, , flat]) => flat).reduce(plus, ZERO);
  const prorations = side.steps.flatMap(({ step }) => (step?.$case === 'proration' ? [step.value] : []));
  if (!prorations.every((proration) => equal(pairOf(proration.fees), fees))) faults.push('other fees are prorated than are due');
  const exact = prorations.reduce((sum, { activeDays, periodDays }) => plus(sum, plus(times(fees, [BigInt(activeDays), BigInt(periodDays)]), negated(fees))), whole);
  const stepped = side.steps.map((step) => pairOf(step.step?.value.amount)).reduce(plus, ZERO);
  if (!side.steps.every(stepHolds)) faults.push('a step is a wrong product');
  if (!equal(exact, pairOf(side.exact)) || !equal(stepped, exact)) faults.push('the model, the steps and the exact amount disagree');
  const minorUnits = rounded(exact, exponent, side.rounding?.mode);
  const amount = decimal(side.rounding?.amount ?? '');
  if (!equal([minorUnits, 10n ** BigInt(exponent)], amount)) faults.push('wrongly rounded');
  if (!equal(plus(amount, pairOf(side.rounding?.residue)), exact)) faults.push('wrong residue');
  return faults;
}

function stepHolds({ step }: RatingStep): boolean {
  if (step === undefined) return false;
  if (step.$case === 'proration') {
    const { fees, activeDays, periodDays, prorated, amount } = step.value;
    return activeDays < periodDays && equal(times(pairOf(fees), [BigInt(activeDays), BigInt(periodDays)]), pairOf(prorated)) && equal(plus(pairOf(prorated), negated(pairOf(fees))), pairOf(amount));
  }
  const flat = step.$case === 'graduatedTier' || step.$case === 'volumeTier' ? step.value.flatAmount : '';
  return equal(plus(times(pairOf(step.value.quantity), decimal(step.value.unitAmount)), decimal(flat === '' ? '0' : flat)), pairOf(step.value.amount));
}

function productsOf(model: PriceModel['model'], quantity: Pair): readonly Product[] {
  switch (model?.$case) {
    case 'flat': return [[quantity, decimal(model.value.amount), ZERO]];
    case 'perUnit': return [[quantity, decimal(model.value.unitAmount), ZERO]];
    case 'graduated': return graduated(model.value.tiers, quantity);
    case 'volume': {
      const tier = model.value.tiers.find(({ upTo }) => upTo === '' || !above(quantity, decimal(upTo)));
      return tier === undefined ? [] : [[quantity, decimal(tier.unitAmount), flatOf(tier)]];
    }
    case undefined: throw new Error('the tree has no model');
  }
}

function graduated(tiers: readonly Tier[], quantity: Pair): readonly Product[] {
  return tiers.flatMap((tier, position): readonly Product[] => {
    const lower = position === 0 ? ZERO : decimal(tiers[position - 1]?.upTo ?? '');
    if (position > 0 && !above(quantity, lower)) return [];
    const reached = tier.upTo !== '' && above(quantity, decimal(tier.upTo)) ? decimal(tier.upTo) : quantity;
    return [[plus(reached, negated(lower)), decimal(tier.unitAmount), flatOf(tier)]];
  });
}

function flatOf({ flatAmount }: Tier): Pair {
  return flatAmount === '' ? ZERO : decimal(flatAmount);
}

/** The nearest whole number to the scaled magnitude; a tie away from zero, or to the even neighbour. */
function rounded([numerator, denominator]: Pair, exponent: number, mode: ExplainedRoundingMode | undefined): bigint {
  const scaled = (numerator < 0n ? -numerator : numerator) * 10n ** BigInt(exponent);
  const whole = scaled / denominator;
  const twiceRest = 2n * (scaled % denominator);
  const tieGoesUp = mode === ExplainedRoundingMode.HALF_UP || whole % 2n === 1n;
  const up = twiceRest > denominator || (twiceRest === denominator && tieGoesUp);
  const magnitude = up ? whole + 1n : whole;
  return numerator < 0n ? -magnitude : magnitude;
}
