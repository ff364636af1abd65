import { parseInstant } from '@valora/rating';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../src/batch-outcome.ts';
import { createIngestQueue, type IngestLimits, type IngestQueue } from '../src/ingest-queue.ts';
import { candidateOf, type Candidate } from '../src/usage-event.ts';

const LIMITS: IngestLimits = { batchEventsMax: 4, batchWeightMax: 100_000, waitingEventsMax: 8, waitingWeightMax: 1_000_000, besideCommitEventsMin: 1 };
const UNTIL_TOLD = new AbortController().signal;

function candidates(...keys: string[]): Candidate[] {
  return keys.map((idempotencyKey) => candidateOf({
    idempotencyKey, meterCode: 'm', customerReference: 'c', subscriptionReference: null, eventTime: parseInstant('2026-01-01T00:00:00Z'), value: null, properties: {},
  }));
}

interface Transaction {
  readonly organizationId: string;
  readonly keys: string;
  /** Only its COMMIT is left. */
  worked(): void;
  commit(): void;
  fail(error: Error): void;
}

/** A queue over a writer whose transactions end when the test says so. */
function heldQueue(limits = LIMITS): { queue: IngestQueue; transactions: Transaction[]; settle: () => Promise<void> } {
  const transactions: Transaction[] = [];
  const queue = createIngestQueue((organizationId, batch, worked) => new Promise((resolve, reject) => {
    const recorded: Outcome[] = batch.map(() => ({ kind: 'RECORDED' }));
    transactions.push({ organizationId, keys: batch.map(({ event }) => event.idempotencyKey).join(''), worked, commit: () => resolve(recorded), fail: reject });
  }), limits);
  return { queue, transactions, settle: () => new Promise((resolve) => { setImmediate(resolve); }) };
}

const counts = (outcomes: readonly Outcome[]): number => outcomes.length;

