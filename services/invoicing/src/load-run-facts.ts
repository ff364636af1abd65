// Loading what billing runs are computed from: the facts of all services, sealed so that they are the same at every later
// day. Nothing here decides an amount; the facts go into `composeRun` as they are. Many runs of one organization are
// loaded at once, with as many calls as one run would take.
import { CallError, commonErrors, fenceErrors, timestampFromInstant, type OutgoingContext, type Stub } from '@valora/chassis';
import type { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { Aggregation, type MeterServiceService } from '@valora/contracts/valora/metering/v1/meter';
import type { AggregatedUsage as AggregatedUsageMessage, UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import type { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import type { FenceServiceService as PricingFence } from '@valora/contracts/valora/pricing/v1/fence';
import type { BillingCycleName } from '@valora/contracts/valora/invoicing/v1/invoice';
import { BillingCycleState, type BillingCycleServiceService, type BillingFacts } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import type { FenceServiceService as SubscriptionFence } from '@valora/contracts/valora/subscription/v1/fence';
import type { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import type { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { firstCutoff, serviceChangedFrom, type AggregatedUsage, type CycleFact, type Instant, type Price, type RunFacts, type SettingsVersion, type UsageQuery } from '@valora/rating';
import { errors } from './errors.ts';
import { cycleFromProto, priceFromProto, requiredInstant, settingsFromProto, subscriptionFromProto, type LoadedSubscription } from './facts-from-proto.ts';
import { aggregatedUsageFromProto, usageQueryToProto } from './usage-answer.ts';
import { callsOf, inHalves } from './usage-calls.ts';

export interface Sources {
  readonly organizations: Stub<typeof OrganizationServiceService>;
  readonly catalog: Stub<typeof CatalogServiceService>;
  readonly billingCycles: Stub<typeof BillingCycleServiceService>;
  readonly meters: Stub<typeof MeterServiceService>;
  readonly usage: Stub<typeof UsageServiceService>;
  readonly fences: {
    readonly tenancy: Stub<typeof TenancyFence>;
    readonly metering: Stub<typeof MeteringFence>;
    readonly pricing: Stub<typeof PricingFence>;
    readonly subscription: Stub<typeof SubscriptionFence>;
  };
}

/** The facts of a run that other services own. */
export type LoadedRun = Omit<RunFacts, 'engineVersion' | 'credits'>;

const LOOKS_PER_CALL_MAX = 5_000;
const PRICES_PER_CALL_MAX = 1_000;

/** Makes the facts recorded before `throughTime` final in every service that records any. */
export async function sealSources({ fences }: Sources, context: OutgoingContext, throughTime: Instant): Promise<void> {
  const request = { throughTime: timestampFromInstant(throughTime) };
  await Promise.all(Object.values(fences).map((fence) => fence.sealThrough(context, request))).catch((error: unknown) => {
    if (error instanceof CallError && error.reason === 'SEAL_IN_FUTURE') throw fenceErrors.SEAL_IN_FUTURE(error.metadata);
    throw error;
  });
}

/** The facts of the named runs, in their order. Sources must be sealed through `sealedThrough`, at or after every cutoff. */
export async function loadRunFacts(sources: Sources, context: OutgoingContext, names: readonly BillingCycleName[], sealedThrough: Instant): Promise<readonly LoadedRun[]> {
  const [{ billingFacts }, ground] = await Promise.all([
    sources.billingCycles.batchGetBillingFacts(context, { cycles: names }).catch(cycleNotFound),
    loadGround(sources, context),
  ]);
  const runs = billingFacts.map((facts) => runAt(lifeOf(facts), facts.cycles.length - 1, sealedThrough));
  return await completeRuns(sources, context, { runs, ground, prices: await loadPrices(sources, context, runs) });
}

/** Every run of a subscription up to the named one. */
export interface RunsThrough {
  /** The digest that subscription holds of the named run; null before the run is complete. */
  readonly completedDigest: string | null;
  /** From run 1 on, at most `RUNS_PER_PAGE` at a time, the next page loaded when it is asked for. Sources must be sealed through `sealedThrough`. */
  readonly pages: () => AsyncGenerator<readonly LoadedRun[]>;
}

const RUNS_PER_PAGE = 100;

/** What all runs share is loaded once, so the work is that of the runs, however many come before. */
export async function loadRunsThrough(sources: Sources, context: OutgoingContext, name: BillingCycleName, sealedThrough: Instant): Promise<RunsThrough> {
  const [{ billingFacts: [facts] }, ground] = await Promise.all([
    sources.billingCycles.batchGetBillingFacts(context, { cycles: [name] }).catch(cycleNotFound),
    loadGround(sources, context),
  ]);
  if (facts === undefined) throw new Error('subscription answered no facts');
  const life = lifeOf(facts);
  const missing = life.cycles.findIndex(({ index }, position) => index !== position + 1);
  if (missing !== -1) throw commonErrors.NOT_FOUND({ resource: 'billing cycle', name: `${name.subscription}/${missing + 1}` });
  const named = facts.cycles.at(-1);
  return {
    completedDigest: named?.state === BillingCycleState.CLOSED ? named.runDigest : null,
    async* pages() {
      const prices = await loadPrices(sources, context, [life]);
      for (let first = 0; first < life.cycles.length; first += RUNS_PER_PAGE) {
        const runs = life.cycles.slice(first, first + RUNS_PER_PAGE).map((_, offset) => runAt(life, first + offset, sealedThrough));
        yield await completeRuns(sources, context, { runs, ground, prices });
      }
    },
  };
}

/** What every run of the organization is computed with. */
interface Ground {
  readonly currencyCode: string;
  readonly settings: readonly SettingsVersion[];
}

async function loadGround({ organizations }: Sources, context: OutgoingContext): Promise<Ground> {
  const [{ settingsVersions }, { organization }] = await Promise.all([organizations.listSettingsVersions(context, {}), organizations.getOrganization(context, {})]);
  if (organization === undefined) throw new Error('tenancy answered no organization');
  return { currencyCode: organization.currencyCode, settings: settingsVersions.map(settingsFromProto) };
}

async function completeRuns(
  sources: Sources, context: OutgoingContext, { runs, ground, prices }: { readonly runs: readonly Run[]; readonly ground: Ground; readonly prices: ReadonlyMap<string, Price> },
): Promise<readonly LoadedRun[]> {
  const policies = new Set(ground.settings.map(({ latenessPolicy }) => latenessPolicy));
  const levelMeters = policies.has('HOLD') ? await findLevelMeters(sources, context, prices) : [];
  const earliestLate = await findLateUsage(sources, context, runs, prices);
  return runs.map((run, position): LoadedRun => {
    const { subscription, cycles, current, current: { cutoff, previousCutoff } } = run;
    const changedFrom = serviceChangedFrom(subscription.facts.facts, { since: previousCutoff, before: cutoff });
    // What was carried forward may go back to where it happened when the service changes.
    const movedFrom = changedFrom !== null && policies.has('CARRY_FORWARD') ? cycles[0]?.start : null;
    const touchedFrom = earliestOf([earliestLate.get(position), changedFrom, movedFrom, current.start]);
    return {
      currencyCode: ground.currencyCode,
      subscription: subscription.facts,
      settings: ground.settings,
      prices: subscription.priceCodes.flatMap((code) => prices.get(code) ?? []),
      runIndex: current.index,
      cutoff,
      previousCutoff,
      cycles: touchedCycles(run, touchedFrom),
      history: cycles.slice(0, run.position + 1),
      levelMeters,
    };
  });
}

/** The meters of these prices whose level lasts. */
async function findLevelMeters({ meters }: Sources, context: OutgoingContext, prices: ReadonlyMap<string, Price>): Promise<readonly string[]> {
  const codes = [...new Set([...prices.values()].flatMap(({ meterCode }) => meterCode ?? []))].toSorted();
  const found = await Promise.all(codes.map(async (code) => (await meters.getMeter(context, { code })).meter));
  return found.flatMap((meter) => (meter?.aggregation === Aggregation.WEIGHTED_SUM ? [meter.code] : []));
}

/** The run's own cycle and those before it that end after the instant, ascending. */
function touchedCycles({ cycles, latestEnds, position, current }: Run, touchedFrom: Instant): readonly CycleFact[] {
  let first = position;
  while ((latestEnds[first - 1] ?? touchedFrom) > touchedFrom) first -= 1;
  return cycles.slice(first, position + 1).filter((cycle) => cycle === current || cycle.end > touchedFrom);
}

function cycleNotFound(error: unknown): never {
  if (error instanceof CallError && error.reason === 'NOT_FOUND') throw commonErrors.NOT_FOUND(error.metadata);
  throw error;
}

/** A subscription with its cycles, ascending; its runs share them. */
interface Life {
  readonly subscription: LoadedSubscription;
  readonly cycles: readonly CycleFact[];
  /** By position, the latest end of the cycles up to there: where looking back for cycles that end after an instant may stop. */
  readonly latestEnds: readonly Instant[];
}

function lifeOf(facts: BillingFacts): Life {
  const subscription = subscriptionFromProto(facts);
  const { facts: { startTime: start }, recordedTime: subscriptionRecordedTime } = subscription;
  const cycles: CycleFact[] = [];
  for (const cycle of facts.cycles) cycles.push(cycleFromProto(cycle, cycles.at(-1)?.cutoff ?? firstCutoff({ start, subscriptionRecordedTime })));
  const latestEnds: Instant[] = [];
  for (const { end } of cycles) {
    const latest = latestEnds.at(-1);
    latestEnds.push(latest !== undefined && latest > end ? latest : end);
  }
  return { subscription, cycles, latestEnds };
}

interface Run extends Life {
  /** Where in the cycles the run's own stands; later ones are none of its business. */
  readonly position: number;
  readonly current: CycleFact;
}

function runAt(life: Life, position: number, sealedThrough: Instant): Run {
  const { subscription, cycles } = life;
  const current = cycles[position];
  if (current === undefined) throw new Error(`subscription answered no cycle for ${subscription.facts.reference}`);
  if (current.cutoff > sealedThrough) {
    throw errors.SEAL_TOO_EARLY({ subscription: subscription.facts.reference, cycle_index: String(current.index) });
  }
  return { ...life, position, current };
}

async function loadPrices({ catalog }: Sources, context: OutgoingContext, lives: readonly Life[]): Promise<ReadonlyMap<string, Price>> {
  const codes = [...new Set(lives.flatMap(({ subscription }) => subscription.priceCodes))].toSorted();
  const answers = await inChunks(codes, PRICES_PER_CALL_MAX, async (chunk) => (await catalog.batchGetPrices(context, { codes: chunk })).prices);
  return new Map(answers.map((price) => [price.code, priceFromProto(price)]));
}

/**
 * By position of the run, the earliest usage of an earlier cycle that was recorded since the previous cutoff. From the
 * cycle it lies in on, earlier cycles may have changed; what did not change makes no difference and no line.
 */
async function findLateUsage({ usage }: Sources, context: OutgoingContext, runs: readonly Run[], prices: ReadonlyMap<string, Price>): Promise<ReadonlyMap<number, Instant>> {
  const queries = runs.flatMap(({ subscription, cycles, current, current: { previousCutoff } }, position) => {
    const [first] = cycles;
    const meters = [...new Set(subscription.priceCodes.flatMap((code) => prices.get(code)?.meterCode ?? []))].toSorted();
    if (first === undefined || first === current || meters.length === 0 || previousCutoff >= current.cutoff) return [];
    return [{
      queryKey: String(position),
      customer: subscription.facts.customerReference,
      subscription: subscription.facts.reference,
      meters,
      // A cutoff that a cancel brought forward may lie before the end of its cycle; nothing after it is in service.
      eventPeriod: { startTime: timestampFromInstant(first.start), endTime: timestampFromInstant(earliestOf([current.start, previousCutoff])) },
      recordedPeriod: { startTime: timestampFromInstant(previousCutoff), endTime: timestampFromInstant(current.cutoff) },
    }];
  });
  const found = await inChunks(queries, LOOKS_PER_CALL_MAX, async (chunk) => (await usage.findLateUsage(context, { queries: chunk })).lateUsages);
  return new Map(found.map(({ queryKey, earliestEventTime }) => [Number(queryKey), requiredInstant(earliestEventTime)]));
}

/** Of those that are there; at least one is. */
function earliestOf(times: readonly (Instant | null | undefined)[]): Instant {
  return times.flatMap((time) => time ?? []).reduce((one, other) => (other < one ? other : one));
}

/** Answers the queries of many runs in as few calls as their number and length allow; one map of answers for each run. Without stored levels nothing but events is taken for true. */
export async function loadUsage(
  { usage }: { readonly usage: Pick<Sources['usage'], 'aggregateUsage'> }, context: OutgoingContext,
  { queriesByRun, useStoredLevels }: { readonly queriesByRun: readonly (readonly UsageQuery[])[]; readonly useStoredLevels: boolean },
): Promise<readonly ReadonlyMap<string, AggregatedUsage>[]> {
  const messages = queriesByRun.flatMap((queries, position) => queries.map((query) => usageQueryToProto(query, `${position}/${query.queryKey}`)));
  const answers: AggregatedUsageMessage[] = [];
  for (const queries of callsOf(messages)) {
    const found = await inHalves(queries, async (half) => (await usage.aggregateUsage(context, { queries: half, useStoredLevels })).usages);
    for (const answer of found) answers.push(answer);
  }
  const byKey = new Map(answers.map((answer) => [answer.queryKey, answer]));
  return queriesByRun.map((queries, position) => new Map(queries.flatMap((query) => {
    const { queryKey } = query;
    const answer = byKey.get(`${position}/${queryKey}`);
    return answer === undefined ? [] : [[queryKey, aggregatedUsageFromProto(answer, query)] as const];
  })));
}

async function inChunks<Item, Answer>(items: readonly Item[], sizeMax: number, call: (chunk: readonly Item[]) => Promise<readonly Answer[]>): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < items.length; start += sizeMax) answers.push(...(await call(items.slice(start, start + sizeMax))));
  return answers;
}
