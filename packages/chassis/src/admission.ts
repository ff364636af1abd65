// Admission: how many handlers of a service may run at once, for each call depth. A call made while answering another one
// (depth 1) never waits for the places that depth 0 holds, so services in one process can't lock each other up. Beyond the
// places a bounded queue waits; beyond the queue the call is refused with OVERLOADED and a delay.
import { commonErrors } from './errors.ts';

export interface AdmissionLimits {
  readonly runningMax: number;
  readonly waitingMax: number;
}

export const CALL_DEPTH_MAX = 4;

export interface Admission {
  /** Runs `work` in a place of this depth; throws OVERLOADED when places and queue are full. */
  run<T>(callDepth: number, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

interface Depth {
  running: number;
  readonly waiting: Set<() => void>;
}

export function createAdmission(limits: AdmissionLimits): Admission {
  const depths: Depth[] = Array.from({ length: CALL_DEPTH_MAX + 1 }, () => ({ running: 0, waiting: new Set() }));

  async function enter(depth: Depth, signal: AbortSignal): Promise<void> {
    if (depth.running < limits.runningMax) {
      depth.running += 1;
      return;
    }
    if (depth.waiting.size >= limits.waitingMax) throw commonErrors.OVERLOADED();
    await new Promise<void>((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        depth.waiting.delete(admit);
        reject(commonErrors.DEADLINE_EXCEEDED());
      };
      depth.waiting.add(admit);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  function exit(depth: Depth): void {
    const [next] = depth.waiting;
    if (next === undefined) {
      depth.running -= 1;
    } else {
      depth.waiting.delete(next);
      next();
    }
  }

  return {
    async run(callDepth, signal, work) {
      const depth = depths[Math.min(callDepth, CALL_DEPTH_MAX)];
      if (depth === undefined || signal.aborted) throw commonErrors.DEADLINE_EXCEEDED();
      await enter(depth, signal);
      try {
        return await work();
      } finally {
        exit(depth);
      }
    },
  };
}
