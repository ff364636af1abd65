/**
 * The quantity of a part: the item's own, or what metering answered, as it is rated and as it is traced.
 *
 * The trap: an answer that lacks what the price asked for, or holds a group twice, is a defect and stops the run; rating
 * it as if it were zero, or both, would look like success.
 */
import type { AggregatedUsage, GroupUsage } from '../aggregation/aggregation.ts';
import { invariant } from '../errors.ts';
import { itemQuantity, type RatableQuantity } from '../model/model.ts';
import { type ExactJson, exactFromJson, exactToJson, fractionFromDecimal } from '../number/fraction.ts';
import { formatInstant, type Interval } from '../time/instant.ts';
import type { GroupQuantityTrace, LatenessTrace, QuantityTrace } from '../trace/trace.ts';
import { groupKey, type UsageGroup } from '../usage/group.ts';
import type { ChargePart } from './charge.ts';
import type { Lateness } from './lateness.ts';
import type { UsageAnswers, UsageQuery } from './run.ts';

export interface ChargedQuantity {
  readonly ratable: RatableQuantity;
  readonly trace: QuantityTrace;
}

/** All of the part's quantity. Breaks off if metering has not answered what was asked. */
export function chargedQuantity(usage: UsageAnswers, { usageQuery, itemQuantity: quantity }: ChargePart): ChargedQuantity {
  if (usageQuery === null) return { ratable: itemQuantity(fractionFromDecimal(quantity)), trace: { kind: 'ITEM', quantity } };
  const answer = answerTo(usage, usageQuery);
  const groups = groupsOf(answer, usageQuery);
  const { trace, ratable } = chargedUsage(answer, usageQuery);
  if (usageQuery.groupBy.length === 0) return { trace, ratable };
  return {
    trace: { ...trace, groups: groups.map(groupTrace) },
    ratable: { ...ratable, groups: groups.map(({ group, quantity: used }) => ({ group, quantity: exactFromJson(used) })) },
  };
}

/** The part's quantity group by group, in the order of their keys. Breaks off as `chargedQuantity`. */
export function chargedGroups(usage: UsageAnswers, { usageQuery }: ChargePart): readonly { readonly group: UsageGroup; readonly charged: ChargedQuantity }[] {
  invariant(usageQuery !== null, 'what is rated by dimension is metered');
  return groupsOf(answerTo(usage, usageQuery), usageQuery).map((used) => {
    const { trace, ratable } = chargedUsage(used, usageQuery);
    return { group: used.group, charged: { trace, ratable: { ...ratable, groups: [{ group: used.group, quantity: ratable.quantity }] } } };
  });
}

function answerTo(usage: UsageAnswers, { queryKey }: UsageQuery): AggregatedUsage {
  const answer = usage.get(queryKey);
  invariant(answer !== undefined, `usage ${queryKey} was asked for and not answered`);
  return answer;
}

/** In the order of their keys, each with its properties in the order asked for, whatever the order of the answer. */
function groupsOf({ groups, eventCount }: AggregatedUsage, query: UsageQuery): readonly GroupUsage[] {
  const { queryKey, groupBy } = query;
  if (groupBy.length === 0) return [];
  invariant(groups !== undefined, `the groups of usage ${queryKey} were asked for and not answered`);
  const byKey = new Map(groups.map((used) => [groupKey(used.group), asAsked(used, query)]));
  invariant(byKey.size === groups.length, `usage ${queryKey} was answered with a group twice`);
  invariant(groups.reduce((sum, used) => sum + used.eventCount, 0n) === eventCount, `the groups of usage ${queryKey} hold other events than it does`);
  return [...byKey].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, used]) => used);
}

function asAsked(used: GroupUsage, { queryKey, groupBy }: UsageQuery): GroupUsage {
  invariant(Object.keys(used.group).length === groupBy.length, `usage ${queryKey} was answered with another grouping`);
  const values = groupBy.map((name) => {
    const value = Object.hasOwn(used.group, name) ? used.group[name] : undefined;
    invariant(value !== undefined, `usage ${queryKey} was answered with another grouping`);
    return [name, value] as const;
  });
  return { ...used, group: Object.fromEntries(values) };
}

function chargedUsage({ eventCount, quantity, usageSetDigest, carriedIn, eventValues }: Omit<AggregatedUsage, 'groups'>, { queryKey, meterCode, needsEventValues, lateness }: UsageQuery) {
  invariant(!needsEventValues || eventValues !== undefined, `the event values of usage ${queryKey} were asked for and not answered`);
  const exact = exactFromJson(quantity);
  return {
    trace: {
      kind: 'USAGE',
      meterCode,
      eventCount: eventCount.toString(),
      usageSetDigest,
      quantity: exactToJson(exact),
      ...(carriedIn === undefined ? {} : { carriedIn: normalized(carriedIn) }),
      ...(lateness === undefined ? {} : { lateness: latenessTrace(lateness) }),
    },
    ratable: { basis: 'USAGE', quantity: exact, eventCount, groups: [], eventValues: eventValues?.map(exactFromJson) ?? null },
  } as const;
}

function latenessTrace(lateness: Lateness): LatenessTrace {
  const period = ({ start, end }: Interval) => ({ start: formatInstant(start), end: formatInstant(end) });
  if (lateness.policy === 'HOLD') {
    const { policy, cutoff, earlier = [] } = lateness;
    const heldCycles = earlier.filter((one) => one.cutoff !== null).length;
    return { policy, cutoff: cutoff === null ? null : formatInstant(cutoff), ...(heldCycles === 0 ? {} : { heldCycles }) };
  }
  return { policy: lateness.policy, cutoff: formatInstant(lateness.cutoff), carried: lateness.carried.map(({ events, recorded }) => ({ events: period(events), recorded: period(recorded) })) };
}

function groupTrace({ group, eventCount, usageSetDigest, quantity, carriedIn }: GroupUsage): GroupQuantityTrace {
  return {
    group,
    eventCount: eventCount.toString(),
    usageSetDigest,
    quantity: normalized(quantity),
    ...(carriedIn === undefined ? {} : { carriedIn: normalized(carriedIn) }),
  };
}

function normalized(exact: ExactJson): ExactJson {
  return exactToJson(exactFromJson(exact));
}
