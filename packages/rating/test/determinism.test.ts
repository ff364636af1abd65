/**
 * The goldens once more, in a world where everything that could differ between two machines throws: the clock, chance, timers, the network, the environment, the console. Only the
 * facts are left to decide, so the digests must be the goldens'. `Intl` stays, as Temporal reads the time zone data through it, and so does the part of `Date` that Temporal's polyfill counts days
 * with: arithmetic in UTC on a number that it is given.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { composeRun, cycleBounds, parseInstant, usageQueriesOfRun } from '../src/index.ts';
import { goldens } from './golden-world.ts';
import { answers, bill, runFacts } from './world.ts';

const FORBIDDEN = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'performance', 'crypto', 'process', 'console'] as const;

/** Runs `work` with the forbidden globals replaced, and puts them back before anything else can miss them. */
function deprived<Result>(work: () => Result): Result {
  const kept = FORBIDDEN.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  const random = Math.random;
  const ownDate = Date;
  globalThis.Date = timelessDate(ownDate);
  for (const name of FORBIDDEN) Object.defineProperty(globalThis, name, { configurable: true, value: throwing(name) });
  Math.random = throwing('Math.random');
  try {
    return work();
  } finally {
    Math.random = random;
    globalThis.Date = ownDate;
    for (const [name, descriptor] of kept) if (descriptor !== undefined) Object.defineProperty(globalThis, name, descriptor);
  }
}

function throwing(name: string): () => never {
  const refuse = () => {
    throw new Error(`${name} was used`);
  };
  return new Proxy(refuse, { get: refuse, construct: refuse });
}

/** A `Date` without a clock, a parser or a local time zone. */
function timelessDate(OwnDate: DateConstructor): DateConstructor {
  const allowed = new Set(['UTC', 'prototype']);
  const instance: ProxyHandler<Date> = {
    get: (date, name) => {
      if (!String(name).startsWith('getUTC')) throw new Error(`Date.${String(name)} was used`);
      const member: unknown = Reflect.get(date, name, date);
      return typeof member === 'function' ? member.bind(date) : member;
    },
  };
  return new Proxy(OwnDate, {
    apply: throwing('Date'),
    construct: (_date, given) => {
      if (given.length !== 1 || typeof given[0] !== 'number') throw new Error('Date was used');
      return new Proxy(new OwnDate(given[0]), instance);
    },
    get: (date, name) => {
      if (!allowed.has(String(name))) throw new Error(`Date.${String(name)} was used`);
      return Reflect.get(date, name, date);
    },
  });
}

test('the stubs do throw', () => {
  expect(() => deprived(() => Date.now())).toThrow('Date.now was used');
  expect(() => deprived(() => new Date())).toThrow('Date was used');
  expect(() => deprived(() => new Date(0).getHours())).toThrow('Date.getHours was used');
  expect(() => deprived(() => Math.random())).toThrow('Math.random was used');
  expect(() => deprived(() => process.env['TZ'])).toThrow('process was used');
});

describe.each(['UTC', 'Pacific/Kiritimati', 'America/St_Johns', 'Asia/Kathmandu'])('on a machine in %s', (zone) => {
  const ownZone = process.env['TZ'];
  beforeEach(() => {
    process.env['TZ'] = zone;
  });
  afterEach(() => {
    if (ownZone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = ownZone;
  });

  test.each(goldens())('$name keeps its digest, events shuffled', ({ world, run, expected }) => {
    const shuffled = { ...world, events: world.events?.toReversed() ?? [] };
    expect(deprived(() => bill(shuffled, run).digest)).toBe(expected.digest);
  });

  test('boundaries come from the subscription’s zone alone', () => {
    const cadence = { anchor: parseInstant('2024-03-09T05:00:00Z'), interval: 'DAY', count: 1, zone: 'America/New_York' } as const;
    expect(deprived(() => cycleBounds(cadence, 2))).toEqual({ start: parseInstant('2024-03-10T05:00:00Z'), end: parseInstant('2024-03-11T04:00:00Z') });
  });
});

test('composing writes to none of its inputs', () => {
  for (const { world, run } of goldens()) {
    const facts = frozen(runFacts(world, run));
    const usage = answers(world, usageQueriesOfRun(facts));
    expect(composeRun(facts, usage).digest).toBe(bill(world, run).digest);
  }
});

/** Frozen all the way down: modules are strict, so a write throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
