import { DomainError, type CallContext } from '@valora/chassis';
import type { UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { getUsageEvent, listUsageEvents } from '../src/read-usage-events.ts';
import { recordUsage } from '../src/record-usage.ts';
import { HOUR, newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

let metering: Metering;
let context: CallContext;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());
beforeEach(async () => {
  context = newOrganization();
  await metering.createMeters(context);
});

const send = (...events: UsageEvent[]): Promise<string[]> => outcomes(metering.dependencies, context, events);

describe('a key', () => {
  test.each<[string, Partial<UsageEvent>, string]>([
    ['the same content', {}, 'DUPLICATE'],
    ['the same content written otherwise: 1.50 for 1.5, nanoseconds below the microsecond', { value: '01.50', eventTime: { seconds: NOON / 1_000_000n, nanos: 999 } }, 'DUPLICATE'],
    ['another value', { value: '2' }, 'IDEMPOTENCY_KEY_REUSED'],
    ['another time', { eventTime: timestamp(NOON + 1n) }, 'IDEMPOTENCY_KEY_REUSED'],
    ['another customer', { customer: 'globex' }, 'IDEMPOTENCY_KEY_REUSED'],
    ['another meter', { meter: 'calls' }, 'IDEMPOTENCY_KEY_REUSED'],
    ['another subscription', { subscription: 's1' }, 'IDEMPOTENCY_KEY_REUSED'],
    ['another property', { properties: new Map([['region', 'eu']]) }, 'IDEMPOTENCY_KEY_REUSED'],
  ])('sent again with %s: in a later request, and in the same one', async (_, changes, expected) => {
    const first = usageEvent('k', { value: '1.5' });
    const second = usageEvent('k', { value: '1.5', ...changes });
    expect(await send(first)).toEqual(['RECORDED']);
    expect(await send(second)).toEqual([expected]);
    expect(await send({ ...first, idempotencyKey: 'm' }, { ...second, idempotencyKey: 'm' })).toEqual(['RECORDED', expected]);
    const { event } = await getUsageEvent(metering.dependencies, context, { idempotencyKey: 'k' });
    expect(event).toMatchObject({ ...first, recordedTime: timestamp(NOON) });
  });

  test('is the organization\'s own', async () => {
    expect(await send(usageEvent('k'))).toEqual(['RECORDED']);
    const other = newOrganization();
    await metering.createMeters(other);
    expect(await outcomes(metering.dependencies, other, [usageEvent('k', { value: '2' })])).toEqual(['RECORDED']);
  });

  test('that is refused stays free: the next event may have it', async () => {
    expect(await send(usageEvent('k', { time: NOON + 2n * HOUR }), usageEvent('k', { value: 'x' }), usageEvent('k'))).toEqual(['IDEMPOTENCY_KEY_REUSED', 'FIELD_INVALID', 'RECORDED']);
  });
});

describe('a bad event', () => {
  const tooLong = 'x'.repeat(129);
  test.each<[string, Partial<UsageEvent>, string, string]>([
    ['without a key', { idempotencyKey: '' }, 'FIELD_INVALID', 'idempotency_key'],
    ['with a key of 129 characters', { idempotencyKey: tooLong }, 'FIELD_INVALID', 'idempotency_key'],
    ['with a space in its key', { idempotencyKey: 'a b' }, 'FIELD_INVALID', 'idempotency_key'],
    ['with a key beyond ASCII', { idempotencyKey: 'kéy' }, 'FIELD_INVALID', 'idempotency_key'],
    ['of no meter', { meter: '' }, 'METER_UNKNOWN', 'meter'],
    ['of an unknown meter', { meter: 'ghosts' }, 'METER_UNKNOWN', 'meter'],
    ['without a customer', { customer: '' }, 'FIELD_INVALID', 'customer'],
    ['with a bad subscription', { subscription: 'a\nb' }, 'FIELD_INVALID', 'subscription'],
    ['without a time', { eventTime: undefined }, 'FIELD_INVALID', 'event_time'],
    ['in the year 10000', { eventTime: { seconds: 253_402_300_800n, nanos: 0 } }, 'FIELD_INVALID', 'event_time'],
    ['with negative nanos', { eventTime: { seconds: 0n, nanos: -1 } }, 'FIELD_INVALID', 'event_time'],
    ['without a value for SUM', { value: '' }, 'FIELD_INVALID', 'value'],
    ['with the value NaN', { value: 'NaN' }, 'FIELD_INVALID', 'value'],
    ['with the value 1e3', { value: '1e3' }, 'FIELD_INVALID', 'value'],
    ['with a bad value for COUNT', { meter: 'calls', value: '--1' }, 'FIELD_INVALID', 'value'],
    ['with 39 digits', { value: '9'.repeat(39) }, 'FIELD_INVALID', 'value'],
    ['with 51 properties', { properties: new Map(Array.from({ length: 51 }, (_, index) => [`p${index}`, ''])) }, 'FIELD_INVALID', 'properties'],
    ['with a property that JavaScript would lose', { properties: new Map([['__proto__', 'x']]) }, 'FIELD_INVALID', 'properties'],
    ['with a nameless property', { properties: new Map([['', 'x']]) }, 'FIELD_INVALID', 'properties'],
    ['with a long property name', { properties: new Map([[tooLong, 'x']]) }, 'FIELD_INVALID', 'properties'],
    ['with a long property value', { properties: new Map([['x', 'x'.repeat(257)]]) }, 'FIELD_INVALID', 'properties'],
    ['with a zero byte', { properties: new Map([['x', 'a\0b']]) }, 'FIELD_INVALID', 'properties'],
    ['with invalid UTF-8', { properties: new Map([['x', 'a\uFFFDb']]) }, 'FIELD_INVALID', 'properties'],
    ['with a lone surrogate', { properties: new Map([['\ud800', 'x']]) }, 'FIELD_INVALID', 'properties'],
  ])('%s is refused, its neighbours are recorded', async (_, changes, reason, field) => {
    const response = await recordUsage(metering.dependencies, context, { events: [usageEvent('before'), { ...usageEvent('bad'), ...changes }, usageEvent('after')] });
    expect(response.outcomes).toMatchObject([{ outcome: 1, reason: '', field: '' }, { outcome: 3, reason, field }, { outcome: 1 }]);
    expect(response.outcomes[1]?.message).not.toBe('');
  });

  test('one hour ahead of the clock is recorded, a microsecond more is refused until its time comes; then it is a duplicate for ever', async () => {
    expect(await send(usageEvent('edge', { time: NOON + HOUR }), usageEvent('ahead', { time: NOON + HOUR + 1n }))).toEqual(['RECORDED', 'EVENT_TOO_FAR_AHEAD']);
    await setClock(metering.dependencies, context, NOON + 1n);
    expect(await send(usageEvent('ahead', { time: NOON + HOUR + 1n }))).toEqual(['RECORDED']);
    expect(await send(usageEvent('ahead', { time: NOON + HOUR + 1n }))).toEqual(['DUPLICATE']);
  });
});

describe('good events', () => {
  test.each<[string, Partial<UsageEvent>]>([
    ['38 digits, 18 of them decimals', { value: '-12345678901234567890.123456789012345678' }],
    ['COUNT without a value', { meter: 'calls', value: '' }],
    ['COUNT with a value', { meter: 'calls', value: '0.000000000000000001' }],
    ['year 1', { eventTime: { seconds: -62_135_596_800n, nanos: 0 } }],
    ['50 properties with quotes, backslashes, braces and other alphabets', { properties: new Map(Array.from({ length: 50 }, (_, index) => [`"{\\},${index}`, `名\\"\u{1F600}NULL`])) }],
    ['names that mean something in JavaScript', { properties: new Map([['constructor', 'a'], ['toString', 'b']]) }],
    ['a key of quotes and backslashes', { idempotencyKey: String.raw`"\{},'$1;--NULL` }],
    ['a customer called NULL', { customer: 'NULL', subscription: 'null' }],
  ])('%s: come back as they were sent', async (_, changes) => {
    const event = { ...usageEvent('k'), ...changes };
    expect(await send(event)).toEqual(['RECORDED']);
    expect(await send(event)).toEqual(['DUPLICATE']);
    const { event: stored } = await getUsageEvent(metering.dependencies, context, { idempotencyKey: event.idempotencyKey });
    expect(stored).toEqual({ ...event, recordedTime: timestamp(NOON) });
  });

  test.each([[0], [5001]])('a request of %d events is refused whole', async (length) => {
    const events = Array.from({ length }, (_, index) => usageEvent(`k${index}`));
    const refused: unknown = await recordUsage(metering.dependencies, context, { events }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DomainError);
    expect(refused).toMatchObject({ reason: 'FIELD_INVALID', facts: { fieldViolations: [{ field: 'events' }] } });
  });

  test('5,000 at once, in no order of keys, each with its outcome in its place', async () => {
    const events = Array.from({ length: 5000 }, (_, index) => usageEvent(`k${(index * 7919) % 4000}`));
    expect(await send(...events)).toEqual(events.map((_, index) => (index < 4000 ? 'RECORDED' : 'DUPLICATE')));
  });
});

describe('stored events', () => {
  test('are listed by event time, then by key in byte order, over pages', async () => {
    const keys = ['b', 'B', 'a', '~', '!', 'Z', '_', '0'];
    await send(...keys.map((key) => usageEvent(key)), usageEvent('early', { time: NOON - HOUR }), usageEvent('late', { time: NOON + 1n }), usageEvent('other', { customer: 'globex' }));
    const listed: string[] = [];
    let pageToken = '';
    do {
      const page = await listUsageEvents(metering.dependencies, context, { meter: 'tokens', customer: 'acme', pageSize: 3, pageToken });
      listed.push(...page.events.map(({ idempotencyKey }) => idempotencyKey));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(listed).toEqual(['early', '!', '0', 'B', 'Z', '_', 'a', 'b', '~', 'late']);
  });

  test('are listed from the start of a period, without its end', async () => {
    await send(...[-1n, 0n, 1n, 2n].map((offset) => usageEvent(`k${offset}`, { time: NOON + offset })));
    const { events } = await listUsageEvents(metering.dependencies, context, { meter: 'tokens', customer: 'acme', period: period(NOON, NOON + 2n), pageSize: 0, pageToken: '' });
    expect(events.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['k0', 'k1']);
  });

  test('of another organization are absent', async () => {
    await send(usageEvent('k'));
    await expect(getUsageEvent(metering.dependencies, newOrganization(), { idempotencyKey: 'k' })).rejects.toMatchObject({ reason: 'NOT_FOUND' });
    await expect(getUsageEvent(metering.dependencies, context, { idempotencyKey: 'no' })).rejects.toMatchObject({ reason: 'NOT_FOUND' });
  });

  test.each([['x'], [Buffer.from('["1"]').toString('base64url')], [Buffer.from('["noon","k"]').toString('base64url')]])('the page token %s is refused', async (pageToken) => {
    await expect(listUsageEvents(metering.dependencies, context, { meter: 'tokens', customer: 'acme', pageSize: 0, pageToken })).rejects.toMatchObject({ reason: 'FIELD_INVALID' });
  });
});
