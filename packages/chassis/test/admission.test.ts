/** Admission: places, shares and the queue, without a clock. */
import { expect, test } from 'vitest';
import { createAdmission } from '../src/admission.ts';
import { DomainError } from '../src/errors.ts';

const LIMITS = { runningMax: 3, waitingMax: 4, waitingBytesMax: 100, shareRunningMax: 2, shareWaitingMax: 3, shareWaitingBytesMax: 60 };

/** Work that runs until it is told to end, and a log of who began. */
function openStage(limits = LIMITS) {
  const admission = createAdmission(limits);
  const began: string[] = [];
  const enders = new Map<string, () => void>();
  const outcomes = new Map<string, string>();
  const start = (name: string, { callDepth = 0, organizationId = name[0] ?? '', bytes = 1, signal = new AbortController().signal } = {}): void => {
    admission.run({ callDepth, organizationId, bytes, signal }, () => {
      began.push(name);
      return new Promise<void>((resolve) => enders.set(name, resolve));
    }).then(() => outcomes.set(name, 'done'), (error: unknown) => outcomes.set(name, error instanceof DomainError ? error.reason : String(error)));
  };
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const end = async (name: string): Promise<void> => {
    enders.get(name)?.();
    await settle();
  };
  return { start, end, settle, began, outcomes };
}

test('one organization gets its share of the places, another the rest', async () => {
  const { start, settle, began } = openStage();
  for (const name of ['a1', 'a2', 'a3', 'b1']) start(name);
  await settle();
  expect(began).toEqual(['a1', 'a2', 'b1']);
});

test('free places go round among the organizations that wait', async () => {
  const { start, end, settle, began } = openStage({ ...LIMITS, runningMax: 1, shareRunningMax: 1 });
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1']) start(name);
  await settle();
  for (const name of ['a1', 'b1', 'c1', 'a2']) await end(name);
  expect(began).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
});

test('beyond its share of the queue an organization is refused, and the others still wait', async () => {
  const { start, end, settle, outcomes } = openStage();
  for (const name of ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2']) start(name);
  await settle();
  expect([...outcomes]).toEqual([['a6', 'OVERLOADED']]);
  start('c1'); // the whole queue is full: a3, a4, a5 and b2 wait
  await settle();
  expect(outcomes.get('c1')).toBe('OVERLOADED');
  await end('b1');
  await end('b2');
  expect(outcomes.get('b2')).toBe('done');
});

test('the queue holds 100 bytes of requests, of one organization 60; who leaves it makes room', async () => {
  const { start, end, settle, began, outcomes } = openStage({ ...LIMITS, runningMax: 1 });
  const patience = new AbortController();
  start('a1', { bytes: 1_000 }); // runs
  start('a2', { bytes: 60, signal: patience.signal });
  start('a3', { bytes: 1 });
  start('b1', { bytes: 40 });
  start('c1', { bytes: 1 });
  await settle();
  expect([...outcomes]).toEqual([['a3', 'OVERLOADED'], ['c1', 'OVERLOADED']]);
  patience.abort();
  start('a4', { bytes: 60 });
  await end('a1');
  await end('b1');
  start('b2', { bytes: 60 });
  await end('a4');
  expect(began).toEqual(['a1', 'b1', 'a4', 'b2']);
});

test('who gives up waiting leaves the queue', async () => {
  const { start, end, settle, began, outcomes } = openStage({ ...LIMITS, runningMax: 1 });
  const patience = new AbortController();
  start('a1');
  start('a2', { signal: patience.signal });
  start('a3');
  await settle();
  patience.abort();
  await end('a1');
  expect([outcomes.get('a2'), began]).toEqual(['DEADLINE_EXCEEDED', ['a1', 'a3']]);
});

test('a call made while answering another never waits for the places of the first depth', async () => {
  const { start, settle, began } = openStage();
  for (const name of ['a1', 'b1', 'c1', 'd1']) start(name);
  start('a2', { callDepth: 1 });
  start('a3', { callDepth: 9 });
  await settle();
  expect(began).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
});

test('work that throws gives its place back', async () => {
  const admission = createAdmission({ ...LIMITS, runningMax: 1 });
  const request = { callDepth: 0, organizationId: 'a', bytes: 1, signal: new AbortController().signal };
  await expect(admission.run(request, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  await expect(admission.run(request, () => Promise.resolve('next'))).resolves.toBe('next');
});
