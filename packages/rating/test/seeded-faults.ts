/**
 * Faults for a trace: each of its leaves changed, one at a time, and its steps left out, doubled and in another order.
 *
 * Below them stand the leaves that nothing in a tree can contradict, each with the reason; whatever else is changed must
 * be found out.
 */
import { type LineTrace, partsOfSide, type PartTrace, type RatingStep } from '../src/index.ts';

export interface SeededFault {
  /** `settled.parts[0].steps[2].amount.numerator`. */
  readonly path: string;
  readonly trace: LineTrace;
}

/** One for each leaf; a side that is not there is none. */
export function changedLeaves(trace: LineTrace): readonly SeededFault[] {
  return leavesOf(trace, '').filter(({ path }) => path !== 'settled' && path !== 'billed').map(({ path, value }) => ({ path, trace: withValue(trace, path, changed(value)) as LineTrace }));
}

/** Of each part: a step left out, a step twice, two steps that differ changed about. */
export function changedSteps(trace: LineTrace): readonly SeededFault[] {
  return partsOf(trace).flatMap(({ path, part: { steps } }) => listsNear(steps).map((list) => ({ path: `${path}.steps`, trace: withValue(trace, `${path}.steps`, list) as LineTrace })));
}

/** Each part with its path. */
export function partsOf(trace: LineTrace): readonly { readonly path: string; readonly part: PartTrace }[] {
  return (['settled', 'billed'] as const).flatMap((name) => {
    const side = trace[name];
    if (side === null) return [];
    return partsOfSide(side).map((part, position) => ({ path: 'parts' in side ? `${name}.parts[${position}]` : name, part }));
  });
}

function listsNear(steps: readonly RatingStep[]): readonly (readonly RatingStep[])[] {
  return steps.flatMap((step, at) => {
    const next = steps[at + 1];
    const about = next === undefined || JSON.stringify(step) === JSON.stringify(next) ? [] : [steps.with(at, next).with(at + 1, step)];
    return [steps.toSpliced(at, 1), steps.toSpliced(at, 0, step), ...about];
  });
}

