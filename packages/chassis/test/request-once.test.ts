/** A mutation's answer is made once: for repetitions, for twins at the same moment, and never for another body. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureFence, takeRecordedTime } from '../src/fence.ts';
import { RequestIdReused, requestOnce } from '../src/request-once.ts';
import { barrier } from './lab/barrier.ts';
import { openLab, type Lab } from './lab/lab.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (response: Uint8Array): string => new TextDecoder().decode(response);

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  for (const organization of ['a', 'b']) await lab.database.bulk(organization, (sql) => ensureFence(sql, null));
});
afterAll(() => lab.close());

interface Call { readonly organization?: string; readonly rpc?: string; readonly requestId: string; readonly body?: string }
let worked = 0;

async function call({ organization = 'a', rpc = '/lab/Do', requestId, body = 'body' }: Call, work = async (): Promise<string> => `answer ${(worked += 1)}`): Promise<{ answer: string; repeated: boolean }> {
  return await lab.database.bulk(organization, async (sql) => {
    const key = { rpc, requestId, bodyDigest: bytes(body), recordedTime: await takeRecordedTime(sql) };
    const { response, repeated } = await requestOnce(sql, key, async () => bytes(await work()));
    return { answer: text(response), repeated };
  });
}

test('a repetition gets the stored answer', async () => {
  const first = await call({ requestId: 'r1' });
  expect(first.repeated).toBe(false);
  expect(await call({ requestId: 'r1' })).toEqual({ answer: first.answer, repeated: true });
});

test('another body is refused', async () => {
  await expect(call({ requestId: 'r1', body: 'other' })).rejects.toBeInstanceOf(RequestIdReused);
});

test('the same id of another rpc or organization is another request', async () => {
  expect((await call({ requestId: 'r1', rpc: '/lab/Other' })).repeated).toBe(false);
  expect((await call({ requestId: 'r1', organization: 'b' })).repeated).toBe(false);
});

test('work that fails stores nothing: the request may be repeated', async () => {
  await expect(call({ requestId: 'r2' }, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect((await call({ requestId: 'r2' })).repeated).toBe(false);
});

test('of twins at the same moment one works, all get its answer', async () => {
  const allStarted = barrier(6);
  let ran = 0;
  const answers = await Promise.all(Array.from({ length: 6 }, async () => {
    await allStarted();
    return await call({ requestId: 'twins' }, async () => `run ${(ran += 1)}`);
  }));
  expect(ran).toBe(1);
  expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['run 1']));
  expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1);
});

test.each(['update request set response = body_digest', 'delete from request', 'truncate request'])('stored answers are facts, also for the owner: %s', async (statement) => {
  await expect(lab.owner.query(statement)).rejects.toThrow('never changed or removed');
  await expect(lab.database.bulk('a', (sql) => sql.query(statement))).rejects.toThrow('permission denied');
});
