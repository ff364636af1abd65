/**
 * A second evaluator: recomputes a line from its trace alone.
 *
 * It shares no code with the engine (its fractions are pairs of bigints, it rounds by another formula and counts days by
 * another calendar), so that a trace which does not lead to its line is found out. From quantity, price and days it works
 * out the steps anew and holds every member of every step against them.
 * What a tree can't tell is taken as it is: codes, versions, digests, and the values of single events, of which it only
 * holds the sums (see `evaluate-model.ts`).
 */
import type { LineTrace, PartTrace, RunLine, SideTrace } from '../src/index.ts';
import { micros, partFaults } from './evaluate-part.ts';
import { exact, faultsAgainst, pairOfJson } from './expected.ts';
import { equal, moneyText, pairOf, plus, roundedTo, sum, ZERO } from './pairs.ts';

/** Everything in the trace that does not recompute; an empty list is a sound trace. */
export function faultsOf(trace: LineTrace): string[] {
  const { settled, billed, exponent, cycle } = trace;
  const difference = minorUnitsOf(settled, exponent) - minorUnitsOf(billed, exponent);
  return [
    ...(settled === null ? [] : sideFaults(trace, settled).map((fault) => `settled: ${fault}`)),
    ...(billed === null ? [] : sideFaults(trace, billed).map((fault) => `billed: ${fault}`)),
    ...(trace.amount === moneyText(difference, exponent) ? [] : ['settled − billed is not the amount']),
    ...(settled === null && billed === null ? ['the line has no side'] : []),
    ...(settled !== null && billed !== null && micros(settled.knownBefore) < micros(billed.knownBefore) ? ['it was billed by what was known later'] : []),
    ...(micros(cycle.start) <= micros(cycle.end) ? [] : ['the cycle ends before it starts']),
  ];
}

/** The parts of a side, also where it is one. */
export function partsIn(side: SideTrace): readonly PartTrace[] {
  return 'parts' in side ? side.parts : [side];
}

function sideFaults(trace: LineTrace, side: SideTrace): string[] {
  const parts = partsIn(side);
  return [
    ...parts.flatMap((part, position) => partFaults(trace, part).map((fault) => ('parts' in side ? `part ${position + 1}: ${fault}` : fault))),
    ...faultsAgainst(exact(sum(parts.map((part) => pairOfJson(part.exact) ?? ZERO))), side.exact, 'the exact sum'),
    ...roundingFaults(trace, side),
    ...shareFaults(trace, side),
    ...orderFaults(trace, parts),
  ];
}

const MODES: readonly string[] = ['HALF_UP', 'HALF_EVEN'];

function roundingFaults({ exponent }: LineTrace, { exact: found, rounding: { mode, amount, residue, lessSettled }, ...side }: SideTrace): string[] {
  const value = pairOfJson(found) ?? ZERO;
  const parts: readonly PartTrace[] = 'parts' in side ? side.parts : [];
  const isTrueUp = ('quantity' in side ? [side.quantity] : parts.map(({ quantity }) => quantity)).every(({ kind }) => kind === 'GROUPED_LINES');
  return [
    ...(MODES.includes(mode) && amount === moneyText(roundedTo(value, exponent, mode), exponent) ? [] : ['wrongly rounded']),
    ...(equal(plus(pairOf(amount), pairOfJson(residue) ?? ZERO), value) && pairOfJson(residue) !== null ? [] : ['wrong residue']),
    ...((lessSettled !== undefined) === isTrueUp ? [] : ['a true-up, and nothing else, is less what the group lines settled to']),
    ...(lessSettled === undefined || lessSettled === moneyText(minorUnits(lessSettled, exponent), exponent) ? [] : ['what the group lines settled to is no amount']),
  ];
}

/** Cumulative rounding: the share of a part is what it makes the rounded sum grow by. */
function shareFaults({ exponent }: LineTrace, side: SideTrace): string[] {
  if (!('parts' in side)) return [];
  const { mode } = side.rounding;
  const exacts = side.parts.map((part) => pairOfJson(part.exact) ?? ZERO);
  const through = (count: number) => roundedTo(sum(exacts.slice(0, count)), exponent, mode);
  return [
    ...side.parts.flatMap(({ amount }, position) => (amount === moneyText(through(position + 1) - through(position), exponent) ? [] : [`part ${position + 1} has another share`])),
    ...(side.parts.length > 1 ? [] : ['a single part stands by itself']),
  ];
}

