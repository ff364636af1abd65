/**
 * Settings: what an organization may change about its billing.
 *
 * Each change is a new version with a recorded time; none replaces another. A billing run reads the settings known before its cycle's cutoff, so a billed cycle is never
 * reached by a later change. The first version also holds for all time before it. The trap: the version in force *now* is for answers only and decides no amount.
 */
import { timestampFromInstant, type Fields } from '@valora/chassis';
import {
  LatenessPolicy as LatenessPolicyNumber, RoundingMode as RoundingModeNumber, type Settings as SettingsMessage, type SettingsVersion as SettingsVersionMessage,
} from '@valora/contracts/valora/tenancy/v1/organization';
import type { LatenessPolicy, RoundingMode, SettingsVersion as RecordedSettings } from '@valora/rating';

export interface SettingsVersion extends RecordedSettings {
  /** 1, 2, 3 … */
  readonly version: number;
}

export type Settings = Omit<RecordedSettings, 'recordedTime'>;

const MICROS_PER_SECOND = 1_000_000n;
const GRACE_MICROS_MAX = 90n * 86_400n * MICROS_PER_SECOND;
const TIME_ZONE_DEFAULT = 'UTC';

const ROUNDING_MODES = {
  [RoundingModeNumber.UNSPECIFIED]: 'HALF_UP',
  [RoundingModeNumber.HALF_UP]: 'HALF_UP',
  [RoundingModeNumber.HALF_EVEN]: 'HALF_EVEN',
} as const satisfies Record<number, RoundingMode>;

const LATENESS_POLICIES = {
  [LatenessPolicyNumber.UNSPECIFIED]: 'ADJUST',
  [LatenessPolicyNumber.ADJUST]: 'ADJUST',
  [LatenessPolicyNumber.HOLD]: 'HOLD',
  [LatenessPolicyNumber.CARRY_FORWARD]: 'CARRY_FORWARD',
} as const satisfies Record<number, LatenessPolicy>;

/** Reads settings, with the defaults of the contract for what is not given. */
export function parseSettings(fields: Fields, field: string, message: Partial<SettingsMessage>): Settings {
  const { timeZone = '', roundingMode = RoundingModeNumber.UNSPECIFIED, grace, keepZeroLines = false, latenessPolicy = LatenessPolicyNumber.UNSPECIFIED } = message;
  return {
    timeZone: fields.timeZone(`${field}.time_zone`, timeZone === '' ? TIME_ZONE_DEFAULT : timeZone),
    roundingMode: fields.choice<RoundingMode>(`${field}.rounding_mode`, roundingMode, ROUNDING_MODES),
    graceMicros: fields.durationMicros(`${field}.grace`, grace, { microsMax: GRACE_MICROS_MAX }),
    keepZeroLines,
    latenessPolicy: fields.choice<LatenessPolicy>(`${field}.lateness_policy`, latenessPolicy, LATENESS_POLICIES),
  };
}

export function settingsToProto({ timeZone, roundingMode, graceMicros, keepZeroLines, latenessPolicy }: Settings): SettingsMessage {
  const grace = { seconds: graceMicros / MICROS_PER_SECOND, nanos: Number(graceMicros % MICROS_PER_SECOND) * 1000 };
  return { timeZone, roundingMode: RoundingModeNumber[roundingMode], grace, keepZeroLines, latenessPolicy: LatenessPolicyNumber[latenessPolicy] };
}

export function settingsVersionToProto(settings: SettingsVersion): SettingsVersionMessage {
  return { version: settings.version, recordedTime: timestampFromInstant(settings.recordedTime), settings: settingsToProto(settings) };
}
