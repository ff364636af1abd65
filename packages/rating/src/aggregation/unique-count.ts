/**
 * UNIQUE_COUNT: how many different values one property has among the events.
 *
 * Values are compared byte for byte, and an event without the property counts for nothing. The state is the set of the
 * values, which is as large as the answer: exact, and so never a sketch. The traps: unique counts can't be added
 * up, since two parts may share a value; and a name such as `constructor` is a property only if the event has it itself.
 */
import { fractionFromBigInt } from '../number/fraction.ts';
import type { UsageEvent } from '../usage/usage-event.ts';
import type { Aggregation } from './aggregation.ts';

export function uniqueCount(property: string): Aggregation<Set<string>> {
  return {
    empty: () => new Set(),
    add: (state, { properties }) => withOwn(state, properties, property),
    merge: (one, other) => new Set([...one, ...other]),
    quantity: (state) => fractionFromBigInt(BigInt(state.size)),
  };
}

/** Grows the set it is given, as `add` may: a copy for each event would cost the square of their number. */
function withOwn(state: Set<string>, properties: UsageEvent['properties'], property: string): Set<string> {
  const value = Object.hasOwn(properties, property) ? properties[property] : undefined;
  return value === undefined ? state : state.add(value);
}
