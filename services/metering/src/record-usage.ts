/** RecordUsage: reads the events of a request, has the good ones recorded together with those of other requests, and answers an outcome for each. */
import { commonErrors, Fields, FenceMissing, makeFence, takeRecordedTimeWith, type CallContext } from '@valora/chassis';
import { UsageOutcome, type RecordUsageOutcome, type RecordUsageRequest, type RecordUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import { claimKeys, outcomeOf, type Outcome } from './batch-outcome.ts';
import type { Dependencies } from './dependencies.ts';
import type { IngestQueue, WriteBatch } from './ingest-queue.ts';
import type { MeterCache } from './meter-store.ts';
import type { IngestMetrics } from './metrics.ts';
import { readUsageEvent, type Candidate } from './usage-event.ts';
import { ARCHIVED_BEFORE } from './usage-archive.ts';
import { findContentDigests, findOtherDigests, insertUsageEvents } from './usage-record-store.ts';

export interface RecordUsageDependencies extends Dependencies {
  readonly meters: MeterCache;
  readonly queue: IngestQueue;
  readonly metrics: Pick<IngestMetrics, 'answered'>;
}

const EVENTS_MAX = 5_000;

export async function recordUsage(dependencies: RecordUsageDependencies, context: CallContext, { events }: RecordUsageRequest): Promise<RecordUsageResponse> {
  const fields = new Fields();
  fields.count('events', events, { min: 1, max: EVENTS_MAX });
  fields.check();
  // Or a flood would cost the reading of all that is turned away.
  if (dependencies.queue.isFullFor(context.organizationId, events.length)) throw commonErrors.OVERLOADED();
  const meters = await dependencies.meters.find(context.organizationId, new Set(events.map(({ meter }) => meter)));
  const read = events.map((event) => readUsageEvent(event, meters));
  const candidates = read.flatMap((event) => (event.kind === 'CANDIDATE' ? [event.candidate] : []));
  const settled = candidates.length === 0 ? [] : await record(dependencies, context, candidates);
  let next = 0;
  const outcomes = read.map((event) => {
    const outcome = event.kind === 'CANDIDATE' ? settled[next++] : event;
    if (outcome === undefined) throw new Error('a candidate has no outcome');
    return outcome;
  });
  dependencies.metrics.answered(outcomes);
  return { outcomes: outcomes.map((outcome, index) => outcomeToProto(events[index]?.idempotencyKey ?? '', outcome)) };
}

/** Submits to the queue; an organization's first events of all find no fence, and are submitted again when it is made. */
async function record(dependencies: RecordUsageDependencies, context: CallContext, candidates: readonly Candidate[]): Promise<readonly Outcome[]> {
  const { organizationId, signal } = context;
  try {
    return await dependencies.queue.submit(organizationId, candidates, signal);
  } catch (error) {
    if (!(error instanceof FenceMissing)) throw error;
    await makeFence(dependencies, context);
    return await dependencies.queue.submit(organizationId, candidates, signal);
  }
}

/** One transaction: the recorded time first, then the keys that are free with their events, then a look at who holds the others. */
export function createBatchWriter({ database }: Pick<Dependencies, 'database'>): WriteBatch {
  return (organizationId, candidates, worked) => database.bulk(organizationId, async (sql) => {
    const { recordedTime, value: archivedBefore } = await takeRecordedTimeWith(sql, ARCHIVED_BEFORE);
    const claims = claimKeys(candidates, { recordedTime, archivedBefore });
    const wonKeys = await insertUsageEvents(sql, organizationId, { claimants: claims.claimants, recordedTime });
    const lost = [...claims.claimants.values()].filter(({ event }) => !wonKeys.has(event.idempotencyKey));
    const heldDigests = new Map([...await findOtherDigests(sql, organizationId, lost), ...await findContentDigests(sql, organizationId, claims.unclaimedKeys)]);
    const outcomes = candidates.map((candidate) => outcomeOf(candidate, claims, wonKeys, heldDigests));
    worked();
    return outcomes;
  });
}

function outcomeToProto(idempotencyKey: string, outcome: Outcome): RecordUsageOutcome {
  const refusal = outcome.kind === 'REFUSED' ? outcome.refusal : { reason: '', field: '', message: '' };
  return { idempotencyKey, outcome: UsageOutcome[outcome.kind], ...refusal };
}
