/**
 * What one request's answer may hold: so many groups and values of events a query, and so many in all.
 *
 * Everything else of an answer is as long as the question. The bounds of a query are in the contract; those of a request keep ten thousand such queries from filling the
 * memory.
 */
import { errors } from './errors.ts';

export interface AggregationLimits {
  /** Events of a query that are digested in one piece, of which SQL holds a text. */
  readonly eventsInOnePieceMax: number;
  readonly groupsOfQueryMax: number;
  readonly groupsOfRequestMax: number;
  readonly valuesOfQueryMax: number;
  readonly valuesOfRequestMax: number;
  /** A level is stored when so many events had to be read for it: reading fewer again costs less than looking for a stored one saves. */
  readonly storedLevelEventsMin: number;
}

export const AGGREGATION_LIMITS: AggregationLimits = {
  eventsInOnePieceMax: 500_000, groupsOfQueryMax: 10_000, groupsOfRequestMax: 250_000, valuesOfQueryMax: 100_000, valuesOfRequestMax: 1_000_000, storedLevelEventsMin: 1_000,
};

export interface AnswerBudget {
  readonly limits: AggregationLimits;
  /** How many more groups the request may have. */
  groupsLeft(): number;
  /** Takes one group more, with which its query has `ofQuery`. Errors: TOO_MANY_GROUPS. */
  takeGroup(queryKey: string, ofQuery: number): void;
  /** Takes all values of a query. Errors: TOO_MANY_EVENT_VALUES. */
  takeValues(queryKey: string, count: bigint): void;
}

export function createAnswerBudget(limits: AggregationLimits): AnswerBudget {
  const { groupsOfQueryMax, groupsOfRequestMax, valuesOfQueryMax, valuesOfRequestMax } = limits;
  let groups = 0;
  let values = 0n;
  return {
    limits,
    groupsLeft: () => groupsOfRequestMax - groups,
    takeGroup(queryKey, ofQuery) {
      groups += 1;
      if (ofQuery > groupsOfQueryMax) throw errors.TOO_MANY_GROUPS({ query_key: queryKey, groups_max: String(groupsOfQueryMax) });
      if (groups > groupsOfRequestMax) throw errors.TOO_MANY_GROUPS({ query_key: queryKey, groups_max: String(groupsOfRequestMax) });
    },
    takeValues(queryKey, count) {
      values += count;
      if (count > valuesOfQueryMax) throw errors.TOO_MANY_EVENT_VALUES({ query_key: queryKey, event_values_max: String(valuesOfQueryMax) });
      if (values > valuesOfRequestMax) throw errors.TOO_MANY_EVENT_VALUES({ query_key: queryKey, event_values_max: String(valuesOfRequestMax) });
    },
  };
}