function leavesOf(value: unknown, path: string): { readonly path: string; readonly value: unknown }[] {
  if (value === null || typeof value !== 'object') return [{ path, value }];
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`));
}

function withValue(tree: unknown, path: string, value: unknown): unknown {
  if (path === '') return value;
  const [, name = '', rest = ''] = /^[.[]?([^.[\]]+)\]?(.*)$/.exec(path) ?? [];
  if (Array.isArray(tree)) return tree.map((member: unknown, position) => (String(position) === name ? withValue(member, rest, value) : member));
  return Object.fromEntries(Object.entries(tree as object).map(([key, member]) => [key, key === name ? withValue(member, rest, value) : member]));
}

const ZONES = ['UTC', 'America/New_York', 'Asia/Kathmandu'];

/** Another value of the same kind: one more, a year later, another name. */
function changed(value: unknown): unknown {
  if (value === null) return '1';
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  const text = String(value);
  if (/^-?\d+$/.test(text)) return (BigInt(text) + 1n).toString();
  if (/^-?\d+\.\d+$/.test(text)) return `${text}1`;
  if (/^\d{4}-/.test(text)) return `${Number(text.slice(0, 4)) + 1}${text.slice(4)}`;
  if (text === 'HALF_UP') return 'HALF_EVEN';
  if (text === 'HALF_EVEN') return 'HALF_UP';
  return ZONES.includes(text) ? 'Asia/Tokyo' : `${text}x`;
}

/** What a tree can't contradict by itself, or not always. */
const UNKNOWABLE: readonly (readonly [leaf: RegExp, reason: string])[] = [
  [/^currencyCode$/, 'a name; its digits stand beside it'],
  [/^cycle\.(index|cutoff|start|end)$/, 'facts; only their order, and the active days, depend on them'],
  [/^group\./, 'a name, unless a matrix prices it'],
  [/\.knownBefore$/, 'a fact; only its order is bound'],
  [/\.price\.(code|version|override)$/, 'names'],
  [/\.price\.(effectiveFrom|effectiveTo|resolvedAt)$/, 'facts; only their order is bound'],
  [/\.quantity\.(meterCode|usageSetDigest|carriedIn.*)$/, 'facts about events, of which the tree holds none'],
  [/\.quantity\.lateness\.heldCycles$/, 'a number of other cycles, which the run knows'],
  [/\.quantity\.lateness\.carried\[\d+\]\./, 'facts about other cycles; only their order is bound'],
  [/\.quantity\.eventCount$/, 'a fact, unless events are charged or grouped'],
  [/\.quantity\.groups\[\d+\]\.(group\..*|usageSetDigest|quantity.*)$/, 'facts, unless a matrix prices the group, or levels add up'],
  [/\.quantity\.lines$/, 'the number of other lines, which the run knows'],
  [/\.zone$/, 'where it moves no date'],
  [/\.rounding\.mode$/, 'where there is no tie'],
];

/** Why the evaluator may be silent about a changed leaf; `null` where it may not. */
export function reasonForSilence(trace: LineTrace, path: string): string | null {
  const named = UNKNOWABLE.find(([leaf]) => leaf.test(path))?.[1];
  if (named !== undefined) return named;
  const found = partsOf(trace).find((one) => path.startsWith(`${one.path}.`));
  return found === undefined ? null : silentParameter(trace, found.part, path.slice(found.path.length + 1));
}

const SUM_OF_CELLS = 'the sum of groups that a matrix prices one by one';
const TIMES_ZERO = 'a count that is multiplied by a limit of zero';
const NOT_REACHED = 'a parameter that this quantity does not reach';

export const REASONS: readonly string[] = [...new Set(UNKNOWABLE.map(([, reason]) => reason)), SUM_OF_CELLS, TIMES_ZERO, NOT_REACHED];

function silentParameter(trace: LineTrace, { quantity, price: { model }, steps }: PartTrace, path: string): string | null {
  if (model.kind === 'MATRIX' && path.startsWith('quantity.quantity') && !steps.some(({ kind }) => kind === 'UNIT_CONVERSION')) return SUM_OF_CELLS;
  if (model.kind === 'PERCENTAGE' && ((path.endsWith('raised.events') && model.eventMinimum === '0') || (path.endsWith('lowered.events') && model.eventMaximum === '0'))) return TIMES_ZERO;
  const [, list, position, member] = /^price\.model\.(tiers|stairs|cells)\[(\d+)\]\.(.*)$/.exec(path) ?? [];
  const isReached =
    list === 'cells' ? steps.some((step) => step.kind === 'MATRIX_CELL' && isCell(model, Number(position), step.group))
    : list !== undefined ? isTierReached(steps, Number(position), member === 'upTo')
    : path === 'price.model.defaultUnitAmount' ? steps.some((step) => step.kind === 'MATRIX_CELL' && step.isDefault === true)
    : path.startsWith('price.model.dimensions') ? steps.some(({ kind }) => kind === 'MATRIX_CELL')
    : path === 'price.modifiers.minimum' ? steps.some(({ kind }) => kind === 'MINIMUM') && trace.group === undefined
    : path === 'price.modifiers.maximum' ? steps.some(({ kind }) => kind === 'MAXIMUM') && trace.group === undefined
    : !path.startsWith('price.') || quantity.kind !== 'GROUPED_LINES';
  return isReached && (quantity.kind !== 'GROUPED_LINES' || !path.startsWith('price.model')) ? null : NOT_REACHED;
}

function isCell(model: PartTrace['price']['model'], position: number, group: Readonly<Record<string, string | null>>): boolean {
  if (model.kind !== 'MATRIX') return false;
  return JSON.stringify(model.cells[position]?.values) === JSON.stringify(model.dimensions.map((name) => group[name]));
}

/** Its bound also where it is the lower one of a tier that has a step. */
function isTierReached(steps: readonly RatingStep[], position: number, isBound: boolean): boolean {
  return steps.some((step) => 'tier' in step && (step.tier === position + 1 || (isBound && step.tier === position + 2)));
}
