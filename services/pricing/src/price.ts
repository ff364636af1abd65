// A price of the catalog: the core's Price and when it was created. Its code, name, meter, currency and resolution of versions are fixed;
// what it costs is in its versions, which only ever grow in number.
import { timestampFromInstant, type Fields } from '@valora/chassis';
import { BillingTiming, VersionResolution, type Price as PriceMessage, type PriceVersion as PriceVersionMessage } from '@valora/contracts/valora/pricing/v1/catalog';
import type { Instant, Price, PriceVersion } from '@valora/rating';
import { priceModelToProto } from './price-model.ts';
import { priceModifiersToProto } from './price-modifiers.ts';

export interface CatalogPrice extends Price {
  readonly recordedTime: Instant;
}

/** What a caller chooses about a new price. */
export type PriceDraft = Pick<Price, 'code' | 'displayName' | 'meterCode' | 'currencyCode' | 'versionResolution'>;

const DISPLAY_NAME_LENGTH_MAX = 200;
const resolutionMessages: Readonly<Record<Price['versionResolution'], VersionResolution>> = { PERIOD_START: VersionResolution.PERIOD_START, SPLIT: VersionResolution.SPLIT };
export const VERSION_RESOLUTIONS = ['PERIOD_START', 'SPLIT'] as const satisfies readonly Price['versionResolution'][];

/** `currencyCode` is the organization's, the only one its prices may have. */
export function parsePrice(fields: Fields, message: PriceMessage, currencyCode: string): PriceDraft {
  fields.choice('price.billing_timing', message.billingTiming, { [BillingTiming.UNSPECIFIED]: 'IN_ARREARS', [BillingTiming.IN_ARREARS]: 'IN_ARREARS' });
  if (message.currencyCode !== currencyCode) {
    fields.refuse('price.currency_code', 'CURRENCY_MISMATCH', `Must be ${currencyCode}, the currency of your organization.`);
  }
  return {
    code: fields.code('price.code', message.code),
    displayName: fields.text('price.display_name', message.displayName, { lengthMin: 1, lengthMax: DISPLAY_NAME_LENGTH_MAX }),
    meterCode: message.meter === '' ? null : fields.code('price.meter', message.meter),
    currencyCode,
    versionResolution: fields.choice('price.version_resolution', message.versionResolution, {
      [VersionResolution.UNSPECIFIED]: 'PERIOD_START', [VersionResolution.PERIOD_START]: 'PERIOD_START', [VersionResolution.SPLIT]: 'SPLIT',
    } as const),
  };
}

export function priceToProto({ code, displayName, meterCode, currencyCode, versionResolution, recordedTime, versions, bounds }: CatalogPrice): PriceMessage {
  return {
    code,
    displayName,
    meter: meterCode ?? '',
    currencyCode,
    billingTiming: BillingTiming.IN_ARREARS,
    recordedTime: timestampFromInstant(recordedTime),
    versions: versions.map(priceVersionToProto),
    bounds: bounds.map((bound) => ({
      version: bound.version,
      effectiveToTime: timestampFromInstant(bound.effectiveTo),
      recordedTime: timestampFromInstant(bound.recordedTime),
    })),
    versionResolution: resolutionMessages[versionResolution],
  };
}

export function priceVersionToProto({ version, effectiveFrom, effectiveTo, model, modifiers, recordedTime }: PriceVersion): PriceVersionMessage {
  return {
    version,
    effectiveFromTime: timestampFromInstant(effectiveFrom),
    effectiveToTime: effectiveTo === null ? undefined : timestampFromInstant(effectiveTo),
    model: priceModelToProto(model),
    recordedTime: timestampFromInstant(recordedTime),
    modifiers: modifiers === undefined ? undefined : priceModifiersToProto(modifiers),
  };
}
