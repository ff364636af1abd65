// What a close asks of metering, over tables of any size: a thousand quantities of about a hundred events each, in one call. Their part of time is as long as a hundred
// events of one customer take, so that the work is the same however many rows there are.
import { timestampFromInstant } from '@valora/chassis';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { instant } from '@valora/rating';
import type pg from 'pg';
import type { BenchValora } from './bench-valora.ts';
import { contextFor } from './close-book.ts';
import type { Round } from './report.ts';
import type { Series } from './rounds.ts';
import { CUSTOMERS, METER } from './usage-load.ts';

const EVENTS_PER_QUERY = 100;
const HOUR_MICROS = 3_600_000_000n;
export const AGGREGATE = 'aggregate, 1,000 queries of 100 events';

/** None where there are too few rows to ask about. */
export async function readSeries(valora: BenchValora, organizationId: string): Promise<readonly Series[]> {
  const period = await periodOfEvents(valora.owner, organizationId);
  if (period === null) return [];
  const usage = valora.peer.stub(UsageServiceService);
  const queries = Array.from({ length: CUSTOMERS }, (_, customer) => ({
    queryKey: String(customer), meter: METER, customer: `customer-${customer}`, subscription: '', groupBy: [], needsEventValues: false,
    period: { startTime: timestampFromInstant(instant(period.start)), endTime: timestampFromInstant(instant(period.end)) }, knownBeforeTime: timestampFromInstant(instant(period.end + HOUR_MICROS)),
  }));
  return [{
    name: AGGREGATE, unit: 'events/s',
    async round(): Promise<Round> {
      const startMs = performance.now();
      const { usages } = await usage.aggregateUsage(contextFor(organizationId), { useStoredLevels: true, queries });
      const seconds = (performance.now() - startMs) / 1000;
      return { count: usages.reduce((events, { eventCount }) => events + Number(eventCount), 0), seconds, latenciesMs: [seconds * 1000] };
    },
  }];
}

/** Before the last hour, in which the bench itself records. */
async function periodOfEvents(owner: pg.Client, organizationId: string): Promise<{ readonly start: bigint; readonly end: bigint } | null> {
  const { rows } = await owner.query<{ event_time: string }>(
    `select event_time from metering.usage_event where organization_id = $1 and meter_code = $2 and customer_reference = 'customer-1'
       and event_time < (extract(epoch from now()) * 1000000)::bigint - $3 order by event_time desc limit $4`, [organizationId, METER, HOUR_MICROS, EVENTS_PER_QUERY]);
  const [last] = rows;
  const first = rows[EVENTS_PER_QUERY - 1];
  return last === undefined || first === undefined ? null : { start: BigInt(first.event_time), end: BigInt(last.event_time) + 1n };
}
