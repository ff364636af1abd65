/**
 * Levels: what WEIGHTED_SUM carries from one interval into the next.
 *
 * A level is the sum of all values before a moment, since what an event adds lasts until another one takes it away,
 * whichever cycles, parts and pauses lie between. Where usage is grouped each group has its level, and ungrouped there
 * is the one of the group `{}`. The trap: a level of zero is no level. A group that was emptied is not carried on.
 */
import { invariant } from '../errors.ts';
import { fractionToDecimal } from '../number/fraction.ts';
import { groupKey, groupOf, type UsageGroup } from '../usage/group.ts';
import type { UsageEvent } from '../usage/usage-event.ts';
import { eventQuintillionths, fractionOfQuintillionths, quintillionths } from './event-value.ts';

export interface GroupLevel {
  readonly group: UsageGroup;
  /** Exact decimal text, which may have more than 38 digits. */
  readonly level: string;
}

/**
 * The levels after the events, from those before them; in the order of the groups' keys. Errors: USAGE_VALUE_MISSING.
 */
export function levelsAfter(
  events: Iterable<UsageEvent>,
  { groupBy = [], levels = [] }: { readonly groupBy?: readonly string[]; readonly levels?: readonly GroupLevel[] } = {},
): readonly GroupLevel[] {
  const changes = [...events].map((event) => ({ group: groupOf(groupBy, event.properties), level: eventQuintillionths(event) }));
  const after = new Map<string, { readonly group: UsageGroup; readonly level: bigint }>();
  for (const { group, level } of [...levelsOf(groupBy, levels), ...changes]) {
    const key = groupKey(group);
    after.set(key, { group, level: (after.get(key)?.level ?? 0n) + level });
  }
  return [...after]
    .filter(([, { level }]) => level !== 0n)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { group, level }]) => ({ group, level: decimalText(level) }));
}

/** All levels together. */
export function totalLevel(levels: readonly GroupLevel[]): string {
  return decimalText(levels.reduce((total, { level }) => total + quintillionths(level), 0n));
}

function levelsOf(groupBy: readonly string[], levels: readonly GroupLevel[]): readonly { readonly group: UsageGroup; readonly level: bigint }[] {
  const names = JSON.stringify([...new Set(groupBy)].toSorted());
  return levels.map(({ group, level }) => {
    invariant(JSON.stringify(Object.keys(group).toSorted()) === names, 'a level is of another grouping');
    return { group, level: quintillionths(level) };
  });
}

function decimalText(level: bigint): string {
  const text = fractionToDecimal(fractionOfQuintillionths(level));
  invariant(text !== null, 'a sum of decimals is a decimal');
  return text;
}
