/** Hostile usage, as bytes over the wire: each bad event is refused by itself, with the field and the fix, and its neighbours are recorded. */
import { Client, credentials } from '@grpc/grpc-js';
import { Aggregation, type Meter } from '@valora/contracts/valora/metering/v1/meter';
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { startTestValora, type TestOrganization, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callStreamRaw, callUnaryRaw, PATHS, usageRequest, type Answer, type WireEvent } from './usage-wire.ts';

/** Of the organization's clock: 2026-03-01T12:00:00Z. */
const NOON = 1_772_366_400n;
const HOUR = 3_600n;
const LAST_SECOND = 253_402_300_799n; // of the year 9999

let valora: TestValora;
let client: Client;
let organization: TestOrganization;
let requests = 0;
beforeAll(async () => {
  valora = await startTestValora();
  client = new Client(valora.address, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 });
  organization = await valora.createOrganization({ sandboxTime: '2026-03-01T12:00:00Z' });
  const meters: Partial<Meter>[] = [
    { code: 'calls', aggregation: Aggregation.COUNT }, { code: 'tokens', aggregation: Aggregation.SUM }, { code: 'peak', aggregation: Aggregation.MAX }, { code: 'low', aggregation: Aggregation.MIN },
    { code: 'mean', aggregation: Aggregation.AVERAGE }, { code: 'last', aggregation: Aggregation.LATEST }, { code: 'users', aggregation: Aggregation.UNIQUE_COUNT, uniqueProperty: 'user' },
    { code: 'level', aggregation: Aggregation.WEIGHTED_SUM, takesNegativeValues: true },
  ];
  for (const meter of meters) {
    requests += 1;
    await organization.connection.meters.createMeter({ requestId: `m${requests}`, meter: { code: '', displayName: '', aggregation: 0, filters: [], uniqueProperty: '', takesNegativeValues: false, ...meter } });
  }
});
afterAll(async () => {
  client.close();
  await valora.stop();
});

const ways = {
  RecordUsage: async (events: readonly WireEvent[]): Promise<Answer> => await callUnaryRaw(client, PATHS.RecordUsage, organization.apiKey, usageRequest(events)),
  StreamUsage: async (events: readonly WireEvent[]): Promise<Answer> => await callStreamRaw(client, organization.apiKey, [usageRequest(events, 1n)]),
};

const invalidUtf8 = Uint8Array.of(0x61, 0xff, 0x62);
const overlongZero = Uint8Array.of(0xc0, 0x80);
const loneSurrogate = Uint8Array.of(0xed, 0xa0, 0x80);
const property = (name: WireEvent['key'], value: WireEvent['key'] = 'x'): Partial<WireEvent> => ({ properties: [[name, value]] });

