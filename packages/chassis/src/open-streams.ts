// The streams of a service that are open in both directions: how many there may be, of one organization and of all, and how they
// learn that the process is to stop.
import { commonErrors } from './errors.ts';

export interface StreamLimits {
  readonly ofOrganizationMax: number;
  readonly ofServiceMax: number;
}

export interface OpenStreams {
  /**
   * Takes a place for a stream; `stop` is called once, when no more of it shall be read. Call the answer to give the place back.
   * Errors: OVERLOADED; SERVER_STOPPING when the process is about to stop.
   */
  enter(organizationId: string, stop: () => void): () => void;
  /** Stops those that are open, and takes no more. */
  drain(): void;
  count(): number;
}

const LIMITS: StreamLimits = { ofOrganizationMax: 16, ofServiceMax: 1_024 };

export function createOpenStreams({ ofOrganizationMax, ofServiceMax }: StreamLimits = LIMITS): OpenStreams {
  const open = new Set<() => void>();
  const ofOrganizations = new Map<string, number>();
  let draining = false;
  return {
    enter(organizationId, stop) {
      if (draining) throw commonErrors.SERVER_STOPPING();
      const ofOrganization = ofOrganizations.get(organizationId) ?? 0;
      if (open.size >= ofServiceMax || ofOrganization >= ofOrganizationMax) throw commonErrors.OVERLOADED();
      open.add(stop);
      ofOrganizations.set(organizationId, ofOrganization + 1);
      return () => {
        if (!open.delete(stop)) return;
        const left = (ofOrganizations.get(organizationId) ?? 1) - 1;
        if (left === 0) ofOrganizations.delete(organizationId);
        else ofOrganizations.set(organizationId, left);
      };
    },
    drain() {
      draining = true;
      for (const stop of open) stop();
    },
    count: () => open.size,
  };
}
