/**
 * The models, written a second time for the evaluator, from what docs and traces say of them and not from the engine:
 * what a model makes of a quantity, as the steps that a trace of it must have.
 *
 * One model can't be worked out from the tree alone: with free events, a free amount or limits of single events,
 * PERCENTAGE depends on the value of each event, of which a trace holds the sums. Those sums are taken from the trace and
 * held against everything that bounds them.
 */
import type { PriceModel, RatingStep, UsageGroup } from '../src/index.ts';
import { exact, type Expected, pairOfJson } from './expected.ts';
import { below, equal, lesser, minus, over, type Pair, pairOf, plus, roundedTo, sum, times, whole, ZERO } from './pairs.ts';

export interface Modelled {
  readonly steps: readonly Expected[];
  readonly amount: Pair;
  /** The flat amounts in it. */
  readonly flat: Pair;
  readonly faults: readonly string[];
}

export interface ModelInput {
  readonly quantity: Pair;
  /** `null` for an item. */
  readonly eventCount: bigint | null;
  readonly groups: readonly { readonly group: UsageGroup; readonly quantity: Pair }[];
  /** days ÷ days of the period. */
  readonly factor: Pair;
  /** As a trace names days, where the part is shorter than its period. */
  readonly days: Expected | undefined;
  readonly found: readonly RatingStep[];
}

const HUNDRED = whole(100);

export function evaluateModel(model: PriceModel, input: ModelInput): Modelled {
  const { quantity } = input;
  switch (model.kind) {
    case 'FLAT': {
      const amount = times(quantity, pairOf(model.amount));
      return { ...of({ kind: 'FLAT', quantity: exact(quantity), unitAmount: model.amount, amount: exact(amount) }, amount), flat: amount };
    }
    case 'PER_UNIT': {
      const amount = times(quantity, pairOf(model.unitAmount));
      return of({ kind: 'PER_UNIT', quantity: exact(quantity), unitAmount: model.unitAmount, amount: exact(amount) }, amount);
    }
    case 'GRADUATED':
      return together(spread(model.tiers, quantity).map((taken) => inTier('GRADUATED_TIER', taken, { unitAmount: taken.tier.unitAmount }, pairOf(taken.tier.unitAmount))));
    case 'VOLUME':
      return together(only(model.tiers, quantity).map((taken) => inTier('VOLUME_TIER', taken, { unitAmount: taken.tier.unitAmount }, pairOf(taken.tier.unitAmount))));
    case 'GRADUATED_PERCENTAGE':
      return together(spread(model.tiers, quantity).map((taken) => inTier('GRADUATED_PERCENTAGE_TIER', taken, { percent: taken.tier.percent }, over(pairOf(taken.tier.percent), HUNDRED))));
    case 'PACKAGE': {
      const begun = below(ZERO, quantity) ? roundedTo(over(quantity, pairOf(model.packageSize)), 0, 'CEILING') : 0n;
      const amount = times(whole(begun), pairOf(model.packageAmount));
      const { packageSize, packageAmount } = model;
      return of({ kind: 'PACKAGE', quantity: exact(quantity), packageSize, packages: begun.toString(), packageAmount, amount: exact(amount) }, amount);
    }
    case 'STAIRSTEP':
      return together(only(model.stairs, quantity).map(({ tier, range }) => {
        const amount = pairOf(tier.amount);
        return { ...of({ kind: 'STAIRSTEP', ...range, quantity: exact(quantity), flatAmount: tier.amount, amount: exact(amount) }, amount), flat: amount };
      }));
    case 'PERCENTAGE':
      return percentage(model, input);
    case 'MATRIX':
      return together(input.groups.map((one) => inCell(model, one)));
    default:
      return { steps: [], amount: ZERO, flat: ZERO, faults: ['the model is not known'] };
  }
}

function inCell({ dimensions, cells, defaultUnitAmount }: Extract<PriceModel, { kind: 'MATRIX' }>, { group, quantity }: ModelInput['groups'][number]): Modelled {
  const values = JSON.stringify(dimensions.map((name) => group[name]));
  const cell = cells.find((one) => JSON.stringify(one.values) === values);
  const unitAmount = cell?.unitAmount ?? defaultUnitAmount;
  const amount = unitAmount === null ? ZERO : times(quantity, pairOf(unitAmount));
  const modelled = of({ kind: 'MATRIX_CELL', group, quantity: exact(quantity), unitAmount, isDefault: cell === undefined ? true : undefined, amount: exact(amount) }, amount);
  return { ...modelled, faults: dimensions.flatMap((name) => (name in group ? [] : [`the group has no ${name}`])) };
}

