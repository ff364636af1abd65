// Queries to metering, in calls that it takes and whose answers it gives. How many go into one is bounded by their number and
// by what they say of late usage: under HOLD a query for a level names every earlier cycle, which for a subscription by the
// day is thousands. The groups and values in an answer can't be foreseen, so a call whose answer holds too many of them is
// made again in halves. The trap: one query alone may be too much too, and then its run can't be composed.
import { status } from '@grpc/grpc-js';
import { CallError } from '@valora/chassis';
import type { UsageQuery as UsageQueryMessage } from '@valora/contracts/valora/metering/v1/usage';

/** As many as a run of 100 metered items in 50 cycles asks. */
const QUERIES_PER_CALL_MAX = 5_000;
/** Of at most 75 bytes each, so that they fill less than half of what a request may have. A query has at most 10,000. */
const RANGES_PER_CALL_MAX = 100_000;

const TOO_MUCH = new Set(['TOO_MANY_GROUPS', 'TOO_MANY_EVENT_VALUES']);

/** The queries in their order, as many at a time as one call takes. */
export function* callsOf(queries: readonly UsageQueryMessage[]): Generator<readonly UsageQueryMessage[], void, undefined> {
  let call: UsageQueryMessage[] = [];
  let ranges = 0;
  for (const query of queries) {
    const own = rangesOf(query);
    if (call.length === QUERIES_PER_CALL_MAX || (call.length > 0 && ranges + own > RANGES_PER_CALL_MAX)) {
      yield call;
      [call, ranges] = [[], 0];
    }
    call.push(query);
    ranges += own;
  }
  if (call.length > 0) yield call;
}

function rangesOf({ lateness }: UsageQueryMessage): number {
  switch (lateness?.policy?.$case) {
    case 'hold': return lateness.policy.value.earlier.length;
    case 'carryForward': return lateness.policy.value.carried.length;
    default: return 0;
  }
}

/** Calls with the queries, and again with each half of them where the answer would be too much. */
export async function inHalves<Answer>(queries: readonly UsageQueryMessage[], call: (queries: readonly UsageQueryMessage[]) => Promise<readonly Answer[]>): Promise<readonly Answer[]> {
  try {
    return await call(queries);
  } catch (error) {
    if (queries.length === 1 || !isTooMuch(error)) throw error;
    const half = Math.trunc(queries.length / 2);
    return [...await inHalves(queries.slice(0, half), call), ...await inHalves(queries.slice(half), call)];
  }
}

/** Without a reason RESOURCE_EXHAUSTED is the transport's word about a message that is too long. */
function isTooMuch(error: unknown): boolean {
  return error instanceof CallError && (TOO_MUCH.has(error.reason) || (error.code === status.RESOURCE_EXHAUSTED && error.reason === ''));
}
