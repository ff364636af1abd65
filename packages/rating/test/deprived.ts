/**
 * A world without anything that differs between two machines: it is replaced by stubs that throw when they are used.
 *
 * Gone for good: the clock, chance, timers, the network, the environment, the console, the language, `Intl`. Temporal has to be loaded before: its polyfill takes
 * `Intl.DateTimeFormat` when it is loaded, which is how it reads the time zone data, and keeps it. Of `Date` there stays what the polyfill counts days with,
 * arithmetic in UTC on a number that it is given.
 * The trap: what is not named here is still there, so what the core may import is held by the house rules, and `UNREACHABLE` proves that each stub is in force.
 */
const FORBIDDEN = [
  'Intl', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'WebSocket', 'performance', 'crypto', 'process', 'console', 'navigator', 'WeakRef',
  'FinalizationRegistry',
] as const;

const OF_A_LOCALE = ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString', 'toLocaleLowerCase', 'toLocaleUpperCase', 'localeCompare'] as const;

const PROTOTYPES: readonly object[] = [Object.prototype, String.prototype, Number.prototype, BigInt.prototype, Array.prototype, Date.prototype, Object.getPrototypeOf(Uint8Array.prototype)];

export function deprive(): void {
  for (const name of FORBIDDEN) Object.defineProperty(globalThis, name, { configurable: true, value: throwing(name) });
  for (const prototype of PROTOTYPES) {
    for (const name of OF_A_LOCALE) if (Object.hasOwn(prototype, name)) Object.defineProperty(prototype, name, { value: throwing(name) });
  }
  globalThis.Date = timelessDate(Date);
}

/** The rest of it, once the core is loaded: bignumber.js tries out how many bits `Math.random` has when it is set up, for a function that nobody calls. */
export function depriveOfChance(): void {
  Math.random = throwing('Math.random');
}

/** One use of each; all of them throw once the world is deprived. */
export const UNREACHABLE: Readonly<Record<string, () => unknown>> = {
  'Date.now': () => Date.now(),
  'new Date': () => new Date(),
  'a local hour': () => new Date(0).getHours(),
  'a date read from text': () => new Date('2024-01-01'),
  'Math.random': () => Math.random(),
  'the environment': () => process.env['TZ'],
  'Intl.DateTimeFormat': () => new Intl.DateTimeFormat(),
  'Intl.Collator': () => new Intl.Collator(),
  setTimeout: () => setTimeout(() => undefined),
  queueMicrotask: () => queueMicrotask(() => undefined),
  performance: () => performance.now(),
  crypto: () => crypto.randomUUID(),
  fetch: () => fetch('http://localhost'),
  console: () => Reflect.get(console, 'log'),
  'the language': () => navigator.language,
  'a number in a locale': () => (1.5).toLocaleString(),
  'a bigint in a locale': () => 1n.toLocaleString(),
  'text in a locale': () => 'I'.toLocaleLowerCase(),
  'the order of a locale': () => 'ä'.localeCompare('z'),
  'a list in a locale': () => [1].toLocaleString(),
};

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
