/** Orders that a number decides, so that a failing one can be had again; and a run's facts and metering's answers in such an order. */
import type { AggregatedUsage, RunFacts, VersionedPrice } from '../src/index.ts';

export type Shuffle = <Item>(items: readonly Item[]) => Item[];

/** Fisher and Yates, by a linear congruential generator of 32 bits (Numerical Recipes). */
export function shuffler(seed: number): Shuffle {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  return (items) => {
    const rest = [...items];
    return items.flatMap(() => rest.splice(below(rest.length), 1));
  };
}

/** Everything that has no order of its own. Settings and credits have one, and items print in theirs. */
export function shuffledFacts(facts: RunFacts, shuffle: Shuffle): RunFacts {
  const versioned = <Price extends VersionedPrice>(price: Price): Price => ({ ...price, versions: shuffle(price.versions), bounds: shuffle(price.bounds) });
  const { overrides } = facts.subscription;
  return {
    ...facts,
    prices: shuffle(facts.prices).map(versioned),
    cycles: shuffle(facts.cycles),
    subscription: { ...facts.subscription, facts: shuffle(facts.subscription.facts), ...(overrides === undefined ? {} : { overrides: shuffle(overrides).map(versioned) }) },
  };
}

/** The answers, and the groups of each. Values event by event have an order: they stand by time. */
export function shuffledAnswers(answers: ReadonlyMap<string, AggregatedUsage>, shuffle: Shuffle): ReadonlyMap<string, AggregatedUsage> {
  return new Map(shuffle([...answers]).map(([query, { groups, ...answer }]) => [query, groups === undefined ? answer : { ...answer, groups: shuffle(groups) }]));
}
