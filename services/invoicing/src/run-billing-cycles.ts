// Closing cycles: seal, load, rate, store, for many cycles of one organization at once. Every step may be repeated: a run
// that is stored is composed again and must come out with the same digest. A run that can't be composed is answered with its
// error, and its neighbours are stored.
import { appendAuditRecords, Fields, inSpan, recordFacts, sqlOf, touchDueWork, type AuditedChange, type CallContext, type Log, type RecordingDependencies } from '@valora/chassis';
import { InvoiceServiceService, type BillingRunResult, type RunBillingCyclesRequest, type RunBillingCyclesResponse } from '@valora/contracts/valora/invoicing/v1/invoice';
import { composeRun, currencyExponent, ENGINE_VERSION, parseMinorUnits, RatingError, usageQueriesOfRun, type CarriedCredit, type Instant, type RunFacts } from '@valora/rating';
import { storedRun, type StoredRun } from './billing-run.ts';
import { findEngineVersions, openCredits, storeRuns } from './billing-run-store.ts';
import type { Transaction } from './database.ts';
import { ISSUE_INVOICES } from './due-work.ts';
import { runErrorMessages } from './errors.ts';
import { runIdOf } from './invoice.ts';
import type { BillingMetrics, CloseStep } from './metrics.ts';
import { loadRunFacts, loadUsage, sealSources, type LoadedRun, type Sources } from './load-run-facts.ts';

export interface RunBillingCyclesDependencies extends RecordingDependencies<Transaction> {
  readonly sources: Sources;
  readonly log: Log;
  readonly metrics: BillingMetrics;
}

const CYCLES_MAX = 1_000;
const CYCLE_INDEX_MAX = 1_000_000;

/** A run, or why there is none. */
type Attempt<Value> = { readonly kind: 'OK'; readonly value: Value } | { readonly kind: 'FAILED'; readonly reason: string; readonly message: string };

export async function runBillingCycles(dependencies: RunBillingCyclesDependencies, context: CallContext, request: RunBillingCyclesRequest): Promise<RunBillingCyclesResponse> {
  const sealThroughTime = parseSealThroughTime(request);
  const step = steps(dependencies.metrics, context.organizationId, request.cycles.length);
  await step('SEAL', () => sealSources(dependencies.sources, context, sealThroughTime));
  const runs = await step('LOAD', async () => await withOwnFacts(dependencies, context, await loadRunFacts(dependencies.sources, context, request.cycles, sealThroughTime)));
  const composed = await step('COMPOSE', () => composeRuns(dependencies, context, runs));
  const digests = await step('STORE', () => store(dependencies, context, composed));
  return { results: request.cycles.map((cycle, position) => resultOf(dependencies, { cycle, attempt: composed[position], digests })) };
}

/** Runs the steps of a close, each timed and in a span of its own. */
function steps(metrics: BillingMetrics, organizationId: string, cycles: number): <T>(step: CloseStep, work: () => Promise<T>) => Promise<T> {
  return async (step, work) => {
    const startMs = performance.now();
    const done = await inSpan(`billing.${step.toLowerCase()}`, { 'valora.organization.id': organizationId, 'valora.billing.cycles': cycles }, work);
    metrics.stepTook(step, performance.now() - startMs);
    return done;
  };
}

/** Checks the request. A subscription is named once: what run k owes is known only when it is stored, so run k + 1 can't be composed beside it. */
function parseSealThroughTime(request: RunBillingCyclesRequest): Instant {
  const fields = new Fields();
  fields.count('cycles', request.cycles, { min: 1, max: CYCLES_MAX });
  const named = new Set<string>();
  request.cycles.slice(0, CYCLES_MAX).forEach(({ subscription, cycleIndex }, position) => {
    fields.reference(`cycles[${position}].subscription`, subscription);
    fields.integer(`cycles[${position}].cycle_index`, cycleIndex, { min: 1, max: CYCLE_INDEX_MAX });
    if (named.has(subscription)) fields.refuse(`cycles[${position}].subscription`, 'REPEATED', 'Each subscription must be named once: its runs are composed one after the other.');
    named.add(subscription);
  });
  const sealThroughTime = fields.instant('seal_through_time', request.sealThroughTime);
  fields.check();
  return sealThroughTime;
}

/** Adds what invoicing itself knows: what earlier runs owe, and with which engine version a stored run was composed. */
async function withOwnFacts({ database }: RunBillingCyclesDependencies, context: CallContext, runs: readonly LoadedRun[]): Promise<readonly RunFacts[]> {
  const wanted = runs.map(({ subscription, runIndex }) => ({ subscriptionReference: subscription.reference, runIndex }));
  const runIds = wanted.map(({ subscriptionReference, runIndex }) => runIdOf(subscriptionReference, runIndex));
  const { credits, engineVersions } = await database.transaction(context.organizationId, async (tx) =>
    ({ credits: await openCredits(sqlOf(tx), wanted), engineVersions: await findEngineVersions(sqlOf(tx), runIds) }));
  return runs.map((run, position) => {
    const exponent = currencyExponent(run.currencyCode);
    const carried: CarriedCredit[] = (credits.get(run.subscription.reference) ?? []).map(({ runIndex, remaining }) => ({ runIndex, remainingMinorUnits: parseMinorUnits(remaining, exponent) }));
    return { ...run, credits: carried, engineVersion: engineVersions.get(runIds[position] ?? '') ?? ENGINE_VERSION };
  });
}

