/** The answers to usage queries: sets of counted events and levels become quantities, in the words of the contract. */
import type { UsageFraction, GroupProperty } from '@valora/contracts/valora/metering/v1/usage_quantity';
import type { AggregatedUsage } from '@valora/contracts/valora/metering/v1/usage';
import { exactToJson, sha256Hex, type AggregationKind, type Fraction, type UsageGroup } from '@valora/rating';
import type { Levels } from './level-store.ts';
import type { UsageQuery } from './usage-query.ts';
import type { ReadUsage } from './usage-reading.ts';
import { decimalOfQuintillionths, quantityOf, type GroupedUsage, type UsageSet } from './usage-set.ts';

/** A group that has events, or a level. */
export interface LevelledGroup extends GroupedUsage {
  readonly carriedIn: bigint;
}

const EMPTY_SET: UsageSet = { eventCount: 0n, usageSetDigest: sha256Hex(''), eventValues: [], state: { measure: 0n, moment: 0n } };

export function aggregatedUsageToProto({ kind, usage, levels }: ReadUsage, query: UsageQuery): AggregatedUsage {
  return {
    queryKey: query.queryKey,
    ...setToProto(kind, { set: usage.whole, carriedIn: totalLevel(levels) }, query),
    groups: levelledGroups(usage.groups, query.groupBy.length === 0 ? new Map() : levels).map((group) => ({
      group: groupToProto(query.groupBy, group.group), ...setToProto(kind, group, query),
    })),
  };
}

function setToProto(kind: AggregationKind, { set, carriedIn }: Pick<LevelledGroup, 'set' | 'carriedIn'>, query: UsageQuery): Omit<AggregatedUsage, 'queryKey' | 'groups'> {
  const { eventCount, usageSetDigest, eventValues } = set;
  return {
    eventCount, usageSetDigest, eventValues: [...eventValues],
    ...quantityToProto(quantityOf(kind, set, { ...query, carriedIn })),
    carriedIn: kind === 'WEIGHTED_SUM' ? decimalOfQuintillionths(carriedIn) : '',
  };
}

/** In the order of the groups' keys, which is that of UTF-16. */
export function levelledGroups(groups: ReadonlyMap<string, GroupedUsage>, levels: Levels): readonly LevelledGroup[] {
  const keys = [...new Set([...groups.keys(), ...levels.keys()])].toSorted((one, other) => (one < other ? -1 : 1));
  return keys.flatMap((key) => {
    const level = levels.get(key);
    const group = groups.get(key)?.group ?? level?.group;
    return group === undefined ? [] : [{ group, set: groups.get(key)?.set ?? EMPTY_SET, carriedIn: level?.level ?? 0n }];
  });
}

export function totalLevel(levels: Levels): bigint {
  let total = 0n;
  for (const { level } of levels.values()) total += level;
  return total;
}

export function quantityToProto(quantity: Fraction): { readonly quantity: string; readonly quantityFraction: UsageFraction | undefined } {
  const exact = exactToJson(quantity);
  return typeof exact === 'string' ? { quantity: exact, quantityFraction: undefined } : { quantity: '', quantityFraction: { ...exact } };
}

/** In the order of the names, which an object doesn't keep where a name is a number. */
export function groupToProto(groupBy: readonly string[], group: UsageGroup): GroupProperty[] {
  return groupBy.map((name) => ({ name, value: group[name] ?? undefined }));
}
