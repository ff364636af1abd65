// OpenSettlementCycles: usage of a canceled subscription that was recorded after the cutoff of its last run belongs to no run yet.
// A settlement is a cycle of no length with the cutoff that follows from when the first of it was recorded, so it comes to the
// same whenever somebody looks. That is why looking may be lazy: soon after the last run, ever more seldom later, at least daily.
import { Fields, type CallContext } from '@valora/chassis';
import { BillingCycleServiceService, type OpenSettlementCyclesRequest, type OpenSettlementCyclesResponse } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { instant, settingsKnownBefore, settlementCutoff, type Instant } from '@valora/rating';
import { findSealedClock } from './billing-cycle-store.ts';
import type { BillingCycle } from './billing-cycle.ts';
import type { SubscriptionDatabase } from './database.ts';
import { storeOpenedCycles, type OpenedCycles } from './opening-store.ts';
import { findEndedSubscriptions, postponeChecks, type EndedSubscription } from './settlement-store.ts';
import type { Sources } from './sources.ts';

export interface SettlingDependencies {
  readonly database: SubscriptionDatabase;
  readonly sources: Pick<Sources, 'sealedSettings' | 'findFirstRecorded'>;
}

const SUBSCRIPTIONS_MAX = 1_000;
const CHECK_DELAY_MICROS_MIN = 60_000_000n;
const CHECK_DELAY_MICROS_MAX = 86_400_000_000n;
/** The delay until the next look is this part of the time since the last cutoff. */
const AGE_PER_DELAY = 10n;

export async function openSettlementCycles(dependencies: SettlingDependencies, context: CallContext, request: OpenSettlementCyclesRequest): Promise<OpenSettlementCyclesResponse> {
  const fields = new Fields();
  const limit = fields.integer('batch_size_max', request.batchSizeMax, { min: 1, max: SUBSCRIPTIONS_MAX });
  fields.check();
  const { database } = dependencies;
  const now = await findSealedClock(database, context.organizationId);
  let openedCount = 0;
  if (now === null) return { openedCount, more: false };
  for (let after = ''; ; ) {
    const ended = await database.bulk(context.organizationId, (sql) => findEndedSubscriptions(sql, { now, after: request.all ? after : null, limit }));
    openedCount += await settle(dependencies, context, now, ended);
    const last = ended.at(-1);
    if (!request.all || last === undefined || ended.length < limit) return { openedCount, more: !request.all && ended.length === limit };
    after = last.reference;
  }
}

/** Looks at these subscriptions until nothing more is found: one settlement may be followed by usage recorded after its own cutoff. */
async function settle({ database, sources }: SettlingDependencies, context: CallContext, now: Instant, ended: readonly EndedSubscription[]): Promise<number> {
  let openedCount = 0;
  for (let looking = ended; looking.length > 0; ) {
    const firstRecorded = await sources.findFirstRecorded(context, looking, now);
    const unfound = looking.filter(({ reference }) => !firstRecorded.has(reference));
    await database.bulk(context.organizationId, (sql) => postponeChecks(sql, unfound.map((each) => ({ ...each, checkTime: nextCheck(each, now) }))));
    if (firstRecorded.size === 0) return openedCount;
    const settings = await sources.sealedSettings(context, now);
    const settlements = looking.flatMap((each) => {
      const recordedTime = firstRecorded.get(each.reference);
      return recordedTime === undefined ? [] : [{ ended: each, cycle: settlementCycle(each, { recordedTime, graceMicros: settingsKnownBefore(settings, recordedTime).graceMicros }) }];
    });
    const opened = settlements.map(({ ended: { cancelDoneTime }, cycle }): OpenedCycles => ({ cancelDoneTime, cycles: [cycle] }));
    openedCount += await database.bulk(context.organizationId, (sql) => storeOpenedCycles(sql, { context, action: BillingCycleServiceService.openSettlementCycles.path }, opened));
    // Where another was quicker, its settlement is the same one.
    looking = settlements.map(({ ended, cycle }) => ({ ...ended, nextIndex: ended.nextIndex + 1, last: cycle })).filter(({ last }) => last.cutoff <= now);
  }
  return openedCount;
}

/** Of no length, at the moment the cancel was done. */
function settlementCycle({ reference, nextIndex, cancelDoneTime, last }: EndedSubscription, { recordedTime, graceMicros }: { recordedTime: Instant; graceMicros: bigint }): BillingCycle {
  const cutoff = settlementCutoff({ previousCutoff: last.cutoff, recordedTime, graceMicros });
  return { subscriptionReference: reference, index: nextIndex, start: cancelDoneTime, end: cancelDoneTime, cutoff, graceMicros, tzdataVersion: last.tzdataVersion, state: 'OPEN', runDigest: null };
}

function nextCheck({ last }: EndedSubscription, now: Instant): Instant {
  const delay = (now - last.cutoff) / AGE_PER_DELAY;
  const bounded = delay < CHECK_DELAY_MICROS_MIN ? CHECK_DELAY_MICROS_MIN : delay > CHECK_DELAY_MICROS_MAX ? CHECK_DELAY_MICROS_MAX : delay;
  return instant((last.cutoff > now ? last.cutoff : now) + bounded);
}
