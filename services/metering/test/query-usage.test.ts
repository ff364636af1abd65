import { DomainError, sealThrough, sqlOf, type CallContext } from '@valora/chassis';
import { UsageWindow, type QueryUsageRequest, type QueryUsageResponse } from '@valora/contracts/valora/metering/v1/query_usage';
import type { UsageQuery } from '@valora/contracts/valora/metering/v1/usage';
import { formatInstant, instant, parseInstant, type AggregatedUsage } from '@valora/rating';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { queryUsage } from '../src/query-usage.ts';
import { windowsOf } from '../src/usage-window.ts';
import { dice, HOUR, micros, newOrganization, NOON, outcomes, period, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';
import { answeredUsage, foldedUsage, type Facts } from './usage-oracle.ts';
import { createWorldMeters, METERS, randomWorld } from './usage-world.ts';

const ROUNDS = Number(process.env['VALORA_ROUNDS'] ?? '1');

let metering: Metering;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());

function request(changes: Partial<QueryUsageRequest> = {}): QueryUsageRequest {
  return {
    meter: 'sum', customer: 'acme', subscription: '', period: period(NOON - HOUR, NOON + HOUR), window: UsageWindow.HOUR, timeZone: '', groupBy: [], knownBeforeTime: undefined, ...changes,
  };
}

const text = (time: bigint): string => formatInstant(instant(time)).replace(/:00Z$/, 'Z');
const cuts = (start: string, end: string, window: 'HOUR' | 'DAY' | 'PERIOD', zone = 'UTC'): string | undefined => {
  const windows = windowsOf({ start: parseInstant(start), end: parseInstant(end) }, window, zone);
  return windows === null ? 'too many' : windows.map(({ start: from, end: to }, index) => (index === windows.length - 1 ? `${text(from)} ${text(to)}` : text(from))).join(' ');
};

describe('windows', () => {
  test.each<[string, Parameters<typeof cuts>, string]>([
    ['hours are those of UTC, and the ends are cut', ['2026-01-01T10:30:00Z', '2026-01-01T12:10:00Z', 'HOUR'], '2026-01-01T10:30Z 2026-01-01T11:00Z 2026-01-01T12:00Z 2026-01-01T12:10Z'],
    ['hours before 1970 too', ['1969-12-31T22:30:00Z', '1970-01-01T00:00:00Z', 'HOUR'], '1969-12-31T22:30Z 1969-12-31T23:00Z 1970-01-01T00:00Z'],
    ['an end at an hour opens none', ['2026-01-01T10:00:00Z', '2026-01-01T11:00:00Z', 'HOUR'], '2026-01-01T10:00Z 2026-01-01T11:00Z'],
    ['a day on which clocks go forward is one, of 23 hours', ['2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z', 'DAY', 'Europe/Berlin'], '2026-03-28T12:00Z 2026-03-28T23:00Z 2026-03-29T22:00Z 2026-03-30T12:00Z'],
    ['a day on which clocks go back is one, of 25 hours', ['2026-10-24T22:00:00Z', '2026-10-26T23:00:00Z', 'DAY', 'Europe/Berlin'], '2026-10-24T22:00Z 2026-10-25T23:00Z 2026-10-26T23:00Z'],
    ['a day that the zone skipped is none', ['2011-12-29T10:00:00Z', '2011-12-31T10:00:00Z', 'DAY', 'Pacific/Apia'], '2011-12-29T10:00Z 2011-12-30T10:00Z 2011-12-31T10:00Z'],
    ['days before 2001', ['1999-12-31T12:00:00Z', '2000-01-01T12:00:00Z', 'DAY'], '1999-12-31T12:00Z 2000-01-01T00:00Z 2000-01-01T12:00Z'],
    ['days on both sides of 2001 in a zone east of it', ['2000-12-30T22:30:00Z', '2001-01-01T00:00:00Z', 'DAY', 'Europe/Berlin'], '2000-12-30T22:30Z 2000-12-30T23:00Z 2000-12-31T23:00Z 2001-01-01T00:00Z'],
    ['the whole is one', ['2026-01-01T10:30:00Z', '2026-05-01T12:10:00Z', 'PERIOD'], '2026-01-01T10:30Z 2026-05-01T12:10Z'],
    ['nothing has no hours', ['2026-01-01T10:30:00Z', '2026-01-01T10:30:00Z', 'HOUR'], ''],
    ['the days at the end of the calendar', ['9999-12-31T12:00:00Z', '9999-12-31T13:00:00Z', 'DAY'], 'too many'],
  ])('%s', (_, [start, end, window, zone], expected) => {
    expect(cuts(start, end, window, zone)).toBe(expected);
  });

  test('1,000 are the most', () => {
    const windows = (count: bigint, window: 'HOUR' | 'DAY'): number | undefined => windowsOf({ start: NOON, end: instant(NOON + count * (window === 'HOUR' ? HOUR : 24n * HOUR)) }, window, 'UTC')?.length;
    expect([windows(1_000n, 'HOUR'), windows(1_001n, 'HOUR'), windows(999n, 'DAY'), windows(1_000n, 'DAY')]).toEqual([1_000, undefined, 1_000, undefined]);
  });
});