const refusals: readonly [title: string, bad: Partial<WireEvent>, field: string, reason?: string][] = [
  ...['9'.repeat(60), '9'.repeat(39), `0.${'0'.repeat(18)}1`, 'NaN', 'Infinity', '-Infinity', '1e3', '1E+3', '0x10', '1_000', '1,000', '١٢', '１２', '²', '+1', ' 1', '1 ', '--1', '-', '.', '1.', '.5', '1.2.3', '1\0', '\0',
    '1\n', '\u{1D7D9}', '9'.repeat(1_000_000), '0'.repeat(3_000_000)].map((value) => [`the value ${JSON.stringify(value.slice(0, 70))}`, { value }, 'value'] as [string, Partial<WireEvent>, string]),
  ['a value of invalid UTF-8', { value: invalidUtf8 }, 'value'],
  ['a value below zero, where the meter takes none', { value: '-0.000000000000000001' }, 'value'],
  ...['tokens', 'peak', 'low', 'mean', 'last', 'level'].map((meter) => [`no value for ${meter}`, { meter, value: '' }, 'value'] as [string, Partial<WireEvent>, string]),
  ['a bad value for a COUNT', { meter: 'calls', value: 'x' }, 'value'],
  ['a bad value for a UNIQUE_COUNT', { meter: 'users', value: '1e1' }, 'value'],
  ['a value below zero for a COUNT', { meter: 'calls', value: '-1' }, 'value'],
  ['a key of 129 characters', { key: 'k'.repeat(129) }, 'idempotency_key'],
  ['a key of 3 MB', { key: 'k'.repeat(3_000_000) }, 'idempotency_key'],
  ['an empty key', { key: '' }, 'idempotency_key'],
  ['a key with a space', { key: 'a b' }, 'idempotency_key'],
  ['a key with a zero byte', { key: 'a\0b' }, 'idempotency_key'],
  ['a key with a line break at its end', { key: 'a\n' }, 'idempotency_key'],
  ['a key beyond ASCII', { key: 'clé' }, 'idempotency_key'],
  ['a key of invalid UTF-8', { key: invalidUtf8 }, 'idempotency_key'],
  ['a key with a byte order mark', { key: '\uFEFFk' }, 'idempotency_key'],
  ['a customer of invalid UTF-8', { customer: invalidUtf8 }, 'customer'],
  ['a customer of overlong UTF-8', { customer: overlongZero }, 'customer'],
  ['a customer of 129 characters', { customer: 'c'.repeat(129) }, 'customer'],
  ['no customer', { customer: '' }, 'customer'],
  ['a subscription with a control character', { subscription: 's\u007f' }, 'subscription'],
  ['a meter of invalid UTF-8', { meter: invalidUtf8 }, 'meter', 'METER_UNKNOWN'],
  ['a meter called __proto__', { meter: '__proto__' }, 'meter', 'METER_UNKNOWN'],
  ['a meter code of 2 MB', { meter: 'm'.repeat(2_000_000) }, 'meter', 'METER_UNKNOWN'],
  ['no time', { time: null }, 'event_time'],
  ['the year 0', { time: { seconds: -62_135_596_801n, nanos: 999_999_999 } }, 'event_time'],
  ['the year 10000', { time: { seconds: LAST_SECOND + 1n, nanos: 0 } }, 'event_time'],
  ['the last second that 64 bits hold', { time: { seconds: 2n ** 63n - 1n, nanos: 0 } }, 'event_time'],
  ['the first second that 64 bits hold', { time: { seconds: -(2n ** 63n), nanos: 0 } }, 'event_time'],
  ['nanos of −1', { time: { seconds: NOON, nanos: -1 } }, 'event_time'],
  ['nanos of a billion', { time: { seconds: NOON, nanos: 1_000_000_000 } }, 'event_time'],
  ['nanos of 2³¹ − 1', { time: { seconds: NOON, nanos: 2_147_483_647 } }, 'event_time'],
  ['the end of the year 9999', { time: { seconds: LAST_SECOND, nanos: 999_999_999 } }, 'event_time', 'EVENT_TOO_FAR_AHEAD'],
  ['a time an hour and a microsecond ahead', { time: { seconds: NOON + HOUR, nanos: 1_000 } }, 'event_time', 'EVENT_TOO_FAR_AHEAD'],
  ['a property of 3 MB', property('p', 'x'.repeat(3_000_000)), 'properties'],
  ['a property value of 257 characters', property('p', 'x'.repeat(257)), 'properties'],
  ['a property name of 129 characters', property('p'.repeat(129)), 'properties'],
  ['100,000 properties', { properties: Array.from({ length: 100_000 }, (_, index) => [`p${index}`, ''] as const) }, 'properties'],
  ['51 properties', { properties: Array.from({ length: 51 }, (_, index) => [`p${index}`, ''] as const) }, 'properties'],
  ['a nameless property', property(''), 'properties'],
  ['the property __proto__', property('__proto__'), 'properties'],
  ['the property __proto__ among duplicates of it', { properties: [['__proto__', 'a'], ['__proto__', 'b'], ['x', 'y']] }, 'properties'],
  ['a property name of invalid UTF-8', property(invalidUtf8), 'properties'],
  ['a property value of invalid UTF-8', property('p', invalidUtf8), 'properties'],
  ['a property value of overlong UTF-8', property('p', overlongZero), 'properties'],
  ['a lone surrogate', property('p', loneSurrogate), 'properties'],
  ['U+FFFD, which might have been anything', property('p', '\uFFFD'), 'properties'],
  ['a zero byte in a property', property('p', 'a\0b'), 'properties'],
  ['a control character in a property\'s name', property('a\u0085b'), 'properties'],
];

const accepted: readonly [title: string, good: Partial<WireEvent>][] = [
  ['38 digits', { value: `${'9'.repeat(20)}.${'9'.repeat(18)}` }],
  ['zeros before and after', { value: '000000000001.50000000000000000' }],
  ['minus zero', { value: '-0' }],
  ['below zero, where the meter takes it', { meter: 'level', value: '-5' }],
  ['a COUNT without a value', { meter: 'calls', value: '' }],
  ['a UNIQUE_COUNT without its property', { meter: 'users', value: '' }],
  ['an hour ahead', { time: { seconds: NOON + HOUR, nanos: 0 } }],
  ['an hour and less than a microsecond ahead', { time: { seconds: NOON + HOUR, nanos: 999 } }],
  ['the first microsecond of the year 1', { time: { seconds: -62_135_596_800n, nanos: 0 } }],
  ['a property twice: the last one counts', { properties: [['region', 'us'], ['region', 'eu']] }],
  ['a property 50,000 times', { properties: Array.from({ length: 50_000 }, () => ['region', 'eu'] as const) }],
  ['names that mean something in JavaScript', { properties: [['constructor', 'a'], ['hasOwnProperty', 'b'], ['length', '1']] }],
  ['a byte order mark, which is text', property('p', '\uFEFFx')],
  ['50 properties of 128 and 256 characters beyond the first plane', { properties: Array.from({ length: 50 }, (_, index) => [`${index}`.padEnd(126, 'n') + '\u{1F600}', '\u{1F600}'.repeat(128)] as const) }],
];

