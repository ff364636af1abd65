import { DomainError, type CallContext } from '@valora/chassis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { releaseUsage, voidUsage } from '../src/correct-usage.ts';
import { listUsageReleases, listUsageVoids } from '../src/read-usage-corrections.ts';
import { getUsageEvent, listUsageEvents } from '../src/read-usage-events.ts';
import { newOrganization, NOON, outcomes, setClock, startMetering, timestamp, usageEvent, type Metering } from './metering.ts';

let metering: Metering;
let context: CallContext;
beforeAll(async () => { metering = await startMetering(); });
afterAll(() => metering.stop());
beforeEach(async () => {
  context = newOrganization();
  await metering.createMeters(context);
  await outcomes(metering.dependencies, context, ['a', 'b', 'c'].map((key) => usageEvent(key)));
});

let requests = 0;
const KINDS = { VOID: voidUsage, RELEASE: releaseUsage } as const;
async function correct(kind: keyof typeof KINDS, idempotencyKeys: readonly string[], changes: { reason?: string; requestId?: string } = {}): Promise<string[]> {
  requests += 1;
  const request = { requestId: `r${requests}`, idempotencyKeys, reason: 'sent twice', ...changes };
  const answer = kind === 'VOID' ? (await voidUsage(metering.dependencies, context, request)).voids : (await releaseUsage(metering.dependencies, context, request)).releases;
  return answer.map(({ idempotencyKey, reason }) => `${idempotencyKey}: ${reason}`);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(() => 'nothing was refused', (thrown: unknown) => thrown);
  if (!(error instanceof DomainError)) throw error;
  return [error.reason, ...Object.values(error.facts.metadata ?? {}), ...(error.facts.fieldViolations ?? []).map(({ field }) => field)].join(' ');
}

describe.each(['VOID', 'RELEASE'] as const)('a %s', (kind) => {
  test('is answered in request order, stands beside its event and in the list of its kind', async () => {
    expect(await correct(kind, ['c', 'a'])).toEqual(['c: sent twice', 'a: sent twice']);
    const { event } = await getUsageEvent(metering.dependencies, context, { idempotencyKey: 'a' });
    const correction = { idempotencyKey: 'a', reason: 'sent twice', recordedTime: timestamp(NOON) };
    expect([event?.void, event?.release]).toEqual(kind === 'VOID' ? [correction, undefined] : [undefined, correction]);
    const list = { pageSize: 0, pageToken: '' };
    const voids = (await listUsageVoids(metering.dependencies, context, list)).voids.map(({ idempotencyKey }) => idempotencyKey);
    const releases = (await listUsageReleases(metering.dependencies, context, list)).releases.map(({ idempotencyKey }) => idempotencyKey);
    expect([voids, releases]).toEqual(kind === 'VOID' ? [['a', 'c'], []] : [[], ['a', 'c']]);
  });

  test('of one that has it already answers the first, with its reason and time', async () => {
    await correct(kind, ['a']);
    await setClock(metering.dependencies, context, NOON + 1n);
    expect(await correct(kind, ['b', 'a'], { reason: 'another' })).toEqual(['b: another', 'a: sent twice']);
    const { event } = await getUsageEvent(metering.dependencies, context, { idempotencyKey: 'a' });
    expect((event?.void ?? event?.release)?.recordedTime).toEqual(timestamp(NOON));
  });

  test('is for all of the events or for none: an unknown key is named', async () => {
    expect(await refusal(correct(kind, ['a', 'x', 'y']))).toBe('NOT_FOUND usage event x');
    const { event } = await getUsageEvent(metering.dependencies, context, { idempotencyKey: 'a' });
    expect([event?.void, event?.release]).toEqual([undefined, undefined]);
  });

  test('of another organization\'s event finds none', async () => {
    context = newOrganization();
    expect(await refusal(correct(kind, ['a']))).toBe('NOT_FOUND usage event a');
  });

  test('repeated with its request id answers the same; with another body it is refused', async () => {
    expect(await correct(kind, ['a'], { requestId: 'same' })).toEqual(await correct(kind, ['a'], { requestId: 'same' }));
    expect(await refusal(correct(kind, ['b'], { requestId: 'same' }))).toBe('REQUEST_ID_REUSED same');
  });

  test.each([
    ['no key', [], 'because', 'idempotency_keys'],
    ['1,001 keys', Array.from({ length: 1_001 }, (_, index) => `k${index}`), 'because', 'idempotency_keys'],
    ['a key twice', ['a', 'b', 'a'], 'because', 'idempotency_keys[2]'],
    ['a key with a space', ['a b'], 'because', 'idempotency_keys[0]'],
    ['no reason', ['a'], '', 'reason'],
    ['a reason of 501 characters', ['a'], 'x'.repeat(501), 'reason'],
    ['a reason with a control character', ['a'], 'x\u0000', 'reason'],
  ])('with %s is refused by its field', async (_, keys, reason, field) => {
    expect(await refusal(correct(kind, keys, { reason }))).toContain(`FIELD_INVALID`);
    expect(await refusal(correct(kind, keys, { reason }))).toMatch(new RegExp(` ${field.replace(/[[\]]/g, '\\$&')}$`));
  });

  test('asked for by many at once in opposite orders is recorded once', async () => {
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    await outcomes(metering.dependencies, context, keys.map((key) => usageEvent(key)));
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => correct(kind, index % 2 === 0 ? keys : keys.toReversed(), { reason: `from ${index}` })));
    expect(new Set(answers.map((answer) => answer.toSorted().join())).size).toBe(1);
  });
});

