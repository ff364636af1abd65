// How each noun is shown: the columns of its table and its JSON.
import { textFromTimestamp, type Timestamp } from '@valora/client';
import { AuditRecord } from '@valora/contracts/valora/audit/v1/audit';
import { CreditNote } from '@valora/contracts/valora/invoicing/v1/credit_note';
import { Invoice, InvoiceState } from '@valora/contracts/valora/invoicing/v1/invoice';
import { Aggregation, Meter } from '@valora/contracts/valora/metering/v1/meter';
import { Plan, Price, VersionResolution } from '@valora/contracts/valora/pricing/v1/catalog';
import { Job, JobRun } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { BillingCycle, BillingCycleState, SetAsideCycle } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { Customer } from '@valora/contracts/valora/subscription/v1/customer';
import { Subscription, SubscriptionState } from '@valora/contracts/valora/subscription/v1/subscription';
import { ApiKey } from '@valora/contracts/valora/tenancy/v1/api_key';
import { Organization } from '@valora/contracts/valora/tenancy/v1/organization';
import type { Money } from '@valora/contracts/valora/type/v1/money';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { enumName } from './enum-names.ts';
import type { Column, ListShape } from './output.ts';
import { protoJson } from './proto-json.ts';

export function time(timestamp: Timestamp | undefined): string {
  return timestamp === undefined ? '' : textFromTimestamp(timestamp);
}

export function money(value: Money | undefined): string {
  return value === undefined ? '' : `${value.amount} ${value.currencyCode}`;
}

function column<Row>(title: string, text: (row: Row) => string, right = false): Column<Row> {
  return { title, text, right };
}

const code = <Row extends { readonly code: string }>(): Column<Row> => column('CODE', ({ code }) => code);
const recorded = <Row extends { readonly recordedTime?: Timestamp | undefined }>(): Column<Row> => column('RECORDED', ({ recordedTime }) => time(recordedTime));

export const organizationShape: ListShape<Organization> = {
  json: protoJson('valora.tenancy.v1.Organization', Organization).toJson,
  columns: [
    column('ORGANIZATION', ({ organizationId }) => organizationId), column('NAME', ({ displayName }) => displayName), column('CURRENCY', ({ currencyCode }) => currencyCode),
    column('SANDBOX', ({ sandbox }) => (sandbox ? 'yes' : 'no')), recorded(),
  ],
};

export const apiKeyShape: ListShape<ApiKey> = {
  json: protoJson('valora.tenancy.v1.ApiKey', ApiKey).toJson,
  columns: [
    column('KEY', ({ keyId }) => keyId), column('NAME', ({ displayName }) => displayName), column('SCOPES', ({ scopes }) => scopes.join(',')), recorded(),
    column('EXPIRES', ({ expireTime }) => time(expireTime)), column('REVOKED', ({ revokedTime }) => time(revokedTime)),
  ],
};

export const meterShape: ListShape<Meter> = {
  json: protoJson('valora.metering.v1.Meter', Meter).toJson,
  columns: [
    code(), column('NAME', ({ displayName }) => displayName), column('AGGREGATION', ({ aggregation, uniqueProperty }) => `${enumName(Aggregation, aggregation)}${uniqueProperty === '' ? '' : ` of ${uniqueProperty}`}`),
    column('BELOW ZERO', ({ takesNegativeValues }) => (takesNegativeValues ? 'yes' : 'no')),
    column('FILTERS', ({ filters }) => filters.map(({ property, values }) => `${property}=${values.join('|')}`).join(' ')), recorded(),
  ],
};

export const priceShape: ListShape<Price> = {
  json: protoJson('valora.pricing.v1.Price', Price).toJson,
  columns: [
    code(), column('NAME', ({ displayName }) => displayName), column('METER', ({ meter }) => meter), column('CURRENCY', ({ currencyCode }) => currencyCode),
    column('RESOLUTION', ({ versionResolution }) => enumName(VersionResolution, versionResolution)), column('VERSIONS', ({ versions }) => String(versions.length), true), column('LATEST FROM', ({ versions }) => time(versions.at(-1)?.effectiveFromTime)), recorded(),
  ],
};

export const planShape: ListShape<Plan> = {
  json: protoJson('valora.pricing.v1.Plan', Plan).toJson,
  columns: [
    code(), column('NAME', ({ displayName }) => displayName), column('VERSION', ({ version }) => String(version), true),
    column('PERIOD', ({ interval, intervalCount }) => `${intervalCount} ${enumName(PeriodInterval, interval)}`), column('PRICES', ({ prices }) => prices.join(',')), recorded(),
  ],
};

