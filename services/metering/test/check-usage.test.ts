import type { CallContext } from '@valora/chassis';
import type { UsageFault } from '@valora/contracts/valora/metering/v1/usage';
import { instant, parseDecimal, usageEventContent, type UsageEvent } from '@valora/rating';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkUsage } from '../src/check-usage.ts';
import { releaseUsage, voidUsage } from '../src/correct-usage.ts';
import { candidateOf } from '../src/usage-event.ts';
import { CONTENT } from '../src/usage-fault-store.ts';
import { dice, HOUR, newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

let metering: Metering;
let owner: pg.Client;
beforeAll(async () => {
  metering = await startMetering();
  owner = new pg.Client({ connectionString: metering.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await metering.stop();
});

async function tamper(statement: string, { organizationId }: CallContext): Promise<void> {
  await owner.query('begin');
  await owner.query("set local session_replication_role = 'replica'");
  const { rowCount } = await owner.query(statement, [organizationId]);
  await owner.query('commit');
  expect(rowCount).toBeGreaterThan(0);
}

describe('CheckUsage', () => {
  let context: CallContext;
  beforeEach(async () => {
    context = newOrganization();
    await metering.createMeters(context);
    await outcomes(metering.dependencies, context, [
      usageEvent('b', { value: '10', properties: new Map([['region', 'eu']]), subscription: 's1' }),
      usageEvent('a', { value: '2.50', time: NOON + HOUR - 1n }),
      usageEvent('out', { value: '1', time: NOON + HOUR }),
      usageEvent('globex', { customer: 'globex', value: '1' }),
    ]);
    const correction = { requestId: 'release', idempotencyKeys: ['b', 'out', 'globex'], reason: 'wrong' };
    await releaseUsage(metering.dependencies, context, correction);
    await voidUsage(metering.dependencies, context, { ...correction, requestId: 'void', idempotencyKeys: ['a', 'out', 'globex'] });
    await setClock(metering.dependencies, context, NOON + 10n);
    await outcomes(metering.dependencies, context, [usageEvent('later', { value: '1' })]);
  });

  async function firstFault(): Promise<UsageFault | undefined> {
    const query = { meter: 'tokens', customer: 'acme', subscription: 's1', period: period(NOON, NOON + HOUR) };
    // Asked for twice: a run asks for a cycle as known now and as last billed.
    const queries = [NOON + 5n, NOON + 10n].map((known) => ({ ...query, queryKey: String(known), knownBeforeTime: timestamp(known), groupBy: [], needsEventValues: false }));
    return (await checkUsage(metering.dependencies, context, { queries })).firstFault;
  }
  const fault = async (): Promise<string> => {
    const found = await firstFault();
    return found === undefined ? 'none' : `${found.idempotencyKey} ${found.column} ${found.storedValue === undefined ? '-' : 'stored'} ${found.derivedValue === undefined ? '-' : 'derived'}`;
  };

  test('finds nothing among what was recorded', async () => {
    expect(await fault()).toBe('none');
  });

  test.each<[string, string, string]>([
    ['a value', "update metering.usage_event set value = value + 1 where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest stored derived'],
    ['two values whose sum stays', "update metering.usage_event set value = value + case idempotency_key when 'a' then 1 else -1 end where organization_id = $1 and idempotency_key in ('a', 'b')", 'a usage_event.content_digest stored derived'],
    ['a value that is no number', "update metering.usage_event set value = 'NaN' where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest stored derived'],
    ['a value taken away', "update metering.usage_event set value = null where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest stored derived'],
    ['a property', `update metering.usage_event set properties = '{"region": "us"}' where organization_id = $1 and idempotency_key = 'b'`, 'b usage_event.content_digest stored derived'],
    ['a property that becomes a number', `update metering.usage_event set properties = '{"region": 1}' where organization_id = $1 and idempotency_key = 'b'`, 'b usage_event.content_digest stored derived'],
    ['properties that are none', `update metering.usage_event set properties = '"eu"' where organization_id = $1 and idempotency_key = 'b'`, 'b usage_event.content_digest stored derived'],
    ['the subscription', "update metering.usage_event set subscription_reference = 's2' where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest stored derived'],
    ['the time, within the period', "update metering.usage_event set event_time = event_time + 1 where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest stored derived'],
    ['the time, out of the period', "update metering.usage_event set event_time = event_time - 1 where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest - derived'],
    ['the time, into the period', "update metering.usage_event set event_time = event_time - 1 where organization_id = $1 and idempotency_key = 'out'", 'out usage_event.content_digest stored derived'],
    ['the meter', "update metering.usage_event set meter_code = 'calls' where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest - derived'],
    ['the customer, away', "update metering.usage_event set customer_reference = 'globex' where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest - derived'],
    ['the customer, hither', "update metering.usage_event set customer_reference = 'acme' where organization_id = $1 and idempotency_key = 'globex'", 'globex usage_event.content_digest stored derived'],
    ['the digest', "update metering.usage_event set content_digest = sha256('x') where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest stored derived'],
    ['the key of an event', "update metering.usage_event set idempotency_key = 'c' where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest - derived'],
    ['an event that is gone', "delete from metering.usage_event where organization_id = $1 and idempotency_key = 'b'", 'b usage_event.content_digest - derived'],
    ['a key that is gone', "delete from metering.usage_key where organization_id = $1 and idempotency_key = 'b'", 'b usage_key.content_digest - derived'],
    ['a key with another digest', "update metering.usage_key set content_digest = sha256('x') where organization_id = $1 and idempotency_key = 'b'", 'b usage_key.content_digest stored derived'],
    ['a key with another meter', "update metering.usage_key set meter_code = 'calls' where organization_id = $1 and idempotency_key = 'b'", 'b usage_key.meter_code stored derived'],
    ['a key with another customer', "update metering.usage_key set customer_reference = 'globex' where organization_id = $1 and idempotency_key = 'b'", 'b usage_key.customer_reference stored derived'],
    ['a key with another time', "update metering.usage_key set event_time = event_time + 1 where organization_id = $1 and idempotency_key = 'b'", 'b usage_key.event_time stored derived'],
    ...([['void', 'a'], ['release', 'b']] as const).flatMap(([kind, key]): [string, string, string][] => [
      [`a ${kind} with another meter`, `update metering.usage_${kind} set meter_code = 'calls' where organization_id = $1 and idempotency_key = '${key}'`, `${key} usage_${kind}.meter_code stored derived`],
      [`a ${kind} with another customer`, `update metering.usage_${kind} set customer_reference = 'x' where organization_id = $1 and idempotency_key = '${key}'`, `${key} usage_${kind}.customer_reference stored derived`],
      [`a ${kind} with another time, in the period`, `update metering.usage_${kind} set event_time = event_time - 1 + 2 * (event_time % 2) where organization_id = $1 and idempotency_key = '${key}'`, `${key} usage_${kind}.event_time stored derived`],
      [`a ${kind} with another time, out of the period`, `update metering.usage_${kind} set event_time = event_time + 7200000000 where organization_id = $1 and idempotency_key = '${key}'`, `${key} usage_${kind}.event_time stored derived`],
      [`a ${kind} with a key that nobody has`, `update metering.usage_${kind} set idempotency_key = 'nobody' where organization_id = $1 and idempotency_key = '${key}'`, `nobody usage_${kind}.idempotency_key stored -`],
      [`a ${kind} of another time, moved into the period`, `update metering.usage_${kind} set event_time = event_time - 1 where organization_id = $1 and idempotency_key = 'out'`, `out usage_${kind}.event_time stored derived`],
      [`a ${kind} of another customer's event, moved hither`, `update metering.usage_${kind} set customer_reference = 'acme' where organization_id = $1 and idempotency_key = 'globex'`, `globex usage_${kind}.customer_reference stored derived`],
    ]),
  ])('finds what was changed behind the triggers: %s', async (_, statement, expected) => {
    await tamper(statement, context);
    expect(await fault()).toBe(expected);
  });

  test.each<[string, string]>([
    ['a value with more zeros, which is the same number', "update metering.usage_event set value = 2.5000 where organization_id = $1 and idempotency_key = 'a'"],
    ['an event recorded after the instant of knowledge', "update metering.usage_event set value = 7 where organization_id = $1 and idempotency_key = 'later'"],
    ["another customer's event", "update metering.usage_event set value = 7 where organization_id = $1 and idempotency_key = 'globex'"],
    ['why an event was voided', "update metering.usage_void set reason = 'other' where organization_id = $1 and idempotency_key = 'a'"],
    ["another customer's void", "update metering.usage_void set meter_code = 'calls' where organization_id = $1 and idempotency_key = 'globex'"],
    ['a void past the end', "update metering.usage_void set meter_code = 'calls' where organization_id = $1 and idempotency_key = 'out'"],
    ['an event past the end', "update metering.usage_event set value = 7 where organization_id = $1 and idempotency_key = 'out'"],
  ])('says nothing about %s', async (_, statement) => {
    await tamper(statement, context);
    expect(await fault()).toBe('none');
  });

  test('shows the digest that is stored and the one that the columns have', async () => {
    await tamper("update metering.usage_event set value = 11 where organization_id = $1 and idempotency_key = 'b'", context);
    const event: UsageEvent = { idempotencyKey: 'b', meterCode: 'tokens', customerReference: 'acme', subscriptionReference: 's1', eventTime: instant(NOON), value: parseDecimal('10'), properties: { region: 'eu' } };
    const digest = (value: string): string => candidateOf({ ...event, value: parseDecimal(value) }).contentDigest.toString('hex');
    expect(await firstFault()).toEqual({ idempotencyKey: 'b', column: 'usage_event.content_digest', storedValue: digest('10'), derivedValue: digest('11') });
  });

  test("does not look into another organization's usage", async () => {
    const other = newOrganization();
    await metering.createMeters(other);
    await outcomes(metering.dependencies, other, [usageEvent('b', { value: '10' })]);
    await tamper('update metering.usage_event set value = 11 where organization_id = $1', other);
    expect(await fault()).toBe('none');
  });
});

test('SQL writes the content of an event as the rating core does, for names and values of any characters in any order', async () => {
  const roll = dice(3);
  const characters = [...'az"\\/<&=\u00a0é\u2028\ud7ff', '\ue000', '\ue001', '\uf8ff', '\ufffb', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}', '\u{e0001}'];
  const text = (): string => Array.from({ length: 1 + roll(4) }, () => characters[roll(characters.length)]).join('');
  for (let round = 0; round < 300; round += 1) {
    const event: UsageEvent = {
      idempotencyKey: 'k', meterCode: 'tokens', customerReference: roll(2) === 0 ? 'acme' : 'a"\\/\'c', subscriptionReference: [null, 's', '"s\\'][roll(3)] ?? null,
      eventTime: instant(BigInt(roll(1_000_000)) - 500_000n),
      value: [null, parseDecimal('-0.00'), parseDecimal('12.50'), parseDecimal('-99999999999999999999.999999999999999999'), parseDecimal('0.000000000000000001')][roll(5)] ?? null,
      properties: Object.fromEntries(Array.from({ length: roll(6) }, () => [text(), text()])),
    };
    const { rows } = await owner.query<{ content: string }>(
      `select ${CONTENT} as content from (select $1::text as customer_reference, $2::bigint as event_time, $3::text as meter_code, $4::jsonb as properties,
         $5::text as subscription_reference, $6::numeric as value) as event`,
      [event.customerReference, event.eventTime, event.meterCode, JSON.stringify(event.properties), event.subscriptionReference, event.value]);
    expect(rows[0]?.content).toBe(usageEventContent(event));
  }
});