describe('QueryUsage', () => {
  let context: CallContext;
  const asked = async (changes: Partial<QueryUsageRequest> = {}): Promise<QueryUsageResponse> => await queryUsage(metering.dependencies, context, request(changes));
  const quantities = async (changes: Partial<QueryUsageRequest> = {}): Promise<string> => (await asked(changes)).windows.map(({ quantity, quantityFraction }) => (
    quantityFraction === undefined ? quantity : `${quantityFraction.numerator}/${quantityFraction.denominator}`)).join(' ');

  beforeAll(async () => {
    context = newOrganization();
    await createWorldMeters(metering, context);
    await outcomes(metering.dependencies, context, [
      usageEvent('a', { meter: 'sum', time: NOON - HOUR, value: '1' }),
      usageEvent('b', { meter: 'sum', time: NOON - 1n, value: '2', subscription: 's1' }),
      usageEvent('c', { meter: 'sum', time: NOON, value: '4', subscription: 's2' }),
      usageEvent('old', { meter: 'level', time: NOON - 30n * 24n * HOUR, value: '6' }),
      usageEvent('half', { meter: 'level', time: NOON - HOUR / 2n, value: '4' }),
      usageEvent('third', { meter: 'level', time: NOON + HOUR / 3n, value: '-1' }),
    ]);
    await setClock(metering.dependencies, context, NOON + 10n);
    await outcomes(metering.dependencies, context, [usageEvent('late', { meter: 'sum', time: NOON, value: '8' })]);
  });

  test.each<[string, Partial<QueryUsageRequest>, string]>([
    ['all of the customer, whichever subscription it names: 1 + 2, 4 + 8', {}, '3 12'],
    ['of a subscription, and what names none: 1 + 2, 8', { subscription: 's1' }, '3 8'],
    ['also what was recorded at this very instant', { window: UsageWindow.PERIOD }, '15'],
    ['as known before: 1 + 2, 4', { knownBeforeTime: timestamp(NOON + 10n) }, '3 4'],
    ['windows without usage are 0', { period: period(NOON - 3n * HOUR, NOON) }, '0 0 3'],
    ['a level is the mean of each window: 6 + 4 × 1/2, 10 − 1 × 2/3, 9', { meter: 'level', period: period(NOON - HOUR, NOON + 2n * HOUR) }, '8 28/3 9'],
    ['a level of a window cut short is the mean of what is left of it: 6, then 10', { meter: 'level', period: period(NOON - HOUR * 3n / 4n, NOON - HOUR / 4n), window: UsageWindow.PERIOD }, '8'],
  ])('%s', async (_, changes, expected) => {
    expect(await quantities(changes)).toBe(expected);
  });

  test('is an estimate until the organization is sealed through the instant of knowledge', async () => {
    const estimate = async (known: bigint): Promise<boolean> => (await asked({ knownBeforeTime: timestamp(known) })).isEstimate;
    expect(await estimate(NOON + 3n)).toBe(true);
    await metering.dependencies.database.transaction(context.organizationId, (tx) => sealThrough(sqlOf(tx), instant(NOON + 3n)));
    expect([await estimate(NOON + 3n), await estimate(NOON + 4n)]).toEqual([false, true]);
    const { isEstimate, knownBeforeTime } = await asked();
    expect([isEstimate, micros(knownBeforeTime)]).toEqual([true, NOON + 11n]);
  });

  test.each<[string, Partial<QueryUsageRequest>, string]>([
    ['no window', { window: 0 }, 'window'],
    ['1,001 windows', { period: period(NOON, NOON + 1_001n * HOUR) }, 'period'],
    ['no period', { period: undefined }, 'period.start_time'],
    ['an unknown zone', { timeZone: 'Nowhere/Town' }, 'time_zone'],
    ['a malformed customer', { customer: 'a b' }, 'customer'],
    ['11 properties to group by', { groupBy: Array.from({ length: 11 }, (_, index) => `p${index}`) }, 'group_by'],
  ])('refuses %s', async (_, changes, field) => {
    await expect(asked(changes)).rejects.toMatchObject({ facts: { reason: 'FIELD_INVALID', metadata: { field } } });
  });

  test('knows no meter of another organization, or of one that never recorded anything', async () => {
    const stranger = newOrganization();
    await expect(queryUsage(metering.dependencies, stranger, request())).rejects.toMatchObject({ facts: { reason: 'NOT_FOUND', metadata: { name: 'sum' } } });
    await expect(asked({ meter: 'ghosts' })).rejects.toMatchObject({ facts: { reason: 'NOT_FOUND', metadata: { name: 'ghosts' } } });
  });

  test('10,000 groups over all windows are the most, those with a level and no event among them', async () => {
    const properties = (region: number): Map<string, string> => new Map([['region', String(region)]]);
    const events = Array.from({ length: 201 }, (_, index) => usageEvent(`group ${index}`.replace(' ', '-'), { meter: 'level', customer: 'many', time: NOON - 100n * HOUR, properties: properties(index) }));
    await outcomes(metering.dependencies, context, events.slice(0, 200));
    const ask = { meter: 'level', customer: 'many', groupBy: ['region'], period: period(NOON - 50n * HOUR, NOON) };
    expect((await asked(ask)).windows.map(({ groups }) => groups.length)).toEqual(Array.from({ length: 50 }, () => 200));
    await outcomes(metering.dependencies, context, events.slice(200));
    const error: unknown = await asked(ask).catch((thrown: unknown) => thrown);
    expect(error instanceof DomainError && [error.reason, error.facts.metadata]).toEqual(['TOO_MANY_GROUPS', { query_key: 'window 50', groups_max: '10000' }]);
  });
});

