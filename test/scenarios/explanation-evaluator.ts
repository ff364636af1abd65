// An independent evaluator of the derivation tree: it reads nothing but the messages of ExplainInvoice and shares no code with
// the engine. It works every step out again from the quantity, the model and the modifiers in the tree, and compares number
// by number. Fractions are pairs of bigints, never reduced.
import { ExplainedRoundingMode, type Fraction, type LineExplanation, type PartExplanation, type ProratedValue, type RatingStep, type RunExplanation, type SideExplanation } from '@valora/contracts/valora/invoicing/v1/explanation';
import { asDecimal, equal, minus, NO_BOUND, plus, ZERO, type Pair } from './pairs.ts';
import { numbersOfConversion, stepsOf, type Days, type WorkedStep } from './worked-steps.ts';

/** Everything in the tree that does not recompute; empty for a sound one. */
export function faultsOf(tree: RunExplanation): string[] {
  const faults = tree.lines.flatMap((line) => lineFaults(line, tree.currencyExponent).map((fault) => `${line.lineKey}: ${fault}`));
  const subtotal = tree.lines.map(({ amount }) => asDecimal(amount?.amount)).reduce(plus, ZERO);
  if (!equal(subtotal, asDecimal(tree.subtotal?.amount))) faults.push('the lines do not sum to the subtotal');
  const credits = tree.credits.map(({ amount }) => asDecimal(amount?.amount)).reduce(plus, ZERO);
  const total = plus(minus(subtotal, credits), asDecimal(tree.creditNote?.amount));
  if (!equal(total, asDecimal(tree.total?.amount))) faults.push('subtotal − credits + credit note is not the total');
  return faults;
}

function lineFaults({ settled, billed, amount }: LineExplanation, exponent: number): string[] {
  const sides = [settled, billed].flatMap((side) => (side === undefined ? [] : sideFaults(side, exponent)));
  const roundedOf = (side: SideExplanation | undefined): Pair => (side === undefined ? ZERO : asDecimal(side.rounding?.amount));
  const isSum = equal(minus(roundedOf(settled), roundedOf(billed)), asDecimal(amount?.amount));
  return isSum ? sides : [...sides, 'settled − billed is not the amount'];
}

function sideFaults(side: SideExplanation, exponent: number): string[] {
  const { parts, rounding } = side;
  const faults = parts.length === 0 ? partFaults(side) : partsFaults(side, exponent);
  const exact = pairOf(side.exact);
  const amount = asDecimal(rounding?.amount);
  if (!equal(amount, rounded(exact, exponent, rounding?.mode))) faults.push('wrongly rounded');
  if (!equal(plus(amount, pairOf(rounding?.residue)), exact)) faults.push('wrong residue');
  return faults;
}

/** The parts add up, follow each other, and share the rounded amount by what each adds to the sum before it. */
function partsFaults({ parts, exact, rounding, quantity, steps }: SideExplanation, exponent: number): string[] {
  const faults = parts.flatMap((part, position) => partFaults(part).map((fault) => `part ${position + 1}: ${fault}`));
  if (parts.length === 1 || quantity !== undefined || steps.length > 0) faults.push('a side has a rating of its own beside its parts');
  let sum = ZERO;
  for (const [position, part] of parts.entries()) {
    const before = rounded(sum, exponent, rounding?.mode);
    sum = plus(sum, pairOf(part.exact));
    if (!equal(asDecimal(part.amount), minus(rounded(sum, exponent, rounding?.mode), before))) faults.push(`part ${position + 1} has a wrong share`);
    const previousEnd = parts[position - 1]?.servicePeriod?.endTime;
    const start = part.servicePeriod?.startTime;
    if (previousEnd !== undefined && (start === undefined || start.seconds < previousEnd.seconds)) faults.push(`part ${position + 1} starts within the one before`);
  }
  if (!equal(sum, pairOf(exact))) faults.push('the parts do not sum to the exact amount');
  return faults;
}

type Rated = Pick<PartExplanation, 'quantity' | 'price' | 'limitDays' | 'steps' | 'exact'>;

function partFaults({ quantity, price, limitDays, steps, exact }: Rated): string[] {
  const model = price?.model?.model;
  if (quantity === undefined || model === undefined) return ['the tree has no quantity or no model'];
  const prorations = [...(limitDays === undefined ? [] : [daysOf(limitDays)]), ...steps.flatMap(daysIn)];
  const [days = null] = prorations;
  const faults = prorations.every(({ active, full }) => active === days?.active && full === days.full && active < full) ? [] : ['steps of one part are prorated by other days'];
  const amount = quantity.$case === 'usage' && quantity.value.exactQuantity !== undefined ? pairOf(quantity.value.exactQuantity) : asDecimal(quantity.value.quantity);
  const eventCount = quantity.$case === 'usage' ? quantity.value.eventCount : 0n;
  const expected = stepsOf({ model, modifiers: price?.modifiers, quantity: amount, eventCount, isItem: quantity.$case === 'item', days });
  const found = steps.map(numbersOf);
  const kinds = (list: readonly WorkedStep[]): string => list.map(({ kind }) => kind).join(', ');
  if (kinds(found) !== kinds(expected)) return [...faults, `the steps are ${kinds(found)} and should be ${kinds(expected)}`];
  for (const [position, { kind, numbers }] of expected.entries()) {
    const others = found[position]?.numbers ?? [];
    if (numbers.length !== others.length || !numbers.every((number, index) => equal(number, others[index] ?? NO_BOUND))) faults.push(`the step ${kind} is worked out wrongly`);
  }
  const sum = expected.map((step) => step.amount).reduce(plus, ZERO);
  return equal(sum, pairOf(exact)) ? faults : [...faults, 'the steps do not sum to the exact amount'];
}

