/**
 * QueryUsage: what one customer used of one meter, by windows of time and by group, for charts and alerts.
 *
 * A window is a query like any other, with the same arithmetic as a bill's; but no policy for late usage applies, since that speaks of cycles and a chart of time. A level is
 * read once, for the first window, and carried on from window to window. The trap: how far the organization is sealed is read before the usage is, so that an answer called
 * final was final when it was read.
 */
import { commonErrors, fenceTimes, Fields, timestampFromInstant, type CallContext, type Sql } from '@valora/chassis';
import { UsageWindow as UsageWindowMessage, type QueryUsageRequest, type QueryUsageResponse, type WindowUsage } from '@valora/contracts/valora/metering/v1/query_usage';
import { instant, type Instant, type Interval } from '@valora/rating';
import { AGGREGATION_LIMITS } from './answer-budget.ts';
import type { Dependencies } from './dependencies.ts';
import { refuseArchived } from './usage-archive.ts';
import { groupToProto, levelledGroups, quantityToProto, totalLevel } from './usage-answer.ts';
import { parseGroupBy, type UsageQuery } from './usage-query.ts';
import { parseSubscription } from './query-fields.ts';
import { readUsage, type ReadUsage } from './usage-reading.ts';
import { quantityOf } from './usage-set.ts';
import { WINDOWS_MAX, windowsOf, type UsageWindow } from './usage-window.ts';

const WINDOWS: Readonly<Record<number, UsageWindow>> = {
  [UsageWindowMessage.HOUR]: 'HOUR', [UsageWindowMessage.DAY]: 'DAY', [UsageWindowMessage.PERIOD]: 'PERIOD',
};

/** What is asked of each window; the instant of knowledge may be left to the database. */
interface WindowsQuery extends Omit<UsageQuery, 'queryKey' | 'interval' | 'period' | 'knownBefore'> {
  readonly windows: readonly Interval[];
  readonly knownBefore: Instant | null;
}

const LIMITS = { ...AGGREGATION_LIMITS, groupsOfRequestMax: AGGREGATION_LIMITS.groupsOfQueryMax };

export async function queryUsage({ database }: Dependencies, { organizationId }: CallContext, request: QueryUsageRequest): Promise<QueryUsageResponse> {
  const asked = parseWindowsQuery(request);
  return await database.bulk(organizationId, (sql) => answerWindows(sql, organizationId, asked));
}

function parseWindowsQuery(request: QueryUsageRequest): WindowsQuery {
  const fields = new Fields();
  const part = fields.period('period', request.period);
  const window = fields.choice('window', request.window, WINDOWS);
  const zone = request.timeZone === '' ? 'UTC' : fields.timeZone('time_zone', request.timeZone);
  const query = {
    meterCode: fields.code('meter', request.meter),
    customerReference: fields.reference('customer', request.customer),
    subscriptionReference: request.subscription === '' ? null : parseSubscription(fields, 'subscription', request.subscription),
    knownBefore: fields.optionalInstant('known_before_time', request.knownBeforeTime),
    groupBy: parseGroupBy(fields, 'group_by', request.groupBy),
    needsEventValues: false,
    lateness: { kind: 'ADJUST' },
  } as const;
  fields.check();
  const windows = windowsOf(part, window, zone);
  if (windows === null) fields.refuse('period', 'TOO_LONG', `Must have at most ${WINDOWS_MAX} windows, within the calendar. Ask for a shorter time, or for longer windows.`);
  fields.check();
  return { ...query, windows: windows ?? [] };
}

async function answerWindows(sql: Sql, organizationId: string, { windows, knownBefore: asked, ...query }: WindowsQuery): Promise<QueryUsageResponse> {
  await refuseArchived(sql, windows);
  const times = await fenceTimes(sql);
  if (times === null) throw commonErrors.NOT_FOUND({ resource: 'meter', name: query.meterCode }); // a meter's creation made the fence
  const knownBefore = asked ?? instant(times.now + 1n); // what was recorded at this very instant is known
  const queries = windows.map((interval, index): UsageQuery => ({ ...query, queryKey: `window ${index + 1}`, interval, period: interval, knownBefore }));
  const read = await readUsage(sql, organizationId, queries, { needsDigest: false, storedLevels: 'READ', limits: LIMITS });
  return {
    windows: queries.flatMap((asked, index) => {
      const usage = read[index];
      return usage === undefined ? [] : [windowToProto(usage, asked)];
    }),
    isEstimate: times.sealedThrough < knownBefore,
    knownBeforeTime: timestampFromInstant(knownBefore),
  };
}

function windowToProto({ kind, usage, levels }: ReadUsage, { interval, period, groupBy }: UsageQuery): WindowUsage {
  return {
    period: { startTime: timestampFromInstant(interval.start), endTime: timestampFromInstant(interval.end) },
    eventCount: usage.whole.eventCount,
    ...quantityToProto(quantityOf(kind, usage.whole, { interval, period, carriedIn: totalLevel(levels) })),
    groups: groupBy.length === 0 ? [] : levelledGroups(usage.groups, levels).map(({ group, set, carriedIn }) => ({
      group: groupToProto(groupBy, group), eventCount: set.eventCount, ...quantityToProto(quantityOf(kind, set, { interval, period, carriedIn })),
    })),
  };
}