function of(step: Expected, amount: Pair): Modelled {
  return { steps: [step], amount, flat: ZERO, faults: [] };
}

function together(some: readonly Modelled[]): Modelled {
  return {
    steps: some.flatMap(({ steps }) => steps),
    amount: sum(some.map(({ amount }) => amount)),
    flat: sum(some.map(({ flat }) => flat)),
    faults: some.flatMap(({ faults }) => faults),
  };
}

interface Taken<Tier> {
  readonly tier: Tier;
  readonly range: { readonly tier: number; readonly above: string; readonly upTo: string | null };
  readonly quantity: Pair;
}

type Bounds = { readonly upTo: string | null };

/** What lies between the bounds of each tier; the first tier has all that lies below zero too. */
function spread<Tier extends Bounds>(tiers: readonly Tier[], quantity: Pair): Taken<Tier>[] {
  return tiers.flatMap((tier, position) => {
    const above = tiers[position - 1]?.upTo ?? '0';
    if (position > 0 && !below(pairOf(above), quantity)) return [];
    const end = tier.upTo === null ? quantity : lesser(quantity, pairOf(tier.upTo));
    return [{ tier, range: { tier: position + 1, above, upTo: tier.upTo }, quantity: minus(end, pairOf(above)) }];
  });
}

/** The last tier that the quantity reaches, with all of it. */
function only<Tier extends Bounds>(tiers: readonly Tier[], quantity: Pair): Taken<Tier>[] {
  return spread(tiers, quantity).slice(-1).map((taken) => ({ ...taken, quantity }));
}

function inTier(kind: string, { tier, range, quantity }: Taken<Bounds & { readonly flatAmount: string | null }>, rate: { readonly [name: string]: string }, factor: Pair): Modelled {
  const flat = tier.flatAmount === null ? ZERO : pairOf(tier.flatAmount);
  const amount = plus(times(quantity, factor), flat);
  return { steps: [{ kind, ...range, quantity: exact(quantity), ...rate, flatAmount: tier.flatAmount, amount: exact(amount) }], amount, flat, faults: [] };
}

type PercentageModel = Extract<PriceModel, { kind: 'PERCENTAGE' }>;

function percentage(model: PercentageModel, { quantity, eventCount, factor, days, found }: ModelInput): Modelled {
  const step = found.find((one) => one.kind === 'PERCENTAGE');
  const { percent, fixedAmount, freeEvents, freeAmount, eventMinimum, eventMaximum } = model;
  const hasFree = freeEvents !== null || freeAmount !== null;
  const hasLimits = eventMinimum !== null || eventMaximum !== null;
  const free = hasFree ? step?.free : undefined;
  const limited = hasLimits ? step?.limited : undefined;
  const freeCount = BigInt(free?.events ?? '0');
  const paidEvents = (eventCount ?? 0n) - freeCount;
  const paidQuantity = minus(quantity, pairOfJson(free?.quantity) ?? ZERO);
  const fixed = fixedAmount === null ? ZERO : pairOf(fixedAmount);
  const change = limited === undefined ? ZERO : changeOf(limited, model);
  const share = over(times(paidQuantity, pairOf(percent)), HUNDRED);
  const amount = sum([share, times(whole(paidEvents), fixed), change]);
  const expected: Expected = {
    kind: 'PERCENTAGE',
    quantity: exact(quantity),
    percent,
    free: free === undefined ? undefined : { freeEvents, freeAmount, prorated: days, events: freeCount.toString(), quantity: exact(minus(quantity, paidQuantity)) },
    paidEvents: paidEvents.toString(),
    fixedAmount,
    limited: limited === undefined ? undefined : {
      minimum: eventMinimum,
      maximum: eventMaximum,
      raised: { events: limited.raised.events, amount: exact(pairOfJson(limited.raised.amount) ?? ZERO) },
      lowered: { events: limited.lowered.events, amount: exact(pairOfJson(limited.lowered.amount) ?? ZERO) },
      change: exact(change),
    },
    amount: exact(amount),
  };
  const faults = [
    ...(hasFree === (step?.free !== undefined) ? [] : ['what is free stands where something can be']),
    ...(hasLimits === (step?.limited !== undefined) ? [] : ['what is limited stands where events have limits']),
    ...(free === undefined ? [] : freeFaults(model, { freeCount, freeQuantity: minus(quantity, paidQuantity), paidEvents, factor })),
    ...(limited === undefined ? [] : limitFaults(model, limited, { paidEvents, cost: minus(amount, change) })),
  ];
  return { steps: [expected], amount, flat: ZERO, faults };
}

