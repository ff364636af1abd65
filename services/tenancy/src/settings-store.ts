/** Settings versions in the database. */
import { queryOne, sqlOf } from '@valora/chassis';
import { instant, type LatenessPolicy, type RoundingMode } from '@valora/rating';
import type { Transaction } from './dependencies.ts';
import type { SettingsVersion as SettingsVersionRow } from './generated/prisma/client.ts';
import type { SettingsVersion } from './settings.ts';

/** Lets one change of the organization's settings follow another: each needs the version before it. Held until the transaction ends. */
export async function lockSettings(tx: Transaction, organizationId: string): Promise<void> {
  await queryOne(sqlOf(tx), `select pg_advisory_xact_lock(hashtextextended('settings ' || $1::text, 0))::text`, [organizationId]);
}

export async function insertSettingsVersion(tx: Transaction, organizationId: string, settings: SettingsVersion): Promise<void> {
  await tx.settingsVersion.create({ data: { organizationId, ...settings } });
}

/** The version in force, or null where there is no such organization. */
export async function findSettingsInForce(tx: Transaction, organizationId: string): Promise<SettingsVersion | null> {
  const row = await tx.settingsVersion.findFirst({ where: { organizationId }, orderBy: { version: 'desc' } });
  return row === null ? null : settingsVersionFromRow(row);
}

/** All versions in the order of recording. */
export async function listSettings(tx: Transaction, organizationId: string): Promise<SettingsVersion[]> {
  return (await tx.settingsVersion.findMany({ where: { organizationId }, orderBy: { version: 'asc' } })).map(settingsVersionFromRow);
}

function settingsVersionFromRow({ version, recordedTime, timeZone, roundingMode, graceMicros, keepZeroLines, latenessPolicy }: SettingsVersionRow): SettingsVersion {
  return {
    version, recordedTime: instant(recordedTime), timeZone, graceMicros, keepZeroLines,
    roundingMode: roundingModeFromRow(roundingMode), latenessPolicy: latenessPolicyFromRow(latenessPolicy),
  };
}

function latenessPolicyFromRow(text: string): LatenessPolicy {
  if (text === 'ADJUST' || text === 'HOLD' || text === 'CARRY_FORWARD') return text;
  throw new Error(`a stored lateness policy reads ${text}`);
}

function roundingModeFromRow(text: string): RoundingMode {
  if (text === 'HALF_UP' || text === 'HALF_EVEN') return text;
  throw new Error(`a stored rounding mode reads ${text}`);
}
