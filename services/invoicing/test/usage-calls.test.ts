/** How many queries go into one call to metering, and what becomes of a call whose answer is too much. */
import { Metadata, status } from '@grpc/grpc-js';
import { CallError, defineErrors, statusOf, type OutgoingContext } from '@valora/chassis';
import { AggregateUsageRequest, type AggregatedUsage, type UsageQuery as UsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';
import { instant, type Instant, type Lateness, type UsageQuery } from '@valora/rating';
import { describe, expect, test } from 'vitest';
import { loadUsage } from '../src/load-run-facts.ts';
import { usageQueryToProto } from '../src/usage-answer.ts';
import { callsOf } from '../src/usage-calls.ts';

const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
/** With all digits that an instant of our time can have. */
const SOME_TIME = instant(1_700_000_000_123_456n);
const at = (position: number): Instant => instant(SOME_TIME + BigInt(position) * 86_400_000_000n);
const interval = { start: SOME_TIME, end: at(1) };

function query(queryKey: string, lateness?: Lateness): UsageQuery {
  return {
    queryKey, cycleIndex: 1, item: 'item', meterCode: 'm'.repeat(64), customerReference: 'c'.repeat(128), subscriptionReference: 's'.repeat(128), interval, period: interval,
    knownBefore: SOME_TIME, groupBy: ['region'], needsEventValues: false, ...(lateness === undefined ? {} : { lateness }),
  };
}

const held = (cycles: number): Lateness => ({ policy: 'HOLD', cutoff: SOME_TIME, earlier: Array.from({ length: cycles }, (_, position) => ({ end: at(position), cutoff: at(position + 1) })) });
const carried = (ranges: number): Lateness => ({ policy: 'CARRY_FORWARD', cutoff: SOME_TIME, carried: Array.from({ length: ranges }, () => ({ events: interval, recorded: interval })) });
const messages = (count: number, lateness?: Lateness): UsageQueryMessage[] => Array.from({ length: count }, (_, position) => usageQueryToProto(query(`q${position}`, lateness), `q${position}`));
const sizes = (queries: readonly UsageQueryMessage[]): number[] => [...callsOf(queries)].map(({ length }) => length);

describe('a call holds', () => {
  test.each<[string, UsageQueryMessage[], readonly number[]]>([
    ['nothing where nothing is asked', [], []],
    ['5,000 queries', messages(5_000), [5_000]],
    ['no more than 5,000', messages(5_001), [5_000, 1]],
    ['100,000 earlier cycles', messages(10, held(10_000)), [10]],
    ['no more than 100,000 earlier cycles', messages(11, held(10_000)), [10, 1]],
    ['no more than 100,000 ranges carried forward', messages(30, carried(9_999)), [10, 10, 10]],
  ])('%s', (_, queries, expected) => {
    expect(sizes(queries)).toEqual(expected);
    expect([...callsOf(queries)].flat()).toEqual(queries);
  });

  test('no more bytes than a request may have, for levels of a subscription by the day of ten years and what it carries forward', () => {
    for (const lateness of [held(3_650), carried(3_650)]) {
      const calls = [...callsOf(messages(30, lateness))].map((queries) => AggregateUsageRequest.encode({ useStoredLevels: true, queries: [...queries] }).finish().length);
      expect(calls).toHaveLength(2);
      expect(Math.max(...calls)).toBeLessThan(REQUEST_BYTES_MAX);
    }
  });
});

/** Metering refuses an answer that holds more than `answersMax`, and always that to `poison`. Answers, or the error with how often it was called. */
async function loaded({ answersMax, poison, error }: { answersMax: number; poison?: string; error: CallError }): Promise<readonly [keysOrError: unknown, calls: readonly number[]]> {
  const calls: number[] = [];
  const usage = {
    async aggregateUsage(_: OutgoingContext, { queries }: { queries?: readonly { readonly queryKey?: string }[] }) {
      const asked = (queries ?? []).map(({ queryKey = '' }) => queryKey);
      calls.push(asked.length);
      if (asked.length > answersMax || asked.some((key) => key === poison)) throw error;
      return { usages: asked.map((queryKey): AggregatedUsage => ({ queryKey, eventCount: 1n, quantity: '1', usageSetDigest: '', quantityFraction: undefined, carriedIn: '', eventValues: [], groups: [] })) };
    },
  };
  const runs = [[query('a'), query('b')], [query('a')], [], [query('c'), query('d')]];
  const answers = await loadUsage({ usage }, context, { queriesByRun: runs, useStoredLevels: true }).catch((thrown: unknown) => thrown);
  return [Array.isArray(answers) ? answers.map((byKey: ReadonlyMap<string, unknown>) => [...byKey.keys()].join('')) : answers, calls];
}

const context: OutgoingContext = { organizationId: 'org_a', caller: { actor: 'test' }, deadlineMs: Date.now() + 60_000, callDepth: 0 };
const refusals = defineErrors('metering.valora', {
  TOO_MANY_GROUPS: { code: 'FAILED_PRECONDITION', message: 'too many' }, TOO_MANY_EVENT_VALUES: { code: 'FAILED_PRECONDITION', message: 'too many' }, OVERLOADED: { code: 'RESOURCE_EXHAUSTED', message: 'busy' },
});
const answered = (of: keyof typeof refusals): CallError => {
  const error = refusals[of]({});
  return new CallError('/a/call', Object.assign(new Error(error.message), statusOf(error)));
};
const tooLong = new CallError('/a/call', Object.assign(new Error('too long'), { code: status.RESOURCE_EXHAUSTED, details: 'Received message larger than max', metadata: new Metadata() }));

describe('an answer that is too much is asked for in halves', () => {
  test.each<[string, CallError]>([
    ['too many groups', answered('TOO_MANY_GROUPS')], ['too many values of events', answered('TOO_MANY_EVENT_VALUES')], ['a message longer than the transport takes', tooLong],
  ])('%s', async (_, error) => {
    expect(await loaded({ answersMax: 5, error })).toEqual([['ab', 'a', '', 'cd'], [5]]);
    expect(await loaded({ answersMax: 2, error })).toEqual([['ab', 'a', '', 'cd'], [5, 2, 3, 1, 2]]);
    expect(await loaded({ answersMax: 5, poison: '0/a', error })).toEqual([error, [5, 2, 1]]);
  });

  test('but not for another reason', async () => {
    const busy = answered('OVERLOADED');
    expect(await loaded({ answersMax: 2, error: busy })).toEqual([busy, [5]]);
  });
});
