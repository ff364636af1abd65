// How many cycles of an organization are claimed at once. A batch that breaks off (a deadline, a statement that takes too long)
// would be claimed again as it was and break off again, for ever, with everything behind it. So the next one is half as
// large, down to a cycle alone, and those that succeed grow again, slowly. Kept in the process alone: it decides no amount.

const ORGANIZATIONS_MAX = 10_000;
const GROWTH = 5;

export interface BatchSizes {
  of(organizationId: string): number;
  succeeded(organizationId: string): void;
  brokeOff(organizationId: string): void;
}

export function createBatchSizes(sizeMax: number): BatchSizes {
  /** Of organizations with less than the maximum. */
  const sizes = new Map<string, number>();
  const of = (organizationId: string): number => sizes.get(organizationId) ?? sizeMax;
  return {
    of,
    succeeded(organizationId) {
      const size = of(organizationId) + GROWTH;
      if (size >= sizeMax) sizes.delete(organizationId);
      else sizes.set(organizationId, size);
    },
    brokeOff(organizationId) {
      if (sizes.size >= ORGANIZATIONS_MAX) sizes.clear();
      sizes.set(organizationId, Math.max(1, Math.trunc(of(organizationId) / 2)));
    },
  };
}