test('a voided event can\'t be released; a released one can be voided', async () => {
  await correct('RELEASE', ['a']);
  await correct('VOID', ['a', 'b']);
  expect(await refusal(correct('RELEASE', ['c', 'b']))).toBe('USAGE_VOIDED b');
  const { event } = await getUsageEvent(metering.dependencies, context, { idempotencyKey: 'a' });
  expect([event?.void !== undefined, event?.release !== undefined]).toEqual([true, true]);
});

test('voids are listed by when they were recorded, then by key, page by page', async () => {
  await correct('VOID', ['b', 'c']);
  await setClock(metering.dependencies, context, NOON + 1n);
  await correct('VOID', ['a']);
  const keys: string[] = [];
  let pageToken = '';
  do {
    const { voids, nextPageToken } = await listUsageVoids(metering.dependencies, context, { pageSize: 1, pageToken });
    keys.push(...voids.map(({ idempotencyKey }) => idempotencyKey));
    pageToken = nextPageToken;
  } while (pageToken !== '');
  expect(keys).toEqual(['b', 'c', 'a']);
  const token = Buffer.from(JSON.stringify(['noon', 'a'])).toString('base64url');
  expect(await refusal(listUsageVoids(metering.dependencies, context, { pageSize: 1, pageToken: token }))).toMatch(/^FIELD_INVALID .*page_token$/);
});

test('all events of the organization are listed by meter, customer, time and key, page by page', async () => {
  const more = [usageEvent('d', { meter: 'calls' }), usageEvent('e', { customer: 'aaa' }), usageEvent('f', { time: NOON - 1n }), usageEvent('g', { customer: 'zoo', time: NOON - 9n })];
  await outcomes(metering.dependencies, context, more);
  const listed = async (range: { meter: string; customer: string }): Promise<string> => {
    const keys: string[] = [];
    let pageToken = '';
    do {
      const answer = await listUsageEvents(metering.dependencies, context, { ...range, pageSize: 2, pageToken });
      keys.push(...answer.events.map(({ idempotencyKey }) => idempotencyKey));
      pageToken = answer.nextPageToken;
    } while (pageToken !== '');
    return keys.join('');
  };
  expect(await listed({ meter: '', customer: '' })).toBe('defabcg');
  expect(await listed({ meter: 'tokens', customer: '' })).toBe('efabcg');
  expect(await listed({ meter: 'tokens', customer: 'acme' })).toBe('fabc');
  const all = { pageSize: 0, pageToken: '' };
  expect(await refusal(listUsageEvents(metering.dependencies, context, { ...all, meter: '', customer: 'acme' }))).toMatch(/ meter$/);
});
