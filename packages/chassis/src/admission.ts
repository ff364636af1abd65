// Admission: how many handlers of a service may run at once, for each call depth. A call made while answering another one
// (depth 1) never waits for the places that depth 0 holds, so services in one process can't lock each other up. No
// organization gets more than its share of the places or of the queue, and free places go round among those that wait: one
// with much to do can't keep out one with little. Beyond the queue a call is refused with OVERLOADED and a delay.
import { commonErrors } from './errors.ts';

export interface AdmissionLimits {
  readonly runningMax: number;
  readonly waitingMax: number;
  /** Of one organization. */
  readonly shareRunningMax: number;
  readonly shareWaitingMax: number;
}

export interface AdmissionRequest {
  readonly callDepth: number;
  /** Empty for the operator and for services that act across organizations: a share of its own. */
  readonly organizationId: string;
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

interface Share {
  running: number;
  readonly waiting: Set<() => void>;
}

interface Depth {
  running: number;
  waiting: number;
  /** By organization, those that were served longest ago first. */
  readonly shares: Map<string, Share>;
}

export function createAdmission(limits: AdmissionLimits): Admission {
  const depths: Depth[] = Array.from({ length: CALL_DEPTH_MAX + 1 }, () => ({ running: 0, waiting: 0, shares: new Map() }));
  let refusedCount = 0;

  function shareOf(depth: Depth, organizationId: string): Share {
    const share = depth.shares.get(organizationId) ?? { running: 0, waiting: new Set() };
    depth.shares.set(organizationId, share);
    return share;
  }

  async function enter(depth: Depth, { organizationId, signal }: AdmissionRequest): Promise<void> {
    const share = shareOf(depth, organizationId);
    if (depth.running < limits.runningMax && share.running < limits.shareRunningMax) {
      depth.running += 1;
      share.running += 1;
      return;
    }
    if (depth.waiting >= limits.waitingMax || share.waiting.size >= limits.shareWaitingMax) {
      refusedCount += 1;
      throw commonErrors.OVERLOADED();
    }
    await new Promise<void>((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        share.waiting.delete(admit);
        depth.waiting -= 1;
        if (share.running === 0 && share.waiting.size === 0) depth.shares.delete(organizationId);
        reject(commonErrors.DEADLINE_EXCEEDED());
      };
      share.waiting.add(admit);
      depth.waiting += 1;
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  function exit(depth: Depth, organizationId: string): void {
    const share = shareOf(depth, organizationId);
    depth.running -= 1;
    share.running -= 1;
    toEndOfRound(depth, organizationId, share);
    for (const [name, next] of depth.shares) {
      const [admit] = next.waiting;
      if (admit === undefined || next.running >= limits.shareRunningMax) continue;
      next.waiting.delete(admit);
      depth.waiting -= 1;
      depth.running += 1;
      next.running += 1;
      toEndOfRound(depth, name, next);
      admit();
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
