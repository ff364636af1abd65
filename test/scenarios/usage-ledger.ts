// What callers sent and what they were told, and the comparison with what is stored: every event that was acknowledged is there
// once, and nothing else is. An event that was acknowledged is never sent again, so one that is lost stays lost.
import { hash } from 'node:crypto';
import { timestampFromInstant, type Peer } from '@valora/chassis';
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import { UsageOutcome, UsageServiceService, type RecordUsageOutcome, type UsageEvent as UsageEventMessage } from '@valora/contracts/valora/metering/v1/usage';
import { aggregateUsage, instant, parseDecimal, usageEventContent, type Instant, type UsageEvent } from '@valora/rating';
import type { TestOrganization } from '@valora/testkit/valora';
import pg from 'pg';

export const METER = 'requests';
const MICROS_PER_MS = 1000n;
const CALL_MS = 120_000;

/** Event number n of a load is always the same. */
export interface Load {
  readonly customers: number;
  readonly start: Instant;
  event(number: number): UsageEvent;
}

export function createLoad(customers: number): Load {
  const start = instant(BigInt(Date.now()) * MICROS_PER_MS);
  return {
    customers, start,
    event: (number) => ({
      idempotencyKey: `event-${number}`, meterCode: METER, customerReference: `customer-${number % customers}`, subscriptionReference: null,
      eventTime: instant(start + BigInt(number % 1_000_000)), value: parseDecimal(`${(number * 7_919) % 10_007}.${1 + (number % 9)}`), properties: {},
    }),
  };
}

export async function createUsageMeter({ connection }: TestOrganization): Promise<void> {
  await connection.meters.createMeter({
    requestId: 'meter', meter: { code: METER, displayName: 'Requests', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: false, recordedTime: undefined },
  });
}

export function toMessage({ idempotencyKey, meterCode, customerReference, eventTime, value }: UsageEvent): UsageEventMessage {
  return { idempotencyKey, meter: meterCode, customer: customerReference, subscription: '', eventTime: timestampFromInstant(eventTime), value: value ?? '', properties: new Map<string, string>() };
}

/** Whether the event was recorded now; false: it had been recorded before. An event of a load is never refused. */
export function recordedNow({ idempotencyKey, outcome, reason, message }: RecordUsageOutcome): boolean {
  if (outcome === UsageOutcome.REFUSED) throw new Error(`event ${idempotencyKey} was refused: ${reason} ${message}`);
  return outcome === UsageOutcome.RECORDED;
}

export interface Comparison {
  /** Acknowledged and not stored, not acknowledged and stored, stored more than once: some of them. */
  readonly lost: readonly string[];
  readonly unexpected: readonly string[];
  readonly doubled: readonly string[];
  /** Events whose key is gone, and keys whose event is. */
  readonly apart: readonly string[];
  /** Customers of whom AggregateUsage answers something else than the fold of the acknowledged events. */
  readonly miscounted: readonly string[];
}

export const AGREEMENT: Comparison = { lost: [], unexpected: [], doubled: [], apart: [], miscounted: [] };

const TOLD_MAX = 10;

/** The events with these numbers against the tables and against the service's answer. */
export async function compare(
  { url, peer }: { readonly url: string; readonly peer: Peer }, { organizationId }: Pick<TestOrganization, 'organizationId'>, { load, acknowledged }: { readonly load: Load; readonly acknowledged: Iterable<number> },
): Promise<Comparison> {
  const events = [...acknowledged].map((number) => load.event(number));
  const keys = new Set(events.map(({ idempotencyKey }) => idempotencyKey));
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  const read = async (table: string): Promise<readonly string[]> =>
    (await owner.query<{ key: string }>(`select idempotency_key as key from metering.${table} where organization_id = $1`, [organizationId])).rows.map(({ key }) => key);
  try {
    const [stored, taken] = [await read('usage_event'), await read('usage_key')];
    const [storedKeys, takenKeys] = [new Set(stored), new Set(taken)];
    return {
      lost: some([...keys].filter((key) => !storedKeys.has(key))),
      unexpected: some([...storedKeys].filter((key) => !keys.has(key))),
      doubled: some(stored.toSorted().filter((key, index, sorted) => key === sorted[index + 1])),
      apart: some([...storedKeys].filter((key) => !takenKeys.has(key)).concat([...takenKeys].filter((key) => !storedKeys.has(key)))),
      miscounted: some(await miscounted(peer, organizationId, { load, events })),
    };
  } finally {
    await owner.end();
  }
}

function some(keys: readonly string[]): readonly string[] {
  return keys.length <= TOLD_MAX ? keys : [...keys.slice(0, TOLD_MAX), `and ${keys.length - TOLD_MAX} more`];
}

/** The quantities, counts and digests that the rating core finds, against those that metering answers. */
async function miscounted(peer: Peer, organizationId: string, { load, events }: { readonly load: Load; readonly events: readonly UsageEvent[] }): Promise<readonly string[]> {
  const byCustomer = Map.groupBy(events, ({ customerReference }) => customerReference);
  const customers = Array.from({ length: load.customers }, (_, customer) => `customer-${customer}`);
  const period = { startTime: timestampFromInstant(load.start), endTime: timestampFromInstant(instant(load.start + 1_000_000n)) };
  const knownBeforeTime = timestampFromInstant(instant(BigInt(Date.now()) * MICROS_PER_MS + 3_600_000_000n));
  const context = { organizationId, caller: { actor: 'test' }, deadlineMs: Date.now() + CALL_MS, callDepth: 0 };
  const { usages } = await peer.stub(UsageServiceService).aggregateUsage(context, {
    useStoredLevels: true, queries: customers.map((customer) => ({ queryKey: customer, meter: METER, customer, subscription: '', period, knownBeforeTime, groupBy: [], needsEventValues: false })),
  });
  return customers.flatMap((customer, index) => {
    const counted = (byCustomer.get(customer) ?? []).map((event) => ({ ...event, contentDigest: hash('sha256', usageEventContent(event), 'buffer') }));
    const expected = aggregateUsage('SUM', counted);
    const answered = usages[index];
    const same = answered?.eventCount === expected.eventCount && answered.quantity === String(expected.quantity) && answered.usageSetDigest === expected.usageSetDigest;
    return same ? [] : [`${customer}: ${answered?.eventCount} ${answered?.quantity} for ${expected.eventCount} ${String(expected.quantity)}`];
  });
}