test('equals the fold of the rating core window by window: every kind, groups, and levels that last', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { context, facts } = await randomWorld(metering, 300 + round);
    const roll = dice(400 + round);
    for (const meter of Object.keys(METERS)) {
      const start = NOON - 4n * HOUR + BigInt(roll(7)) * 600_000_000n;
      const knownBeforeTime = timestamp(NOON + BigInt(roll(14)) * (HOUR / 4n));
      const groupBy = roll(2) === 0 ? [] : ['region', 'constructor'];
      const asked = request({ meter, groupBy, knownBeforeTime, period: period(start, start + 6n * HOUR) });
      const { windows } = await queryUsage(metering.dependencies, context, asked);
      const answered = windows.map((window) => answeredUsage({ ...window, queryKey: '', usageSetDigest: '', carriedIn: '', eventValues: [], groups: window.groups.map((group) => ({
        ...group, usageSetDigest: '', carriedIn: '', eventValues: [] })) }, queryOf(asked, window.period)));
      expect(answered).toEqual(windows.map((window) => undigested(foldedUsage(ofAll(facts), queryOf(asked, window.period), METERS[meter] ?? { kind: 'COUNT', filters: [] }))));
      expect([windows.length >= 6, windows[0]?.period?.startTime, windows.at(-1)?.period?.endTime]).toEqual([true, timestamp(start), timestamp(start + 6n * HOUR)]);
    }
  }
}, ROUNDS * 60_000);

function queryOf({ meter, customer, groupBy, knownBeforeTime }: QueryUsageRequest, window: UsageQuery['period']): UsageQuery {
  return { queryKey: '', meter, customer, subscription: '', period: window, fullPeriod: undefined, knownBeforeTime, groupBy, needsEventValues: false, lateness: undefined };
}

/** Whichever subscription they name. */
function ofAll(facts: Facts): Facts {
  return { ...facts, events: facts.events.map(({ event, recorded }) => ({ event: { ...event, subscriptionReference: null }, recorded })) };
}

/** Windows tell neither digests nor levels. */
function undigested({ groups, ...usage }: AggregatedUsage): unknown {
  const plain = ({ carriedIn: _level, ...rest }: Omit<AggregatedUsage, 'groups'>): unknown => ({ ...rest, usageSetDigest: '' });
  return groups === undefined ? plain(usage) : { ...(plain(usage) as object), groups: groups.map((group) => plain(group)) };
}
