/**
 * Group commit: requests of one organization that arrive while a transaction runs share the next one.
 *
 * A commit waits for the disk, so a transaction for each small request would wait most of the time. Nothing is delayed on purpose: when no transaction works, a request
 * starts one at once; otherwise it joins the batch that is forming. One transaction of an organization works at a time, which keeps the order of arrival: it decides who is
 * recorded and who is a duplicate. While one waits for its COMMIT the next one may work, if that is worth its while: then it finds the keys of the first one taken, and waits
 * for it where it wants the same. The trap: a transaction costs about as much as thirty events, so a few events do better to wait for more than to start one beside a COMMIT.
 * Everything that waits is bounded; beyond it callers are refused and told to come back. If a shared transaction fails, all its requests fail: none of them was
 * acknowledged, so nothing is lost when they are sent again.
 */
import { commonErrors, inLinkedSpan, recordingSpan } from '@valora/chassis';
import type { Outcome } from './batch-outcome.ts';
import type { Candidate } from './usage-event.ts';

export interface IngestLimits {
  /** Bounds of one transaction; a single request may exceed them. */
  readonly batchEventsMax: number;
  readonly batchWeightMax: number;
  /** Bounds of what waits, for each organization and for all of them; far above what one request may hold. */
  readonly waitingEventsMax: number;
  readonly waitingWeightMax: number;
  /** So many events that wait start a transaction while the one before waits for its COMMIT; fewer wait with it. Absent: 500. */
  readonly besideCommitEventsMin?: number;
}

export const INGEST_LIMITS: IngestLimits = {
  batchEventsMax: 10_000,
  batchWeightMax: 16 * 1024 * 1024,
  waitingEventsMax: 50_000,
  waitingWeightMax: 256 * 1024 * 1024,
};

/** Writes events of one organization in one transaction; an outcome for each, in their order, once they are durable. Calls `worked` when only the COMMIT is left. */
export type WriteBatch = (organizationId: string, candidates: readonly Candidate[], worked: () => void) => Promise<readonly Outcome[]>;

export interface IngestQueue {
  /**
   * The outcomes of a request's events, in their order, once they are durable. Errors: OVERLOADED; DEADLINE_EXCEEDED if `signal` is aborted before the transaction began;
   * whatever the transaction failed with.
   */
  submit(organizationId: string, candidates: readonly Candidate[], signal: AbortSignal): Promise<readonly Outcome[]>;
  /** Whether so many events of the organization would be turned away now: asked before anything is made of them. */
  isFullFor(organizationId: string, eventCount: number): boolean;
  /** Of all organizations. */
  waitingEvents(): number;
}

/** Told how many requests and events go into a transaction. */
export type Committing = (size: { readonly requests: number; readonly events: number }) => void;

interface WaitingRequest {
  readonly candidates: readonly Candidate[];
  readonly weight: number;
  readonly signal: AbortSignal;
  /** Of the call it came with, if that is traced. */
  readonly span: ReturnType<typeof recordingSpan>;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly waiting: WaitingRequest[];
  waitingEvents: number;
  /** A transaction works, and not just waits for its COMMIT. */
  working: boolean;
  /** Transactions that have not ended. */
  open: number;
}

const BESIDE_COMMIT_EVENTS_MIN = 500;
/** Of an organization: one that works and one that waits for its COMMIT. More would take connections from other organizations for the disk's sake. */
const OPEN_MAX = 2;

export function createIngestQueue(write: WriteBatch, limits: IngestLimits = INGEST_LIMITS, committing: Committing = () => {}): IngestQueue {
  /** An organization has a lane while transactions of it are open. */
  const lanes = new Map<string, Lane>();
  let waitingWeight = 0;

  function takeBatch(lane: Lane): WaitingRequest[] {
    let count = 0, events = 0, weight = 0;
    for (const request of lane.waiting) {
      events += request.candidates.length;
      weight += request.weight;
      if (count > 0 && (events > limits.batchEventsMax || weight > limits.batchWeightMax)) break;
      count += 1;
    }
    const batch = lane.waiting.splice(0, count);
    for (const request of batch) {
      lane.waitingEvents -= request.candidates.length;
      waitingWeight -= request.weight;
    }
    return batch;
  }

  /** Starts a transaction if one may. */
  function proceed(organizationId: string, lane: Lane): void {
    if (lane.working || lane.open === OPEN_MAX || lane.waiting.length === 0) return;
    if (lane.open > 0 && lane.waitingEvents < (limits.besideCommitEventsMin ?? BESIDE_COMMIT_EVENTS_MIN)) return;
    lane.working = true;
    lane.open += 1;
    let working = true;
    const worked = (): void => {
      if (!working) return; // a transaction that met a conflict works more than once
      working = false;
      lane.working = false;
      proceed(organizationId, lane);
    };
    void writeTogether({ write, committing, worked }, organizationId, takeBatch(lane)).then(() => {
      lane.open -= 1;
      worked();
      proceed(organizationId, lane);
      if (lane.open === 0) lanes.delete(organizationId);
    });
  }

  return {
    submit(organizationId, candidates, signal) {
      const lane = lanes.get(organizationId) ?? { waiting: [], waitingEvents: 0, working: false, open: 0 };
      const weight = candidates.reduce((total, candidate) => total + candidate.weight, 0);
      const full = lane.waitingEvents + candidates.length > limits.waitingEventsMax || waitingWeight + weight > limits.waitingWeightMax;
      if (full) return Promise.reject(commonErrors.OVERLOADED());
      return new Promise((resolve, reject) => {
        lane.waiting.push({ candidates, weight, signal, span: recordingSpan(), resolve, reject });
        lane.waitingEvents += candidates.length;
        waitingWeight += weight;
        lanes.set(organizationId, lane);
        proceed(organizationId, lane);
      });
    },
    isFullFor: (organizationId, eventCount) => (lanes.get(organizationId)?.waitingEvents ?? 0) + eventCount > limits.waitingEventsMax || waitingWeight >= limits.waitingWeightMax,
    waitingEvents: () => [...lanes.values()].reduce((events, lane) => events + lane.waitingEvents, 0),
  };
}

/** One transaction for all of these requests, in a trace of its own that names theirs; never throws, every request gets its answer. */
async function writeTogether(
  { write, committing, worked }: { write: WriteBatch; committing: Committing; worked: () => void }, organizationId: string, batch: readonly WaitingRequest[],
): Promise<void> {
  const awaited = batch.filter(({ signal }) => !signal.aborted);
  for (const { reject } of batch.filter(({ signal }) => signal.aborted)) reject(commonErrors.DEADLINE_EXCEEDED());
  if (awaited.length === 0) return;
  try {
    const together = awaited.flatMap(({ candidates }) => candidates);
    const size = { requests: awaited.length, events: together.length };
    committing(size);
    const attributes = { 'valora.organization.id': organizationId, 'valora.ingest.requests': size.requests, 'valora.ingest.events': size.events };
    const linked = awaited.flatMap(({ span }) => (span === null ? [] : [span]));
    const outcomes = await inLinkedSpan('ingest.group_commit', { attributes, linked }, () => write(organizationId, together, worked));
    let start = 0;
    for (const { candidates, resolve } of awaited) {
      resolve(outcomes.slice(start, start + candidates.length));
      start += candidates.length;
    }
  } catch (error) {
    for (const { reject } of awaited) reject(error);
  }
}
