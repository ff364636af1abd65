/**
 * A world in which usage is recorded, voided and released while it is sealed: one organization, the processes that serve it, and an account of what they were told.
 *
 * Its clock is the test's: it jumps forward and back between any two statements, by so little that facts and cutoffs often meet in one microsecond. A sandbox's clock is set through
 * the door that users have. What must hold is counted twice: what is known before a cutoff, as read when the seal has been answered, and everything, when all is over.
 */
import { DatabaseUnavailable, DomainError, fenceHandlers, FenceMissing, instantFromTimestamp, makeFence, timestampFromInstant, type CallContext, type Database } from '@valora/chassis';
import { instant, parseDecimal, type Instant } from '@valora/rating';
import { seeded, type Below } from '@valora/testkit/seeded';
import { releaseUsage, voidUsage } from '../../src/correct-usage.ts';
import type { Dependencies, Transaction } from '../../src/dependencies.ts';
import { createBatchWriter } from '../../src/record-usage.ts';
import { candidateOf, type Candidate } from '../../src/usage-event.ts';
import { isRefusal } from './stage.ts';

export const CLOCK_START = 1_000_000n;
const CLOCK_STEP = 12;
const WRITER_BATCHES = 2;
const BATCH_MAX = 3;
const CONTESTED_KEYS = 3;
const CORRECTIONS = 2;
const SEALS = 2;
const CLOCK_SETTINGS = 3;

/** A fact's kind and key: `event w1-1-0`, `void w1-1-0`. */
type Fact = string;

/** What was known before a cutoff when its seal had just been answered. */
export interface Cutoff {
  readonly time: Instant;
  readonly known: ReadonlySet<Fact>;
}

export interface World {
  readonly context: CallContext;
  readonly sandbox: boolean;
  /** Where the organization's clock stands, as far as the test set it. */
  clock: bigint;
  /** What a caller was told that it is stored. */
  readonly accepted: Set<Fact>;
  readonly cutoffs: Cutoff[];
  /** Cutoffs whose known facts were other ones at a later look. */
  readonly changed: string[];
  refusedSeals: number;
  repeats: number;
}

/** A process of metering: its own connections, under its own name. */
export interface Process {
  readonly name: string;
  readonly database: Database<Transaction>;
}

export function createWorld(organizationId: string, sandbox: boolean): World {
  const context: CallContext = { organizationId, caller: { kind: 'API_KEY', actor: 'test', scopes: ['admin'] }, deadlineMs: Date.now() + 600_000, signal: new AbortController().signal, callDepth: 0 };
  return { context, sandbox, clock: CLOCK_START, accepted: new Set(), cutoffs: [], changed: [], refusedSeals: 0, repeats: 0 };
}

function dependenciesOf({ sandbox }: World, { database }: Process): Dependencies {
  return { database, findSandboxTime: async () => (sandbox ? instant(CLOCK_START) : null) };
}

/** Does it until it is answered, as a caller does who hears nothing; null: it was rolled back, the caller knows it and gives up. */
async function persist<T>(world: World, work: () => Promise<T>): Promise<T | null> {
  for (let unheard = false; ; ) {
    try {
      return await work();
    } catch (error) {
      const unavailable = error instanceof DatabaseUnavailable;
      if (!unavailable && !isRefusal(error)) throw error;
      unheard ||= unavailable;
      if (!unheard) return null;
      world.repeats += 1;
    }
  }
}

/** Records events of its own, and some that other writers record too; each batch in a transaction. */
export async function writeEvents(world: World, process: Process, seed: number): Promise<void> {
  const below = seeded(seed);
  const write = createBatchWriter(process);
  const { organizationId } = world.context;
  for (let batch = 0; batch < WRITER_BATCHES; batch += 1) {
    const own = Array.from({ length: 1 + below(BATCH_MAX) }, (_, index) => `${process.name}-${batch}-${index}`);
    const keys = below(2) === 0 ? own : [...own, `contested-${below(CONTESTED_KEYS)}`];
    const outcomes = await persist(world, async () => {
      try {
        return await write(organizationId, keys.map(candidate), () => {});
      } catch (error) {
        if (!(error instanceof FenceMissing)) throw error;
        await makeFence(dependenciesOf(world, process), world.context);
        return await write(organizationId, keys.map(candidate), () => {});
      }
    });
    outcomes?.forEach(({ kind }, index) => {
      if (kind === 'REFUSED') throw new Error(`event ${keys[index]} was refused`);
      world.accepted.add(`event ${keys[index]}`);
    });
  }
}

function candidate(idempotencyKey: string): Candidate {
  return candidateOf({
    idempotencyKey, meterCode: 'tokens', customerReference: 'acme', subscriptionReference: null, eventTime: instant(CLOCK_START), value: parseDecimal('1'), properties: {},
  });
}