describe('group commit', () => {
  test('the first request starts at once, those that arrive meanwhile share the next transaction in order of arrival', async () => {
    const { queue, transactions, settle } = heldQueue();
    const answers = ['a', 'b', 'cd'].map((keys) => queue.submit('org', candidates(...keys), UNTIL_TOLD).then(counts));
    expect(transactions.map(({ keys }) => keys)).toEqual(['a']);
    transactions[0]?.commit();
    await settle();
    expect(transactions.map(({ keys }) => keys)).toEqual(['a', 'bcd']);
    transactions[1]?.commit();
    expect(await Promise.all(answers)).toEqual([1, 1, 2]);
  });

  test('while one waits for its COMMIT the next one works, and no third begins; whoever commits first is answered first', async () => {
    const { queue, transactions, settle } = heldQueue();
    const answered: string[] = [];
    const [first, ...others] = ['a', 'b', 'c'].map((keys) => queue.submit('org', candidates(...keys), UNTIL_TOLD).then(() => answered.push(keys)));
    transactions[0]?.worked();
    expect(transactions.map(({ keys }) => keys)).toEqual(['a', 'bc']);
    const last = queue.submit('org', candidates('d'), UNTIL_TOLD);
    transactions[1]?.worked();
    transactions[1]?.worked();
    expect(transactions).toHaveLength(2);
    transactions[1]?.commit();
    await settle();
    expect(answered).toEqual(['b', 'c']);
    expect(transactions.map(({ keys }) => keys)).toEqual(['a', 'bc', 'd']);
    transactions[0]?.commit();
    transactions[2]?.commit();
    await Promise.all([first, ...others, last]);
  });

  test('fewer than 2 events wait for the COMMIT before them: 1 | 2 beside it, 1 after it', async () => {
    const { queue, transactions, settle } = heldQueue({ ...LIMITS, besideCommitEventsMin: 2 });
    const answers = ['a', 'b'].map((keys) => queue.submit('org', candidates(...keys), UNTIL_TOLD));
    transactions[0]?.worked();
    expect(transactions).toHaveLength(1);
    answers.push(queue.submit('org', candidates('c'), UNTIL_TOLD));
    expect(transactions.map(({ keys }) => keys)).toEqual(['a', 'bc']);
    transactions[1]?.worked();
    answers.push(queue.submit('org', candidates('d'), UNTIL_TOLD));
    transactions[0]?.commit();
    await settle();
    expect(transactions).toHaveLength(2);
    transactions[1]?.commit();
    await settle();
    transactions[2]?.commit();
    await Promise.all(answers);
    expect(transactions.map(({ keys }) => keys)).toEqual(['a', 'bc', 'd']);
  });

  test('one that fails at its COMMIT leaves the next one as it is', async () => {
    const { queue, transactions, settle } = heldQueue();
    const answers = ['a', 'b'].map((key) => queue.submit('org', candidates(key), UNTIL_TOLD).then(counts, (error: Error) => error.message));
    transactions[0]?.worked();
    transactions[0]?.fail(new Error('lost'));
    await settle();
    const later = queue.submit('org', candidates('c'), UNTIL_TOLD).then(counts);
    expect(transactions.map(({ keys }) => keys)).toEqual(['a', 'b']);
    transactions[1]?.commit();
    await settle();
    transactions[2]?.commit();
    expect(await Promise.all([...answers, later])).toEqual(['lost', 1, 1]);
    expect(queue.waitingEvents()).toBe(0);
  });

  test.each([
    ['4 events fill a transaction: 1 | 2 + 2 | 3', ['a', 'bc', 'de', 'fgh'], ['a', 'bcde', 'fgh']],
    ['a request is never cut, though it is larger than a transaction: 1 | 6 | 1', ['a', 'bcdefg', 'h'], ['a', 'bcdefg', 'h']],
  ])('%s', async (_, requests, expected) => {
    const { queue, transactions, settle } = heldQueue();
    const answers = requests.map((keys) => queue.submit('org', candidates(...keys), UNTIL_TOLD));
    for (let next = 0; next < expected.length; next += 1) {
      transactions[next]?.commit();
      await settle();
    }
    await Promise.all(answers);
    expect(transactions.map(({ keys }) => keys)).toEqual(expected);
  });

  test('weight fills a transaction too', async () => {
    const [candidate] = candidates('a');
    const { queue, transactions, settle } = heldQueue({ ...LIMITS, batchWeightMax: (candidate?.weight ?? 0) * 2 });
    const answers = [...'abcde'].map((key) => queue.submit('org', candidates(key), UNTIL_TOLD));
    for (let next = 0; next < 3; next += 1) {
      transactions[next]?.commit();
      await settle();
    }
    await Promise.all(answers);
    expect(transactions.map(({ keys }) => keys)).toEqual(['a', 'bc', 'de']);
  });

  test('organizations never share a transaction and never wait for each other', () => {
    const { queue, transactions } = heldQueue();
    void queue.submit('one', candidates('a'), UNTIL_TOLD);
    void queue.submit('two', candidates('b'), UNTIL_TOLD);
    expect(transactions.map(({ organizationId, keys }) => `${organizationId} ${keys}`)).toEqual(['one a', 'two b']);
  });

  test('a failed transaction fails its own requests only', async () => {
    const { queue, transactions, settle } = heldQueue();
    const answers = ['a', 'b', 'c'].map((key) => queue.submit('org', candidates(key), UNTIL_TOLD).then(counts, (error: Error) => error.message));
    transactions[0]?.commit();
    await settle();
    transactions[1]?.fail(new Error('lost'));
    await settle();
    const later = queue.submit('org', candidates('d'), UNTIL_TOLD).then(counts);
    transactions[2]?.commit();
    expect(await Promise.all([...answers, later])).toEqual([1, 'lost', 'lost', 1]);
  });

  test('8 events may wait, the 9th is refused with OVERLOADED; when they are written there is room again', async () => {
    const { queue, transactions, settle } = heldQueue();
    const answers = ['a', 'bcde', 'fghi'].map((keys) => queue.submit('org', candidates(...keys), UNTIL_TOLD));
    await expect(queue.submit('org', candidates('j'), UNTIL_TOLD)).rejects.toMatchObject({ reason: 'OVERLOADED' });
    expect([queue.isFullFor('org', 1), queue.isFullFor('org', 0), queue.isFullFor('other', 8), queue.isFullFor('other', 9)]).toEqual([true, false, false, true]);
    expect(transactions.map(({ keys }) => keys)).toEqual(['a']);
    transactions[0]?.commit();
    await settle();
    answers.push(queue.submit('org', candidates('j'), UNTIL_TOLD));
    for (let next = 1; next < 4; next += 1) {
      transactions[next]?.commit();
      await settle();
    }
    expect((await Promise.all(answers)).map(counts)).toEqual([1, 4, 4, 1]);
  });

  test('what waits is bounded over all organizations', async () => {
    const [candidate] = candidates('a');
    const { queue } = heldQueue({ ...LIMITS, waitingWeightMax: (candidate?.weight ?? 0) * 2 });
    for (const organization of ['one', 'two']) {
      void queue.submit(organization, candidates('a'), UNTIL_TOLD);
      void queue.submit(organization, candidates('b'), UNTIL_TOLD);
    }
    await expect(queue.submit('three', candidates('c'), UNTIL_TOLD)).rejects.toMatchObject({ reason: 'OVERLOADED' });
  });

  test('a request whose caller has gone before its transaction began is not written', async () => {
    const { queue, transactions, settle } = heldQueue();
    const gone = new AbortController();
    const first = queue.submit('org', candidates('a'), UNTIL_TOLD);
    const second = queue.submit('org', candidates('b'), gone.signal).catch((error: unknown) => error);
    const third = queue.submit('org', candidates('c'), UNTIL_TOLD);
    gone.abort();
    transactions[0]?.commit();
    await settle();
    transactions[1]?.commit();
    expect(await second).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    await Promise.all([first, third]);
    expect(transactions.map(({ keys }) => keys)).toEqual(['a', 'c']);
  });
});