function daysIn({ step }: RatingStep): readonly Days[] {
  const found = step?.$case === 'proration' ? step.value
    : step?.$case === 'includedQuantity' || step?.$case === 'minimum' || step?.$case === 'maximum' ? step.value.prorated?.days : undefined;
  return found === undefined ? [] : [daysOf(found)];
}

function daysOf({ activeDays, periodDays }: { readonly activeDays: number; readonly periodDays: number }): Days {
  return { active: activeDays, full: periodDays };
}

/** Every number of a step, in the order in which `stepsOf` works them out. */
function numbersOf({ step }: RatingStep): WorkedStep {
  if (step === undefined) throw new Error('a step is empty');
  const found = (amount: Fraction | undefined, numbers: readonly Pair[]): WorkedStep => ({ kind: step.$case, numbers, amount: amount === undefined ? ZERO : pairOf(amount) });
  switch (step.$case) {
    case 'unitConversion': {
      const { quantity, conversion, converted, rounded: whole } = step.value;
      return found(undefined, [pairOf(quantity), ...(conversion === undefined ? [] : numbersOfConversion(conversion)), pairOf(converted), pairOf(whole ?? converted)]);
    }
    case 'includedQuantity': return found(undefined, [pairOf(step.value.quantity), ...inPart(step.value.includedQuantity, step.value.prorated), pairOf(step.value.remaining)]);
    case 'flat':
    case 'perUnit': return found(step.value.amount, [pairOf(step.value.quantity), asDecimal(step.value.unitAmount), pairOf(step.value.amount)]);
    case 'graduatedTier':
    case 'volumeTier':
    case 'stairstep':
    case 'graduatedPercentageTier': {
      const { tier, above, upTo, quantity, unitAmount, percent, flatAmount, amount } = step.value;
      return found(amount, [[BigInt(tier), 1n], asDecimal(above), upTo === '' ? NO_BOUND : asDecimal(upTo), pairOf(quantity), asDecimal(unitAmount), asDecimal(percent), asDecimal(flatAmount), pairOf(amount)]);
    }
    case 'package': return found(step.value.amount, [pairOf(step.value.quantity), asDecimal(step.value.packageSize), asDecimal(step.value.packages), asDecimal(step.value.packageAmount), pairOf(step.value.amount)]);
    case 'percentage': return found(step.value.amount, [pairOf(step.value.quantity), asDecimal(step.value.percent), [step.value.paidEvents, 1n], asDecimal(step.value.fixedAmount), pairOf(step.value.amount)]);
    case 'proration': return found(step.value.amount, [pairOf(step.value.fees), pairOf(step.value.prorated), pairOf(step.value.amount)]);
    case 'minimum':
    case 'maximum': return found(step.value.amount, [pairOf(step.value.before), ...inPart(step.value.limit, step.value.prorated), pairOf(step.value.amount)]);
    case 'matrixCell':
    case 'groupedLines': throw new Error(`no price of the contract has the step ${step.$case}`);
  }
}

/** A parameter, and what of it counts. */
function inPart(parameter: string, prorated: ProratedValue | undefined): readonly Pair[] {
  return [asDecimal(parameter), prorated === undefined ? asDecimal(parameter) : pairOf(prorated.value)];
}

function pairOf(fraction: Fraction | undefined): Pair {
  if (fraction === undefined) throw new Error('a fraction is missing');
  return [BigInt(fraction.numerator), BigInt(fraction.denominator)];
}

/** The nearest whole number of minor units to the magnitude; a tie away from zero, or to the even neighbour. */
function rounded([numerator, denominator]: Pair, exponent: number, mode: ExplainedRoundingMode | undefined): Pair {
  const scaled = (numerator < 0n ? -numerator : numerator) * 10n ** BigInt(exponent);
  const whole = scaled / denominator;
  const twiceRest = 2n * (scaled % denominator);
  const tieGoesUp = mode === ExplainedRoundingMode.HALF_UP || whole % 2n === 1n;
  const up = twiceRest > denominator || (twiceRest === denominator && tieGoesUp);
  const magnitude = up ? whole + 1n : whole;
  return [numerator < 0n ? -magnitude : magnitude, 10n ** BigInt(exponent)];
}