/** Voids and releases what it knows to be stored. */
export async function correctEvents(world: World, process: Process, seed: number): Promise<void> {
  const below = seeded(seed);
  const dependencies = dependenciesOf(world, process);
  for (let correction = 0; correction < CORRECTIONS; correction += 1) {
    const events = [...world.accepted].flatMap((fact) => (fact.startsWith('event ') ? [fact.slice('event '.length)] : []));
    const idempotencyKeys = [events[below(1_000) % events.length] ?? 'contested-0'];
    const kind = below(2) === 0 ? 'void' : 'release';
    const request = { requestId: `${process.name}-${correction}`, idempotencyKeys, reason: 'test' };
    try {
      const answer = await persist<object>(world, () => (kind === 'void' ? voidUsage : releaseUsage)(dependencies, world.context, request));
      if (answer !== null) for (const key of idempotencyKeys) world.accepted.add(`${kind} ${key}`);
    } catch (error) {
      if (!(error instanceof DomainError && (error.reason === 'NOT_FOUND' || error.reason === 'USAGE_VOIDED'))) throw error;
    }
  }
}

/** Seals about where the clock stands, reads what is known before the cutoff, and looks at earlier cutoffs again. */
export async function seal(world: World, process: Process, seed: number): Promise<void> {
  const below = seeded(seed);
  const fence = fenceHandlers(dependenciesOf(world, process));
  for (let seals = 0; seals < SEALS; seals += 1) {
    const time = instant(world.clock + BigInt(3 - below(CLOCK_STEP)));
    try {
      const answer = await persist(world, () => fence.sealThrough(world.context, { throughTime: timestampFromInstant(time) }));
      if (answer === null) continue;
      // Whoever asks for an earlier cutoff than stands may take either.
      const through = instantFromTimestamp(answer.sealedThroughTime);
      for (const cutoff of new Set([time, through])) world.cutoffs.push({ time: cutoff, known: await knownBefore(world, process, cutoff) });
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === 'SEAL_IN_FUTURE')) throw error;
      world.refusedSeals += 1;
    }
    await lookAgain(world, process, below);
  }
}

async function lookAgain(world: World, process: Process, below: Below): Promise<void> {
  const cutoff = world.cutoffs[below(1_000) % world.cutoffs.length];
  if (cutoff === undefined) return;
  const known = await knownBefore(world, process, cutoff.time);
  if (!sameFacts(known, cutoff.known)) world.changed.push(`${told(cutoff)}, then ${[...known].join(', ')}`);
}

/** Sets a sandbox's clock, now and then to where it stood before. */
export async function setClock(world: World, process: Process, seed: number): Promise<void> {
  const below = seeded(seed);
  const fence = fenceHandlers(dependenciesOf(world, process));
  for (let settings = 0; settings < CLOCK_SETTINGS; settings += 1) {
    const time = instant(world.clock + BigInt(below(CLOCK_STEP) - 2));
    const answer = await persist(world, () => fence.setClock(world.context, { currentTime: timestampFromInstant(time) }));
    if (answer === null) continue;
    const now = instantFromTimestamp(answer.currentTime);
    if (now > world.clock) world.clock = now;
  }
}

/** Every stored fact with its recorded time. */
async function storedFacts(world: World, process: Process): Promise<readonly { readonly fact: Fact; readonly recordedTime: bigint }[]> {
  const read = (): Promise<{ fact: string; recorded_time: bigint }[]> => process.database.bulk(world.context.organizationId, (sql) => sql.query(
    `select 'event ' || idempotency_key as fact, recorded_time from usage_event
     union all select 'void ' || idempotency_key, recorded_time from usage_void
     union all select 'release ' || idempotency_key, recorded_time from usage_release`));
  for (;;) {
    const rows = await persist(world, read);
    if (rows !== null) return rows.map(({ fact, recorded_time: recordedTime }) => ({ fact, recordedTime }));
  }
}

async function knownBefore(world: World, process: Process, time: Instant): Promise<ReadonlySet<Fact>> {
  return new Set((await storedFacts(world, process)).flatMap(({ fact, recordedTime }) => (recordedTime < time ? [fact] : [])));
}

/** What is wrong when all is over; empty if nothing is. */
export async function faultsOf(world: World, process: Process): Promise<readonly string[]> {
  const stored = await storedFacts(world, process);
  const faults = [...world.changed];
  const facts = new Set(stored.map(({ fact }) => fact));
  if (facts.size !== stored.length) faults.push('a fact is stored twice');
  if (!sameFacts(facts, world.accepted)) faults.push(`stored ${[...facts].join(', ')}; accepted ${[...world.accepted].join(', ')}`);
  for (const cutoff of world.cutoffs) {
    const after = stored.flatMap(({ fact, recordedTime }) => (recordedTime >= cutoff.time ? [fact] : []));
    const once = cutoff.known.size + after.length === world.accepted.size && after.every((fact) => !cutoff.known.has(fact));
    if (!once) faults.push(`${told(cutoff)}, after it ${after.join(', ')}; accepted ${[...world.accepted].join(', ')}`);
  }
  return faults;
}

function told({ time, known }: Cutoff): string {
  return `before ${time} were known ${[...known].join(', ')}`;
}

function sameFacts(one: ReadonlySet<Fact>, other: ReadonlySet<Fact>): boolean {
  return one.size === other.size && [...one].every((fact) => other.has(fact));
}
