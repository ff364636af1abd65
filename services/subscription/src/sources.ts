// What subscription asks of other services, as functions. Nothing here is asked from within a transaction.
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { CallError, commonErrors, instantFromTimestamp, timestampFromInstant, type OutgoingContext, type Peer, type Stub, type Timestamp } from '@valora/chassis';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import { CatalogServiceService, type Plan as PlanMessage } from '@valora/contracts/valora/pricing/v1/catalog';
import { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import { OrganizationServiceService, type SettingsVersion as SettingsVersionMessage } from '@valora/contracts/valora/tenancy/v1/organization';
import { PeriodInterval as PeriodIntervalMessage } from '@valora/contracts/valora/type/v1/period';
import { knownFrom, type Instant, type Interval, type PeriodInterval, type SettingsVersion } from '@valora/rating';
import type { PlanOffer } from './plan-offer.ts';

/** What subscription needs of a version of the settings. */
export type GraceVersion = Pick<SettingsVersion, 'recordedTime' | 'graceMicros'>;

/** Where to look for usage that was recorded too late for the last run of a subscription. */
export interface LateUsageLook {
  readonly reference: string;
  readonly customerReference: string;
  readonly meterCodes: readonly string[];
  /** When it was in service. */
  readonly service: Interval;
  readonly last: { readonly cutoff: Instant };
}

export interface Sources {
  /** The latest version of a plan; null if there is no such plan. */
  findPlan(context: OutgoingContext, code: string): Promise<PlanOffer | null>;
  /** The zone of customers that have none of their own, by the settings in force. */
  findTimeZone(context: OutgoingContext): Promise<string>;
  /** By subscription, when the first usage of its time in service was recorded at or after its last cutoff, up to `now`; final. */
  findFirstRecorded(context: OutgoingContext, looks: readonly LateUsageLook[], now: Instant): Promise<ReadonlyMap<string, Instant>>;
  /** Every version of the settings, of which those recorded before `throughTime` are final. */
  sealedSettings(context: OutgoingContext, throughTime: Instant): Promise<readonly GraceVersion[]>;
}

const intervals: Readonly<Record<number, PeriodInterval>> = {
  [PeriodIntervalMessage.DAY]: 'DAY',
  [PeriodIntervalMessage.WEEK]: 'WEEK',
  [PeriodIntervalMessage.MONTH]: 'MONTH',
  [PeriodIntervalMessage.QUARTER]: 'QUARTER',
  [PeriodIntervalMessage.YEAR]: 'YEAR',
};
const MICROS_PER_SECOND = 1_000_000n;
const SEAL_ATTEMPTS_MAX = 20;
const SEAL_RETRY_MS = 100;

export function createSources({ tenancy, pricing, metering }: { tenancy: Peer; pricing: Peer; metering: Peer }): Sources {
  const organizations = tenancy.stub(OrganizationServiceService);
  const tenancyFence = tenancy.stub(TenancyFence);
  const meteringFence = metering.stub(MeteringFence);
  const usage = metering.stub(UsageServiceService);
  const catalog = pricing.stub(CatalogServiceService);

  /** Waits where its clock is a little behind ours, or its sandbox clock is moved a moment later. Whoever asks again later asks for a later time: without the wait it would never be reached. */
  async function seal(fence: Pick<Stub<typeof TenancyFence>, 'sealThrough'>, context: OutgoingContext, throughTime: Instant): Promise<void> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        await fence.sealThrough(context, { throughTime: timestampFromInstant(throughTime) });
        return;
      } catch (error) {
        if (!(error instanceof CallError) || error.reason !== 'SEAL_IN_FUTURE') throw error;
        if (attempts === SEAL_ATTEMPTS_MAX) throw commonErrors.UNAVAILABLE();
      }
      await delay(SEAL_RETRY_MS);
    }
  }

  return {
    async findPlan(context, code) {
      try {
        const plan = present((await catalog.getPlan(context, { code })).plan, 'a plan');
        const { prices } = await catalog.batchGetPrices(context, { codes: plan.prices });
        return planOfferFromProto(plan, new Map(prices.map((price) => [price.code, price.meter])));
      } catch (error) {
        if (error instanceof CallError && error.code === status.NOT_FOUND) return null;
        throw error;
      }
    },
    async findTimeZone(context) {
      const { settings } = present((await organizations.getOrganization(context, {})).organization, 'an organization');
      return present(settings, 'settings').timeZone;
    },
    async sealedSettings(context, throughTime) {
      await seal(tenancyFence, context, throughTime);
      const { settingsVersions } = await organizations.listSettingsVersions(context, {});
      return settingsVersions.map(graceFromProto);
    },
    async findFirstRecorded(context, looks, now) {
      // What is recorded before the last cutoff is in the last run. After `now` nothing earlier than `now` is recorded.
      const ripe = looks.filter(({ last }) => last.cutoff <= now);
      if (ripe.length === 0) return new Map();
      await seal(meteringFence, context, now);
      const queries = ripe.map(({ reference, customerReference, meterCodes, service, last }) => ({
        queryKey: reference, customer: customerReference, subscription: reference, meters: meterCodes,
        eventPeriod: { startTime: timestampFromInstant(service.start), endTime: timestampFromInstant(service.end) },
        recordedPeriod: { startTime: timestampFromInstant(last.cutoff), endTime: timestampFromInstant(knownFrom(now)) },
      }));
      const { lateUsages } = await usage.findLateUsage(context, { queries });
      return new Map(lateUsages.map(({ queryKey, earliestRecordedTime }) => [queryKey, instantFromTimestamp(present(earliestRecordedTime, 'a recorded time'))]));
    },
  };
}

function planOfferFromProto({ code, version, interval, intervalCount, prices }: PlanMessage, meterByPrice: ReadonlyMap<string, string>): PlanOffer {
  return {
    code,
    version,
    interval: present(intervals[interval], 'an interval'),
    intervalCount,
    prices: prices.map((price) => {
      const meter = present(meterByPrice.get(price), `price ${price}`);
      return { code: price, meterCode: meter === '' ? null : meter };
    }),
  };
}

function graceFromProto({ recordedTime, settings }: SettingsVersionMessage): GraceVersion {
  const { grace } = present(settings, 'settings');
  return { recordedTime: instantFromTimestamp(present(recordedTime, 'a recorded time')), graceMicros: durationMicros(grace ?? { seconds: 0n, nanos: 0 }) };
}

function durationMicros({ seconds, nanos }: Timestamp): bigint {
  return seconds * MICROS_PER_SECOND + BigInt(nanos) / 1000n;
}

function present<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`a service answered without ${name}`);
  return value;
}