async function composeRuns({ sources, log, metrics }: RunBillingCyclesDependencies, context: CallContext, runs: readonly RunFacts[]): Promise<readonly Attempt<StoredRun>[]> {
  const queries = runs.map((run) => attempted({ log, metrics }, run, () => usageQueriesOfRun(run)));
  const answers = await loadUsage(sources, context, { queriesByRun: queries.map((attempt) => (attempt.kind === 'OK' ? attempt.value : [])), useStoredLevels: true });
  return runs.map((run, position) => {
    const query = queries[position];
    if (query === undefined || query.kind === 'FAILED') return query ?? failedBeforeQuery();
    return attempted({ log, metrics }, run, () => storedRun(run, composeRun(run, answers[position] ?? new Map())));
  });
}

function failedBeforeQuery(): never {
  throw new Error('a run has no usage queries');
}

/** What the facts make impossible (no price version in force) is the run's error; so is a defect, with an alert: neighbours go on either way. */
function attempted<Value>({ log, metrics }: Pick<RunBillingCyclesDependencies, 'log' | 'metrics'>, { subscription, runIndex }: RunFacts, work: () => Value): Attempt<Value> {
  try {
    return { kind: 'OK', value: work() };
  } catch (error) {
    if (error instanceof RatingError) return { kind: 'FAILED', reason: error.reason, message: error.message };
    metrics.alert('RUN_NOT_COMPOSED');
    log.error('ALERT: a run could not be composed', { subscription: subscription.reference, run_index: runIndex }, error);
    return { kind: 'FAILED', reason: 'INTERNAL', message: 'A defect in Valora, or facts that were tampered with. It was logged.' };
  }
}

async function store(dependencies: RunBillingCyclesDependencies, context: CallContext, attempts: readonly Attempt<StoredRun>[]): Promise<ReadonlyMap<string, string>> {
  const runs = attempts.flatMap((attempt) => (attempt.kind === 'OK' ? [attempt.value] : []));
  if (runs.length === 0) return new Map();
  const { digests, stored } = await recordFacts(dependencies, context, async (tx, recordedTime) => {
    const sql = sqlOf(tx);
    const { digests, fresh } = await storeRuns(sql, runs, recordedTime);
    const [earliest] = runs.filter(({ document }) => document.kind === 'INVOICE').map(({ cycle }) => cycle.cutoff).toSorted((one, other) => (one < other ? -1 : 1));
    if (earliest !== undefined) await touchDueWork(sql, ISSUE_INVOICES, earliest);
    const stored = runs.filter(({ runId }) => fresh.has(runId));
    await appendAuditRecords(sql, { context, action: InvoiceServiceService.runBillingCycles.path, recordedTime }, stored.map(auditedRun));
    return { digests, stored };
  });
  dependencies.metrics.runsStored(stored);
  return digests;
}

function auditedRun({ subscriptionReference, runIndex, digest, document }: StoredRun): AuditedChange {
  const made = document.kind === 'INVOICE' ? { invoice_id: document.invoiceId } : document.kind === 'CREDIT_NOTE' ? { credit_note_id: document.creditNoteId } : {};
  return { subject: `billing run ${subscriptionReference}/${runIndex}`, change: { digest, ...made } };
}

function resultOf(
  { log, metrics }: RunBillingCyclesDependencies,
  { cycle, attempt, digests }: { cycle: BillingRunResult['cycle']; attempt: Attempt<StoredRun> | undefined; digests: ReadonlyMap<string, string> },
): BillingRunResult {
  const failed = (reason: string, message: string): BillingRunResult => {
    metrics.runFailed(reason);
    return { cycle, result: { $case: 'error', value: { reason, message } } };
  };
  if (attempt === undefined) throw new Error('a cycle has no result');
  if (attempt.kind === 'FAILED') return failed(attempt.reason, attempt.message);
  const { runId, digest, subscriptionReference, runIndex } = attempt.value;
  if (digests.get(runId) === digest) return { cycle, result: { $case: 'digest', value: digest } };
  metrics.alert('RUN_DIGEST_MISMATCH');
  log.error('ALERT: a stored run differs from its recomputation', { run_id: runId, subscription: subscriptionReference, run_index: runIndex, stored: digests.get(runId) ?? '', recomputed: digest });
  return failed('RUN_DIGEST_MISMATCH', runErrorMessages.RUN_DIGEST_MISMATCH);
}
