import type { CallContext } from '@valora/chassis';
import { Aggregation, type Meter } from '@valora/contracts/valora/metering/v1/meter';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMeter } from '../src/create-meter.ts';
import { getMeter, listMeters } from '../src/read-meters.ts';
import { newOrganization, NOON, outcomes, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

let metering: Metering;
let context: CallContext;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());
beforeEach(() => { context = newOrganization(); });

const meter: Meter = { code: 'api.calls', displayName: 'API calls', aggregation: Aggregation.SUM, filters: [{ property: 'region', values: ['eu', ''] }, { property: 'tier', values: ['paid'] }], uniqueProperty: '', takesNegativeValues: false };
const create = (requestId: string, changes: Partial<Meter> = {}): Promise<{ meter?: Meter | undefined }> => createMeter(metering.dependencies, context, { requestId, meter: { ...meter, ...changes } });

describe('CreateMeter', () => {
  test('answers the stored meter, and the same again when it is repeated', async () => {
    const stored = { meter: { ...meter, recordedTime: timestamp(NOON) } };
    expect(await create('r')).toEqual(stored);
    expect(await create('r')).toEqual(stored);
    expect(await getMeter(metering.dependencies.meters, context, { code: meter.code })).toEqual(stored);
    await expect(create('r', { displayName: 'Other' })).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
  });

  test('of a taken code is refused; of two at once one is made', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => create(`r${index}`).then(() => 'made', (error: { reason: string }) => error.reason)));
    expect(answers.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'ALREADY_EXISTS'), 'made']);
  });

  test.each<[string, Partial<Meter>, string]>([
    ['a code in capitals', { code: 'Calls' }, 'meter.code'],
    ['a code of 65 characters', { code: 'x'.repeat(65) }, 'meter.code'],
    ['a name of 201 characters', { displayName: 'x'.repeat(201) }, 'meter.display_name'],
    ['no aggregation', { aggregation: Aggregation.UNSPECIFIED }, 'meter.aggregation'],
    ['a unique count of nothing', { aggregation: Aggregation.UNIQUE_COUNT }, 'meter.unique_property'],
    ['a unique count of a name of 129 characters', { aggregation: Aggregation.UNIQUE_COUNT, uniqueProperty: 'x'.repeat(129) }, 'meter.unique_property'],
    ['a sum of a property', { uniqueProperty: 'user' }, 'meter.unique_property'],
    ['21 filters', { filters: Array.from({ length: 21 }, (_, index) => ({ property: `p${index}`, values: ['x'] })) }, 'meter.filters'],
    ['a filter without property', { filters: [{ property: '', values: ['x'] }] }, 'meter.filters[0].property'],
    ['two filters of one property', { filters: [{ property: 'p', values: ['x'] }, { property: 'p', values: ['y'] }] }, 'meter.filters[1].property'],
    ['a filter without values', { filters: [{ property: 'p', values: [] }] }, 'meter.filters[0].values'],
    ['101 values', { filters: [{ property: 'p', values: Array.from({ length: 101 }, (_, index) => `${index}`) }] }, 'meter.filters[0].values'],
    ['a value twice', { filters: [{ property: 'p', values: ['x', 'x'] }] }, 'meter.filters[0].values[1]'],
    ['a value of 257 characters', { filters: [{ property: 'p', values: ['x'.repeat(257)] }] }, 'meter.filters[0].values[0]'],
  ])('refuses %s', async (_, changes, field) => {
    await expect(create('r', changes)).rejects.toMatchObject({ reason: 'FIELD_INVALID', facts: { metadata: { field } } });
  });

  test('refuses a request without meter', async () => {
    await expect(createMeter(metering.dependencies, context, { requestId: 'r' })).rejects.toMatchObject({ reason: 'FIELD_INVALID' });
  });
});

test('ListMeters pages by code in byte order, and shows the organization\'s own only', async () => {
  for (const code of ['b', 'a_', 'a.', 'a-', 'a0']) await create(code, { code });
  const first = await listMeters(metering.dependencies, context, { pageSize: 3, pageToken: '' });
  const second = await listMeters(metering.dependencies, context, { pageSize: 3, pageToken: first.nextPageToken });
  expect([...first.meters, ...second.meters].map(({ code }) => code)).toEqual(['a-', 'a.', 'a0', 'a_', 'b']);
  expect(second.nextPageToken).toBe('');
  expect((await listMeters(metering.dependencies, newOrganization(), { pageSize: 0, pageToken: '' })).meters).toEqual([]);
});

test('a meter that another process creates is known at once, though it was asked for before', async () => {
  const replica = metering.replica();
  await metering.createMeters(context);
  const event = usageEvent('k', { meter: meter.code });
  expect(await outcomes(replica, context, [event])).toEqual(['METER_UNKNOWN']);
  await create('r');
  expect(await outcomes(replica, context, [event])).toEqual(['RECORDED']);
  await expect(getMeter(replica.meters, newOrganization(), { code: meter.code })).rejects.toMatchObject({ reason: 'NOT_FOUND' });
});