export const customerShape: ListShape<Customer> = {
  json: protoJson('valora.subscription.v1.Customer', Customer).toJson,
  columns: [column('CUSTOMER', ({ reference }) => reference), column('NAME', ({ displayName }) => displayName), column('TIME ZONE', ({ timeZone }) => timeZone), recorded()],
};

export const subscriptionShape: ListShape<Subscription> = {
  json: protoJson('valora.subscription.v1.Subscription', Subscription).toJson,
  columns: [
    column('SUBSCRIPTION', ({ reference }) => reference), column('CUSTOMER', ({ customer }) => customer), column('PLAN', ({ plan, planVersion }) => `${plan} ${planVersion}`),
    column('STATE', ({ state }) => enumName(SubscriptionState, state)), column('START', ({ startTime }) => time(startTime)), column('CANCELED FROM', ({ cancelTime }) => time(cancelTime)),
  ],
};

export const cycleShape: ListShape<BillingCycle> = {
  json: protoJson('valora.subscription.v1.BillingCycle', BillingCycle).toJson,
  columns: [
    column('CYCLE', ({ cycleIndex }) => String(cycleIndex), true), column('START', ({ period }) => time(period?.startTime)), column('END', ({ period }) => time(period?.endTime)),
    column('CUTOFF', ({ cutoffTime }) => time(cutoffTime)), column('STATE', ({ state }) => enumName(BillingCycleState, state)),
  ],
};

export const setAsideShape: ListShape<SetAsideCycle> = {
  json: protoJson('valora.subscription.v1.SetAsideCycle', SetAsideCycle).toJson,
  columns: [
    column('SUBSCRIPTION', ({ cycle }) => cycle?.subscription ?? ''), column('CYCLE', ({ cycle }) => String(cycle?.cycleIndex ?? ''), true), column('FAILURES', ({ failureCount }) => String(failureCount), true),
    column('LAST', ({ failureTime }) => time(failureTime)), column('REASON', ({ reason }) => reason), column('MESSAGE', ({ message }) => message),
  ],
};

export const invoiceShape: ListShape<Invoice> = {
  json: protoJson('valora.invoicing.v1.Invoice', Invoice).toJson,
  columns: [
    column('NUMBER', ({ number }) => (number === 0n ? '' : String(number)), true), column('INVOICE', ({ invoiceId }) => invoiceId), column('STATE', ({ state }) => enumName(InvoiceState, state)),
    column('CUSTOMER', ({ customer }) => customer), column('SUBSCRIPTION', ({ subscription }) => subscription), column('RUN', ({ runIndex }) => String(runIndex), true),
    column('ISSUED', ({ issueTime }) => time(issueTime)), column('TOTAL', ({ total }) => money(total), true),
  ],
};

export const creditNoteShape: ListShape<CreditNote> = {
  json: protoJson('valora.invoicing.v1.CreditNote', CreditNote).toJson,
  columns: [
    column('CREDIT NOTE', ({ creditNoteId }) => creditNoteId), column('CUSTOMER', ({ customer }) => customer), column('SUBSCRIPTION', ({ subscription }) => subscription),
    column('RUN', ({ runIndex }) => String(runIndex), true), column('ISSUED', ({ issueTime }) => time(issueTime)), column('AMOUNT', ({ amount }) => money(amount), true),
    column('REMAINING', ({ remaining }) => money(remaining), true),
  ],
};

export const jobRunShape: ListShape<JobRun> = {
  json: protoJson('valora.scheduler.v1.JobRun', JobRun).toJson,
  columns: [
    column('JOB', ({ job }) => enumName(Job, job)), column('START', ({ startTime }) => time(startTime)), column('END', ({ endTime }) => time(endTime)),
    column('PROCESSED', ({ processedCount }) => String(processedCount), true), column('FAILED', ({ failedCount }) => String(failedCount), true), column('ERROR', ({ error }) => error),
  ],
};

export const auditShape: ListShape<AuditRecord> = {
  json: protoJson('valora.audit.v1.AuditRecord', AuditRecord).toJson,
  columns: [
    column('SEQUENCE', ({ sequence }) => String(sequence), true), column('RECORDED', ({ recordedTime }) => time(recordedTime)), column('ACTOR', ({ actor }) => actor),
    column('ACTION', ({ action }) => action), column('SUBJECT', ({ subject }) => subject),
  ],
};