/** Parts follow each other, within the cycle. */
function orderFaults({ cycle }: LineTrace, parts: readonly PartTrace[]): string[] {
  let end = cycle.start;
  const faults = parts.flatMap(({ servicePeriod }) => {
    if (servicePeriod === undefined) return [];
    const inOrder = micros(end) <= micros(servicePeriod.start) && micros(servicePeriod.start) <= micros(servicePeriod.end);
    end = servicePeriod.end;
    return inOrder ? [] : ['the parts are not in order'];
  });
  return micros(end) <= micros(cycle.end) ? faults : [...faults, 'the parts reach beyond the cycle'];
}

/** What a side comes to, in minor units. */
function minorUnitsOf(side: SideTrace | null, exponent: number): bigint {
  if (side === null) return 0n;
  const { amount, lessSettled } = side.rounding;
  return minorUnits(amount, exponent) - (lessSettled === undefined ? 0n : minorUnits(lessSettled, exponent));
}

/** Of text with that many digits; of other text another number. */
function minorUnits(amount: string, exponent: number): bigint {
  return roundedTo(pairOf(amount), exponent, 'FLOOR');
}

/**
 * Where a true-up does not say what its item's group lines say, and where the group lines of an item without one do not
 * keep to its limits. Zero lines may be left out of a run, so a true-up is only held against group lines that are all
 * there.
 */
export function trueUpFaults(lines: readonly RunLine[]): string[] {
  const items = new Map<string, RunLine[]>();
  for (const line of lines.filter(({ chargeKind, trace }) => chargeKind === 'TRUE_UP' || trace.group !== undefined)) {
    const key = JSON.stringify([line.cycleIndex, line.item, line.priceCode, line.isAdjustment]);
    items.set(key, [...(items.get(key) ?? []), line]);
  }
  return [...items.values()].flatMap((of) => (['settled', 'billed'] as const).flatMap((name) => {
    const trueUp = of.find(({ chargeKind }) => chargeKind === 'TRUE_UP');
    const groupSides = of.filter((line) => line !== trueUp).flatMap(({ trace }) => trace[name] ?? []);
    const exponent = of[0]?.trace.exponent ?? 0;
    const side = trueUp?.trace[name] ?? null;
    const isDropped = of.some(({ isAdjustment }) => isAdjustment); // a true-up that did not change
    return (side !== null ? groupedFaults(side, groupSides, exponent) : isDropped ? [] : limitFaults(groupSides, exponent)).map((fault) => `${name}: ${fault}`);
  }));
}

/** Of lines over a whole cycle; what limits others come to depends on parts that a group may not have. */
function limitFaults(sides: readonly SideTrace[], exponent: number): string[] {
  const settled = sides.reduce((total, { rounding }) => total + minorUnits(rounding.amount, exponent), 0n);
  return sides.slice(0, 1).flatMap((side) => {
    if ('parts' in side || side.servicePeriod !== undefined || side.limitDays !== undefined || sides.some((one) => 'parts' in one)) return [];
    const { minimum, maximum } = side.price.modifiers ?? {};
    const rounded = (limit: string) => roundedTo(pairOf(limit), exponent, side.rounding.mode);
    return [
      ...(minimum !== undefined && settled < rounded(minimum) ? ['the group lines settle below the minimum'] : []),
      ...(maximum !== undefined && settled > rounded(maximum) ? ['the group lines settle above the maximum'] : []),
    ];
  });
}

function groupedFaults(side: SideTrace, groupSides: readonly SideTrace[], exponent: number): string[] {
  let areAllThere = true;
  const faults = partsIn(side).flatMap(({ quantity, servicePeriod }) => {
    if (quantity.kind !== 'GROUPED_LINES') return ['a true-up is of group lines'];
    const lines = groupSides.flatMap(partsIn).filter((part) => JSON.stringify(part.servicePeriod) === JSON.stringify(servicePeriod));
    if (lines.length < quantity.lines) areAllThere = false;
    if (lines.length !== quantity.lines) return lines.length > quantity.lines ? ['there are more group lines than it says'] : [];
    return faultsAgainst(exact(sum(lines.map((part) => pairOfJson(part.exact) ?? ZERO))), quantity.exact, 'the group lines together');
  });
  const settled = groupSides.reduce((total, { rounding }) => total + minorUnits(rounding.amount, exponent), 0n);
  const isLess = side.rounding.lessSettled === moneyText(settled, exponent);
  return areAllThere && !isLess ? [...faults, 'the group lines settled to something else'] : faults;
}
