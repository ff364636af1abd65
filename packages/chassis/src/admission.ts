// Admission: how many handlers of a service may run at once, for each call depth. A call made while answering another one
// (depth 1) never waits for the places that depth 0 holds, so services in one process can't lock each other up. No
// organization gets more than its share of the places or of the queue, and free places go round among those that wait: one
// with much to do can't keep out one with little. The queue is bounded by calls and by the bytes of their requests, which are in
// memory while they wait. Beyond it a call is refused with OVERLOADED and a delay.
import { commonErrors } from './errors.ts';

export interface AdmissionLimits {
  readonly runningMax: number;
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  /** Of one organization. */
  readonly shareRunningMax: number;
  readonly shareWaitingMax: number;
  readonly shareWaitingBytesMax: number;
}

export interface AdmissionRequest {
  readonly callDepth: number;
  /** Empty for the operator and for services that act across organizations: a share of its own. */
  readonly organizationId: string;
  /** Of the request, as it came. */
  readonly bytes: number;
  readonly signal: AbortSignal;
}

export const CALL_DEPTH_MAX = 4;

/** What is under way, for metrics. */
export interface AdmissionLoad {
  /** By call depth. */
  readonly depths: readonly { readonly running: number; readonly waiting: number }[];
  /** Since the start. */
  readonly refusedCount: number;
}

export interface Admission {
  /** Runs `work` in a place of this depth. Errors: OVERLOADED, DEADLINE_EXCEEDED when the signal is aborted before there was one. */
  run<T>(request: AdmissionRequest, work: () => Promise<T>): Promise<T>;
  load(): AdmissionLoad;
}

interface Waiting {
  readonly admit: () => void;
  readonly bytes: number;
}

interface Share {
  running: number;
  waitingBytes: number;
  readonly waiting: Set<Waiting>;
}

interface Depth {
  running: number;
  waiting: number;
  waitingBytes: number;
  /** By organization, those that were served longest ago first. */
  readonly shares: Map<string, Share>;
}

export function createAdmission(limits: AdmissionLimits): Admission {
  const depths: Depth[] = Array.from({ length: CALL_DEPTH_MAX + 1 }, () => ({ running: 0, waiting: 0, waitingBytes: 0, shares: new Map() }));
  let refusedCount = 0;

  function shareOf(depth: Depth, organizationId: string): Share {
    const share = depth.shares.get(organizationId) ?? { running: 0, waitingBytes: 0, waiting: new Set() };
    depth.shares.set(organizationId, share);
    return share;
  }

  function isFull(depth: Depth, share: Share, bytes: number): boolean {
    return depth.waiting >= limits.waitingMax || share.waiting.size >= limits.shareWaitingMax
      || depth.waitingBytes + bytes > limits.waitingBytesMax || share.waitingBytes + bytes > limits.shareWaitingBytesMax;
  }

  function wait(depth: Depth, share: Share, waiting: Waiting): void {
    share.waiting.add(waiting);
    depth.waiting += 1;
    depth.waitingBytes += waiting.bytes;
    share.waitingBytes += waiting.bytes;
  }

  function waitNoMore(depth: Depth, share: Share, waiting: Waiting): void {
    share.waiting.delete(waiting);
    depth.waiting -= 1;
    depth.waitingBytes -= waiting.bytes;
    share.waitingBytes -= waiting.bytes;
  }

  async function enter(depth: Depth, { organizationId, bytes, signal }: AdmissionRequest): Promise<void> {
    const share = shareOf(depth, organizationId);
    if (depth.running < limits.runningMax && share.running < limits.shareRunningMax) {
      depth.running += 1;
      share.running += 1;
      return;
    }
    if (isFull(depth, share, bytes)) {
      refusedCount += 1;
      if (share.running === 0 && share.waiting.size === 0) depth.shares.delete(organizationId); // or those that are only ever refused would stay in memory
      throw commonErrors.OVERLOADED();
    }
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        bytes,
        admit() {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = (): void => {
        waitNoMore(depth, share, waiting);
        if (share.running === 0 && share.waiting.size === 0) depth.shares.delete(organizationId);
        reject(commonErrors.DEADLINE_EXCEEDED());
      };
      wait(depth, share, waiting);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  function exit(depth: Depth, organizationId: string): void {
    const share = shareOf(depth, organizationId);
    depth.running -= 1;
    share.running -= 1;
    toEndOfRound(depth, organizationId, share);
    for (const [name, next] of depth.shares) {
      const [first] = next.waiting;
      if (first === undefined || next.running >= limits.shareRunningMax) continue;
      waitNoMore(depth, next, first);
      depth.running += 1;
      next.running += 1;
      toEndOfRound(depth, name, next);
      first.admit();
      return;
    }
  }

  return {
    async run(request, work) {
      const depth = depths[Math.min(request.callDepth, CALL_DEPTH_MAX)];
      if (depth === undefined || request.signal.aborted) throw commonErrors.DEADLINE_EXCEEDED();
      await enter(depth, request);
      try {
        return await work();
      } finally {
        exit(depth, request.organizationId);
      }
    },
    load: () => ({ depths: depths.map(({ running, waiting }) => ({ running, waiting })), refusedCount }),
  };
}

/** Whoever had a place comes last in the next round; who neither runs nor waits is forgotten. */
function toEndOfRound(depth: Depth, organizationId: string, share: Share): void {
  depth.shares.delete(organizationId);
  if (share.running > 0 || share.waiting.size > 0) depth.shares.set(organizationId, share);
}