type Limited = NonNullable<Extract<RatingStep, { kind: 'PERCENTAGE' }>['limited']>;

function changeOf({ raised, lowered }: Limited, { eventMinimum, eventMaximum }: PercentageModel): Pair {
  const to = (limit: string | null, { events, amount }: Limited['raised']) => (limit === null ? ZERO : minus(times(whole(events), pairOf(limit)), pairOfJson(amount) ?? ZERO));
  return plus(to(eventMinimum, raised), to(eventMaximum, lowered));
}

interface FreeCounted {
  readonly freeCount: bigint;
  readonly freeQuantity: Pair;
  readonly paidEvents: bigint;
  readonly factor: Pair;
}

/** What bounds the free events and the free quantity, whatever the single values are. */
function freeFaults({ freeEvents, freeAmount }: PercentageModel, { freeCount, freeQuantity, paidEvents, factor }: FreeCounted): string[] {
  const mostEvents = freeEvents === null ? null : times(pairOf(freeEvents), factor);
  const mostQuantity = freeAmount === null ? null : times(pairOf(freeAmount), factor);
  const isEventLeft = mostEvents === null || !below(mostEvents, whole(freeCount + 1n));
  const isUsedUp = mostQuantity !== null && paidEvents > 0n && isEventLeft;
  return [
    ...(freeCount < 0n || paidEvents < 0n ? ['more events are free than there are'] : []),
    ...(mostEvents !== null && below(mostEvents, whole(freeCount)) ? ['more events are free than the price says'] : []),
    ...(mostQuantity !== null && below(mostQuantity, freeQuantity) ? ['more is free than the price says'] : []),
    ...(isUsedUp && !equal(freeQuantity, mostQuantity) ? ['events are paid before the free amount is used up'] : []),
    ...(mostQuantity === null && paidEvents > 0n && isEventLeft ? ['events are paid before the free ones are used up'] : []),
  ];
}

/** What is raised costs less than the minimum, what is lowered more than the maximum, and the rest lies between. */
function limitFaults({ eventMinimum, eventMaximum }: PercentageModel, { raised, lowered }: Limited, { paidEvents, cost }: { readonly paidEvents: bigint; readonly cost: Pair }): string[] {
  const [raisedEvents, loweredEvents] = [BigInt(raised.events), BigInt(lowered.events)];
  const [raisedAmount, loweredAmount] = [pairOfJson(raised.amount) ?? ZERO, pairOfJson(lowered.amount) ?? ZERO];
  const rest = whole(paidEvents - raisedEvents - loweredEvents);
  const restCost = minus(minus(cost, raisedAmount), loweredAmount);
  const isBelow = eventMinimum !== null && below(raisedAmount, times(whole(raisedEvents), pairOf(eventMinimum)));
  const isAbove = eventMaximum !== null && below(times(whole(loweredEvents), pairOf(eventMaximum)), loweredAmount);
  return [
    ...(raisedEvents < 0n || loweredEvents < 0n || rest[0] < 0n ? ['more events are limited than are paid'] : []),
    ...((raisedEvents === 0n ? equal(raisedAmount, ZERO) : isBelow) ? [] : ['events are raised that do not cost less than the minimum']),
    ...((loweredEvents === 0n ? equal(loweredAmount, ZERO) : isAbove) ? [] : ['events are lowered that do not cost more than the maximum']),
    ...(rest[0] === 0n && !equal(restCost, ZERO) ? ['what all events cost is not what the limited ones cost'] : []),
    ...(eventMinimum !== null && below(restCost, times(rest, pairOf(eventMinimum))) ? ['an event below the minimum is not raised'] : []),
    ...(eventMaximum !== null && below(times(rest, pairOf(eventMaximum)), restCost) ? ['an event above the maximum is not lowered'] : []),
  ];
}
