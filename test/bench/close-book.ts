// The month that is closed: an organization in a sandbox with a plan, subscriptions and their usage, standing at the end of its first cycles with nothing closed yet.
import { timestampFromInstant, type OutgoingContext, type Stub } from '@valora/chassis';
import { callerOf, createPlan, subscribe, type Caller, type Connection } from '@valora/cli';
import { FenceServiceService as InvoicingFence } from '@valora/contracts/valora/invoicing/v1/fence';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { FenceServiceService as PricingFence } from '@valora/contracts/valora/pricing/v1/fence';
import { Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { FenceServiceService as SubscriptionFence } from '@valora/contracts/valora/subscription/v1/fence';
import { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import { instant, parseInstant, type Instant } from '@valora/rating';
import type { BenchValora } from './bench-valora.ts';
import { copySubscriptions, referenceOf } from './copy-subscriptions.ts';
import { graduatedTiers } from './rating-models.ts';
import { sendAll, type Progress } from './rounds.ts';
import { runJobs } from './run-jobs.ts';

export interface Book {
  readonly organizationId: string;
  readonly connection: Connection;
  readonly subscriptions: number;
}

export const METERS = ['tokens', 'calls'] as const;
const START = '2026-01-01T00:00:00Z';
const AFTER_END = parseInstant('2026-02-02T00:00:00Z');
/** The month's events come in so many waves, the clock moving on between them, so that none is late. */
const WAVES_MAX = 10;
const MONTH_MICROS = 30n * 86_400_000_000n;
const WAVE_MICROS = 3_000_000_000n;
const EVENTS_PER_REQUEST = 1_000;
const REQUESTS_AT_ONCE = 4;
const CALL_MS = 10 * 60_000;

export async function makeBook(
  valora: BenchValora, { subscriptions, eventsPerSubscription, progress }: { readonly subscriptions: number; readonly eventsPerSubscription: number; readonly progress: Progress },
): Promise<Book> {
  const { organizationId, connection } = await valora.createOrganization(START);
  const caller = callerOf(connection);
  const tiers = graduatedTiers.map(({ upTo, unitAmount, flatAmount }) => ({ upTo: upTo ?? '', unitAmount, flatAmount: flatAmount ?? '' }));
  await createPlan(caller, {
    plan: 'month', currencyCode: 'USD', effectiveFrom: START,
    prices: [
      { code: 'fee', displayName: 'Platform fee', meter: null, model: { $case: 'flat', value: { amount: '20' } } },
      ...METERS.map((meter) => ({ code: meter, displayName: meter, meter, model: { $case: 'graduated', value: { tiers } } as const })),
    ],
  });
  await subscribe(caller, { customer: referenceOf(0), plan: 'month', startTime: START });
  await copySubscriptions(valora.owner, organizationId, subscriptions);
  await runJobs(valora, Job.OPEN_CYCLES, subscriptions);
  await recordMonth(valora, { caller, organizationId, subscriptions, eventsPerSubscription, progress });
  await setClock(valora, organizationId, AFTER_END);
  await valora.owner.query('analyze metering.usage_event, metering.usage_key, subscription.billing_cycle, subscription.subscription, subscription.subscription_fact, subscription.subscription_item');
  return { organizationId, connection, subscriptions };
}

export function contextFor(organizationId: string): OutgoingContext {
  return { organizationId, caller: { actor: 'bench' }, deadlineMs: Date.now() + CALL_MS, callDepth: 0 };
}

/** Moves the sandbox's clock in every service, and does none of the work that falls due. Subscription comes last, as in AdvanceClock. */
async function setClock({ peer }: BenchValora, organizationId: string, time: Instant): Promise<void> {
  const fences: readonly Pick<Stub<typeof TenancyFence>, 'setClock'>[] =
    [peer.stub(MeteringFence), peer.stub(PricingFence), peer.stub(TenancyFence), peer.stub(InvoicingFence), peer.stub(SubscriptionFence)];
  for (const fence of fences) await fence.setClock(contextFor(organizationId), { currentTime: timestampFromInstant(time) });
}

interface Month {
  readonly caller: Caller;
  readonly organizationId: string;
  readonly subscriptions: number;
  readonly eventsPerSubscription: number;
  readonly progress: Progress;
}

async function recordMonth(valora: BenchValora, { caller, organizationId, subscriptions, eventsPerSubscription, progress }: Month): Promise<void> {
  const waves = Math.min(WAVES_MAX, eventsPerSubscription);
  for (let wave = 0; wave < waves; wave += 1) {
    const first = Math.trunc((wave * eventsPerSubscription) / waves), end = Math.trunc(((wave + 1) * eventsPerSubscription) / waves);
    const waveTime = instant(parseInstant(START) + (MONTH_MICROS * BigInt(wave + 1)) / BigInt(waves));
    await setClock(valora, organizationId, waveTime);
    const count = (end - first) * subscriptions;
    const requests = Array.from({ length: Math.ceil(count / EVENTS_PER_REQUEST) }, (_, request) => request * EVENTS_PER_REQUEST);
    await sendAll(requests, REQUESTS_AT_ONCE, async (from) => {
      const events = Array.from({ length: Math.min(EVENTS_PER_REQUEST, count - from) }, (_, offset) => {
        const position = from + offset;
        const customer = position % subscriptions, number = first + Math.trunc(position / subscriptions);
        return {
          idempotencyKey: `${wave}-${String(position).padStart(9, '0')}`, meter: METERS[number % METERS.length] ?? '', customer: referenceOf(customer), subscription: '', properties: new Map<string, string>(),
          eventTime: timestampFromInstant(instant(waveTime - WAVE_MICROS + (WAVE_MICROS * BigInt(position)) / BigInt(count))), value: `${(position * 7_919) % 20_000}.5`,
        };
      });
      const { outcomes } = await caller.usage.recordUsage({ events });
      const unstored = outcomes.find(({ outcome }) => outcome !== UsageOutcome.RECORDED);
      if (unstored !== undefined) throw new Error(`event ${unstored.idempotencyKey} was not stored: ${unstored.reason} ${unstored.message}`);
    });
    if (count >= EVENTS_PER_REQUEST * waves) progress(`recorded ${end * subscriptions} of ${eventsPerSubscription * subscriptions} events`);
  }
}
