// What subscription asks of other services, as functions. Nothing here is asked from within a transaction.
import { status } from '@grpc/grpc-js';
import { CallError, commonErrors, instantFromTimestamp, timestampFromInstant, type OutgoingContext, type Peer, type Timestamp } from '@valora/chassis';
import { CatalogServiceService, type Plan as PlanMessage } from '@valora/contracts/valora/pricing/v1/catalog';
import { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import { OrganizationServiceService, RoundingMode as RoundingModeMessage, type SettingsVersion as SettingsVersionMessage } from '@valora/contracts/valora/tenancy/v1/organization';
import { PeriodInterval as PeriodIntervalMessage } from '@valora/contracts/valora/type/v1/period';
import type { Instant, PeriodInterval, RoundingMode, SettingsVersion } from '@valora/rating';
import type { PlanOffer } from './plan-offer.ts';

export interface Sources {
  /** The latest version of a plan; null if there is no such plan. */
  findPlan(context: OutgoingContext, code: string): Promise<PlanOffer | null>;
  /** The zone of customers that have none of their own, by the settings in force. */
  findTimeZone(context: OutgoingContext): Promise<string>;
  /** Every version of the settings, of which those recorded before `throughTime` are final. */
  sealedSettings(context: OutgoingContext, throughTime: Instant): Promise<readonly SettingsVersion[]>;
}

const intervals: Readonly<Record<number, PeriodInterval>> = {
  [PeriodIntervalMessage.DAY]: 'DAY',
  [PeriodIntervalMessage.WEEK]: 'WEEK',
  [PeriodIntervalMessage.MONTH]: 'MONTH',
  [PeriodIntervalMessage.QUARTER]: 'QUARTER',
  [PeriodIntervalMessage.YEAR]: 'YEAR',
};
const roundingModes: Readonly<Record<number, RoundingMode>> = { [RoundingModeMessage.HALF_UP]: 'HALF_UP', [RoundingModeMessage.HALF_EVEN]: 'HALF_EVEN' };
const MICROS_PER_SECOND = 1_000_000n;

export function createSources({ tenancy, pricing }: { tenancy: Peer; pricing: Peer }): Sources {
  const organizations = tenancy.stub(OrganizationServiceService);
  const tenancyFence = tenancy.stub(TenancyFence);
  const catalog = pricing.stub(CatalogServiceService);

  async function sealTenancy(context: OutgoingContext, throughTime: Instant): Promise<void> {
    try {
      await tenancyFence.sealThrough(context, { throughTime: timestampFromInstant(throughTime) });
    } catch (error) {
      // Its clock is a little behind ours, or its sandbox clock is moved a moment later.
      if (error instanceof CallError && error.reason === 'SEAL_IN_FUTURE') throw commonErrors.UNAVAILABLE();
      throw error;
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
      await sealTenancy(context, throughTime);
      const { settingsVersions } = await organizations.listSettingsVersions(context, {});
      return settingsVersions.map(settingsFromProto);
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

function settingsFromProto({ recordedTime, settings }: SettingsVersionMessage): SettingsVersion {
  const { timeZone, roundingMode, grace, keepZeroLines } = present(settings, 'settings');
  return {
    recordedTime: instantFromTimestamp(present(recordedTime, 'a recorded time')),
    roundingMode: present(roundingModes[roundingMode], 'a rounding mode'),
    graceMicros: durationMicros(grace ?? { seconds: 0n, nanos: 0 }),
    keepZeroLines,
    timeZone,
  };
}

function durationMicros({ seconds, nanos }: Timestamp): bigint {
  return seconds * MICROS_PER_SECOND + BigInt(nanos) / 1000n;
}

function present<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`a service answered without ${name}`);
  return value;
}
