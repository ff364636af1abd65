// OpenDueCycles: read who is due, ask tenancy for the settings known by then, decide, store. The asking happens between two
// transactions, and the second takes only what nobody else has opened meanwhile, so any number of openers may run at once.
import { Fields, type CallContext } from '@valora/chassis';
import { BillingCycleServiceService, type OpenDueCyclesRequest, type OpenDueCyclesResponse } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import type { Instant } from '@valora/rating';
import { findSealedClock } from './billing-cycle-store.ts';
import type { SubscriptionDatabase } from './database.ts';
import { findDueSubscriptions, storeOpenedCycles } from './opening-store.ts';
import { duePeriods, openedCycles, type DuePeriod, type OpeningSubscription } from './opening.ts';
import type { Sources } from './sources.ts';

export interface OpeningDependencies {
  readonly database: SubscriptionDatabase;
  readonly sources: Pick<Sources, 'sealedSettings'>;
  /** The version of the time zone rules that this process computes with. */
  readonly tzdataVersion: string;
}

interface DueOpening {
  readonly subscription: OpeningSubscription;
  readonly periods: readonly DuePeriod[];
}

const CYCLES_MAX = 1_000;

export async function openDueCycles(dependencies: OpeningDependencies, context: CallContext, request: OpenDueCyclesRequest): Promise<OpenDueCyclesResponse> {
  const fields = new Fields();
  const batchSizeMax = fields.integer('batch_size_max', request.batchSizeMax, { min: 1, max: CYCLES_MAX });
  fields.check();
  let openedCount = 0;
  // Every round opens cycles or finds that another opener has; when nothing is due any more, it ends.
  while (openedCount < batchSizeMax) {
    const due = await findDueOpenings(dependencies, context, batchSizeMax - openedCount);
    if (due.length === 0) break;
    openedCount += await open(dependencies, context, due);
  }
  return { openedCount };
}

/** The due periods of the longest waiting subscriptions, `countMax` in all at most. */
async function findDueOpenings({ database }: OpeningDependencies, { organizationId }: CallContext, countMax: number): Promise<readonly DueOpening[]> {
  const now = await findSealedClock(database, organizationId);
  if (now === null) return [];
  const subscriptions = await database.bulk(organizationId, (sql) => findDueSubscriptions(sql, { now, limit: countMax }));
  const due: DueOpening[] = [];
  let left = countMax;
  for (const subscription of subscriptions) {
    if (left === 0) break;
    const periods = duePeriods(subscription, now, left);
    due.push({ subscription, periods });
    left -= periods.length;
  }
  return due;
}

async function open({ database, sources, tzdataVersion }: OpeningDependencies, context: CallContext, due: readonly DueOpening[]): Promise<number> {
  const latestStart = due.flatMap(({ periods }) => periods.map(({ start }) => start)).reduce<Instant | null>((latest, start) => (latest === null || start > latest ? start : latest), null);
  if (latestStart === null) return 0;
  const settings = await sources.sealedSettings(context, latestStart);
  const opened = due.map(({ subscription, periods }) => ({ cancelDoneTime: subscription.cancelDoneTime, cycles: openedCycles(subscription, periods, { settings, tzdataVersion }) }));
  return await database.bulk(context.organizationId, (sql) =>
    storeOpenedCycles(sql, { context, action: BillingCycleServiceService.openDueCycles.path }, opened));
}
