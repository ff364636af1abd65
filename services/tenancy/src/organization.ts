/**
 * An organization: the tenant. Everything that is stored belongs to exactly one, and its id leads every key.
 *
 * Currency and kind (sandbox or not) are fixed at creation, because amounts and recorded times already stored depend on them; what may change is in its settings.
 */
import { timestampFromInstant, type Fields } from '@valora/chassis';
import type { Organization as OrganizationMessage } from '@valora/contracts/valora/tenancy/v1/organization';
import type { Instant } from '@valora/rating';
import { settingsToProto, type Settings } from './settings.ts';

export interface Organization {
  readonly organizationId: string;
  readonly displayName: string;
  readonly currencyCode: string;
  /** Whether it has a clock of its own. */
  readonly sandbox: boolean;
  readonly recordedTime: Instant;
}

const ORGANIZATION_ID = /^org_[a-z0-9-]{1,40}$/;

/** The id an operator wants for a new organization. */
export function parseOrganizationId(fields: Fields, field: string, value: string): string {
  if (!ORGANIZATION_ID.test(value)) fields.refuse(field, 'MALFORMED', 'Must be `org_` and 1 to 40 of a-z, 0-9 and `-`; or empty.');
  return value;
}

export function organizationToProto(organization: Organization, settings: Settings): OrganizationMessage {
  const { organizationId, displayName, currencyCode, sandbox, recordedTime } = organization;
  return { organizationId, displayName, currencyCode, sandbox, recordedTime: timestampFromInstant(recordedTime), settings: settingsToProto(settings) };
}