let keys = 0;
function neighbourly(event: Partial<WireEvent>): WireEvent[] {
  keys += 1;
  return [{ key: `${keys}-before` }, { key: `${keys}-it`, ...event }, { key: `${keys}-after` }];
}

describe.each(Object.entries(ways))('through %s', (_, send) => {
  test.each(refusals)('%s is refused, its neighbours are recorded', async (_title, bad, field, reason = 'FIELD_INVALID') => {
    const { code, outcomes } = await send(neighbourly(bad));
    expect([code, outcomes.map((each) => [each.outcome, each.reason, each.field])]).toEqual(['OK', [[UsageOutcome.RECORDED, '', ''], [UsageOutcome.REFUSED, reason, field], [UsageOutcome.RECORDED, '', '']]]);
    const message = outcomes[1]?.message ?? '';
    expect(message).toMatch(/^[A-Z][^]*\.$/);
    expect(message).toMatch(/\b(must|check|void|send|give|use|write)\b/i);
    expect(message.length).toBeLessThan(400);
  });

  test.each(accepted)('%s is recorded, and a duplicate when it is sent again', async (_title, good) => {
    const events = neighbourly(good);
    for (const expected of [UsageOutcome.RECORDED, UsageOutcome.DUPLICATE]) expect((await send(events)).outcomes.map(({ outcome, message }) => [outcome, message])).toEqual(events.map(() => [expected, '']));
  });

  test('the clocks of many producers in one batch: each event is judged by its own time', async () => {
    keys += 1;
    const offsets = [-10n * 365n * 86_400n, HOUR + 1n, 0n, 10n * 365n * 86_400n, HOUR, -1n, LAST_SECOND - NOON];
    const { outcomes } = await send(offsets.map((offset, index) => ({ key: `${keys}-${index}`, time: { seconds: NOON + offset, nanos: 0 } })));
    expect(outcomes.map(({ reason }) => reason)).toEqual(offsets.map((offset) => (offset > HOUR ? 'EVENT_TOO_FAR_AHEAD' : '')));
  });

  test.each<[string, () => WireEvent[], string, string]>([
    ['no event', () => [], 'FIELD_INVALID', 'events'],
    ['5,001 events', () => Array.from({ length: 5_001 }, (_unused, index) => ({ key: `many-${index}` })), 'FIELD_INVALID', 'events'],
    ['20,000 events', () => Array.from({ length: 20_000 }, () => ({ key: 'x' })), 'REQUEST_TOO_LONG', 'elements'],
    ['10 MB in a property', () => neighbourly(property('p', 'x'.repeat(10_000_000))), 'REQUEST_TOO_LARGE', 'bytes'],
    ['10 MB in a key', () => neighbourly({ key: 'x'.repeat(10_000_000) }), 'REQUEST_TOO_LARGE', 'bytes'],
  ])('%s is refused whole, and says so', async (_title, events, reason, named) => {
    const answer = await send(events());
    expect([answer.code, answer.reason, answer.outcomes]).toEqual(['INVALID_ARGUMENT', reason, []]);
    expect(answer.details).toContain(named);
  });
});

test('batches of a stream must have rising numbers from 1 on; what came before is recorded', async () => {
  for (const sequence of [0n, -1n, -(2n ** 63n)]) expect(await callStreamRaw(client, organization.apiKey, [usageRequest([{ key: 'never' }], sequence)])).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'FIELD_INVALID' });
  const batches = ([[1n, 's1'], [7n, 's7'], [7n, 's7-again'], [8n, 's8']] as const).map(([sequence, key]) => usageRequest([{ key }], sequence));
  const answer = await callStreamRaw(client, organization.apiKey, batches);
  expect([answer.code, answer.reason]).toEqual(['INVALID_ARGUMENT', 'FIELD_INVALID']);
  expect(answer.details).toContain('sequence');
  expect(answer.outcomes.map(({ idempotencyKey, outcome }) => [idempotencyKey, outcome])).toEqual([['s1', UsageOutcome.RECORDED], ['s7', UsageOutcome.RECORDED]]);
});
