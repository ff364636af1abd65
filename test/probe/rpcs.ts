// Every rpc of the contracts with a request that names resources. `ids` are either another organization's or nobody's; the
// probe asserts that the two are answered alike. An rpc without an entry fails the build.
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import { BillingTiming, VersionResolution } from '@valora/contracts/valora/pricing/v1/catalog';
import { Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { CancelTiming } from '@valora/contracts/valora/subscription/v1/subscription';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { parseInstant } from '@valora/rating';
import { timestampFromInstant } from '@valora/chassis';
import * as apiKey from '@valora/contracts/valora/tenancy/v1/api_key';
import * as invoicingAudit from '@valora/contracts/valora/invoicing/v1/audit';
import * as meteringAudit from '@valora/contracts/valora/metering/v1/audit';
import * as pricingAudit from '@valora/contracts/valora/pricing/v1/audit';
import * as subscriptionAudit from '@valora/contracts/valora/subscription/v1/audit';
import * as tenancyAudit from '@valora/contracts/valora/tenancy/v1/audit';
import * as billingCycle from '@valora/contracts/valora/subscription/v1/billing_cycle';
import * as catalog from '@valora/contracts/valora/pricing/v1/catalog';
import * as creditNote from '@valora/contracts/valora/invoicing/v1/credit_note';
import * as customer from '@valora/contracts/valora/subscription/v1/customer';
import * as invoice from '@valora/contracts/valora/invoicing/v1/invoice';
import * as invoicingFence from '@valora/contracts/valora/invoicing/v1/fence';
import * as meter from '@valora/contracts/valora/metering/v1/meter';
import * as meteringFence from '@valora/contracts/valora/metering/v1/fence';
import * as organization from '@valora/contracts/valora/tenancy/v1/organization';
import * as pricingFence from '@valora/contracts/valora/pricing/v1/fence';
import * as scheduler from '@valora/contracts/valora/scheduler/v1/scheduler';
import * as subscription from '@valora/contracts/valora/subscription/v1/subscription';
import * as subscriptionFence from '@valora/contracts/valora/subscription/v1/fence';
import * as tenancyFence from '@valora/contracts/valora/tenancy/v1/fence';
import * as usage from '@valora/contracts/valora/metering/v1/usage';
import type { MethodDefinition } from '@grpc/grpc-js';

/** Names of things that exist in one organization only, or nowhere. */
export interface Ids {
  readonly keyId: string;
  readonly meter: string;
  readonly price: string;
  readonly plan: string;
  readonly customer: string;
  readonly subscription: string;
  readonly event: string;
  readonly invoice: string;
  readonly creditNote: string;
  readonly requestId: string;
}

const definitions = [
  organization.OrganizationServiceService, apiKey.ApiKeyServiceService, tenancyFence.FenceServiceService,
  meter.MeterServiceService, usage.UsageServiceService, meteringFence.FenceServiceService,
  catalog.CatalogServiceService, pricingFence.FenceServiceService,
  customer.CustomerServiceService, subscription.SubscriptionServiceService, billingCycle.BillingCycleServiceService, billingCycle.DueWorkServiceService, subscriptionFence.FenceServiceService,
  invoice.InvoiceServiceService, invoice.DueWorkServiceService, creditNote.CreditNoteServiceService, invoicingFence.FenceServiceService,
  scheduler.SchedulerServiceService,
  tenancyAudit.AuditServiceService, meteringAudit.AuditServiceService, pricingAudit.AuditServiceService, subscriptionAudit.AuditServiceService, invoicingAudit.AuditServiceService,
];

/** The generated definition of every rpc, by path. */
export const methods: ReadonlyMap<string, MethodDefinition<never, unknown>> = new Map(
  definitions.flatMap((definition) => Object.values(definition) as MethodDefinition<never, unknown>[]).map((method) => [method.path, method]));

const at = (text: string) => timestampFromInstant(parseInstant(text));
const period = { startTime: at('2026-01-01T00:00:00Z'), endTime: at('2026-02-01T00:00:00Z') };
const lease = { seconds: 1n, nanos: 0 };
const page = { pageSize: 0, pageToken: '' };
const usageEvent = (ids: Ids) => ({ idempotencyKey: ids.event, meter: ids.meter, customer: ids.customer, subscription: '', eventTime: at('2026-01-10T00:00:00Z'), value: '7', properties: new Map() });
const fence = (service: string) => ({
  [`/valora.${service}.v1.FenceService/SealThrough`]: () => ({ throughTime: at('2026-01-01T00:00:00Z') }),
  [`/valora.${service}.v1.FenceService/SetClock`]: () => ({ currentTime: at('2026-01-01T00:00:00Z') }),
});
const dueWork = (service: string) => ({
  [`/valora.${service}.v1.DueWorkService/ClaimOrganizations`]: () => ({ kind: 1, batchSizeMax: 1, leaseDuration: lease }),
  [`/valora.${service}.v1.DueWorkService/ReleaseOrganization`]: () => ({ kind: 1 }),
  [`/valora.${service}.v1.DueWorkService/GetNextDueTime`]: () => ({}),
});

const audit = (service: string) => ({
  [`/valora.${service}.v1.AuditService/ListAuditRecords`]: () => ({ afterSequence: 0n, pageSize: 0 }),
  [`/valora.${service}.v1.AuditService/TailAuditLog`]: () => ({ afterSequence: 0n }),
});

/** A request for each rpc, by path. */
export const requests: Readonly<Record<string, (ids: Ids) => object>> = {
  '/valora.tenancy.v1.OrganizationService/CreateOrganization': (ids) => ({ requestId: ids.requestId, organizationId: '', displayName: 'x', currencyCode: 'USD' }),
  '/valora.tenancy.v1.OrganizationService/ListOrganizations': () => page,
  '/valora.tenancy.v1.OrganizationService/GetOrganization': () => ({}),
  '/valora.tenancy.v1.OrganizationService/ChangeSettings': (ids) => ({ requestId: ids.requestId, settings: { timeZone: 'UTC', roundingMode: 1, grace: { seconds: 0n, nanos: 0 }, keepZeroLines: false, latenessPolicy: 1 } }),
  '/valora.tenancy.v1.OrganizationService/ListSettingsVersions': () => ({}),
  '/valora.tenancy.v1.ApiKeyService/CreateApiKey': (ids) => ({ requestId: ids.requestId, displayName: 'x', scopes: ['usage:read'] }),
  '/valora.tenancy.v1.ApiKeyService/ListApiKeys': () => page,
  '/valora.tenancy.v1.ApiKeyService/RevokeApiKey': (ids) => ({ requestId: ids.requestId, keyId: ids.keyId }),
  '/valora.tenancy.v1.ApiKeyService/GetApiKeyVerifier': (ids) => ({ keyId: ids.keyId }),
  ...fence('tenancy'),
  ...audit('tenancy'),
  '/valora.metering.v1.MeterService/CreateMeter': (ids) => ({ requestId: ids.requestId, meter: { code: ids.meter, displayName: 'x', aggregation: Aggregation.SUM, filters: [], uniqueProperty: '', takesNegativeValues: false } }),
  '/valora.metering.v1.MeterService/GetMeter': (ids) => ({ code: ids.meter }),
  '/valora.metering.v1.MeterService/ListMeters': () => page,
  '/valora.metering.v1.UsageService/RecordUsage': (ids) => ({ events: [usageEvent(ids)] }),
  '/valora.metering.v1.UsageService/StreamUsage': (ids) => ({ sequence: 1n, events: [usageEvent(ids)] }),
  '/valora.metering.v1.UsageService/VoidUsage': (ids) => ({ requestId: ids.requestId, idempotencyKeys: [ids.event], reason: 'x' }),
  '/valora.metering.v1.UsageService/ReleaseUsage': (ids) => ({ requestId: ids.requestId, idempotencyKeys: [ids.event], reason: 'x' }),
  '/valora.metering.v1.UsageService/ListUsageVoids': () => page,
  '/valora.metering.v1.UsageService/ListUsageReleases': () => page,
  '/valora.metering.v1.UsageService/QueryUsage': (ids) => ({
    meter: ids.meter, customer: ids.customer, subscription: '', period, window: 2, timeZone: '', groupBy: [],
  }),
  '/valora.metering.v1.UsageService/GetUsageEvent': (ids) => ({ idempotencyKey: ids.event }),
  '/valora.metering.v1.UsageService/ListUsageEvents': (ids) => ({ meter: ids.meter, customer: ids.customer, ...page }),
  '/valora.metering.v1.UsageService/AggregateUsage': (ids) => ({
    queries: [{ queryKey: 'q', meter: ids.meter, customer: ids.customer, subscription: ids.subscription, period, knownBeforeTime: at('2027-01-01T00:00:00Z'), groupBy: [], needsEventValues: false }],
  }),
  '/valora.metering.v1.UsageService/FindLateUsage': (ids) => ({
    queries: [{ queryKey: 'q', customer: ids.customer, subscription: ids.subscription, meters: [ids.meter], eventPeriod: period, recordedPeriod: { startTime: period.endTime, endTime: at('2027-01-01T00:00:00Z') } }],
  }),
  '/valora.metering.v1.UsageService/CheckUsage': (ids) => ({
    queries: [{ queryKey: 'q', meter: ids.meter, customer: ids.customer, subscription: ids.subscription, period, knownBeforeTime: at('2027-01-01T00:00:00Z'), groupBy: [], needsEventValues: false }],
  }),
  ...fence('metering'),
  ...audit('metering'),
  '/valora.pricing.v1.CatalogService/CreatePrice': (ids) => ({
    requestId: ids.requestId, price: { code: ids.price, displayName: 'x', meter: '', currencyCode: 'USD', billingTiming: BillingTiming.IN_ARREARS, versions: [], bounds: [], versionResolution: VersionResolution.PERIOD_START },
  }),
  '/valora.pricing.v1.CatalogService/PublishPriceVersion': (ids) => ({
    requestId: ids.requestId, price: ids.price, effectiveFromTime: at('2029-01-01T00:00:00Z'), model: { model: { $case: 'flat', value: { amount: '1' } } }, allowBackDating: false,
  }),
  '/valora.pricing.v1.CatalogService/GetPrice': (ids) => ({ code: ids.price }),
  '/valora.pricing.v1.CatalogService/ListPrices': () => page,
  '/valora.pricing.v1.CatalogService/BatchGetPrices': (ids) => ({ codes: [ids.price] }),
  '/valora.pricing.v1.CatalogService/CreatePlan': (ids) => ({
    requestId: ids.requestId, plan: { code: ids.plan, displayName: 'x', version: 0, interval: PeriodInterval.MONTH, intervalCount: 1, prices: [ids.price] },
  }),
  '/valora.pricing.v1.CatalogService/GetPlan': (ids) => ({ code: ids.plan }),
  '/valora.pricing.v1.CatalogService/ListPlans': () => page,
  ...fence('pricing'),
  ...audit('pricing'),
  '/valora.subscription.v1.CustomerService/CreateCustomer': (ids) => ({ requestId: ids.requestId, customer: { reference: ids.customer, displayName: 'x', timeZone: '' } }),
  '/valora.subscription.v1.CustomerService/GetCustomer': (ids) => ({ reference: ids.customer }),
  '/valora.subscription.v1.CustomerService/ListCustomers': () => page,
  '/valora.subscription.v1.SubscriptionService/CreateSubscription': (ids) => ({
    requestId: ids.requestId, subscription: { reference: ids.subscription, customer: ids.customer, plan: ids.plan, planVersion: 0, items: [], timeZone: '', interval: 0, intervalCount: 0, state: 0, alignment: 0 },
  }),
  '/valora.subscription.v1.SubscriptionService/CancelSubscription': (ids) => ({ requestId: ids.requestId, reference: ids.subscription, timing: CancelTiming.NOW, reason: '' }),
  '/valora.subscription.v1.SubscriptionService/UncancelSubscription': (ids) => ({ requestId: ids.requestId, reference: ids.subscription }),
  '/valora.subscription.v1.SubscriptionService/GetSubscription': (ids) => ({ reference: ids.subscription }),
  '/valora.subscription.v1.SubscriptionService/ListSubscriptions': () => ({ ...page, customer: '' }),
  '/valora.subscription.v1.BillingCycleService/ListBillingCycles': (ids) => ({ subscription: ids.subscription, ...page }),
  '/valora.subscription.v1.BillingCycleService/OpenDueCycles': () => ({ batchSizeMax: 10 }),
  '/valora.subscription.v1.BillingCycleService/OpenSettlementCycles': () => ({ batchSizeMax: 10, all: true }),
  '/valora.subscription.v1.BillingCycleService/ClaimDueCycles': () => ({ batchSizeMax: 10, leaseDuration: lease, withoutRetryDelay: false }),
  '/valora.subscription.v1.BillingCycleService/CompleteCycles': (ids) => ({ completed: [{ cycle: { subscription: ids.subscription, cycleIndex: 1 }, runDigest: 'a'.repeat(64) }] }),
  '/valora.subscription.v1.BillingCycleService/ReleaseCycles': (ids) => ({ cycles: [{ subscription: ids.subscription, cycleIndex: 1 }], retryDelay: lease, failed: [] }),
  '/valora.subscription.v1.BillingCycleService/ListSetAsideCycles': () => page,
  '/valora.subscription.v1.BillingCycleService/RetryCycle': (ids) => ({ requestId: ids.requestId, cycle: { subscription: ids.subscription, cycleIndex: 1 } }),
  '/valora.subscription.v1.BillingCycleService/BatchGetBillingFacts': (ids) => ({ cycles: [{ subscription: ids.subscription, cycleIndex: 1 }] }),
  ...dueWork('subscription'),
  ...fence('subscription'),
  ...audit('subscription'),
  '/valora.invoicing.v1.InvoiceService/GetInvoice': (ids) => ({ invoiceId: ids.invoice }),
  '/valora.invoicing.v1.InvoiceService/ListInvoices': (ids) => ({ ...page, subscription: ids.subscription }),
  '/valora.invoicing.v1.InvoiceService/GetCanonicalInvoice': (ids) => ({ invoiceId: ids.invoice }),
  '/valora.invoicing.v1.InvoiceService/VerifyInvoice': (ids) => ({ document: { $case: 'invoiceId', value: ids.invoice } }),
  '/valora.invoicing.v1.InvoiceService/ExplainInvoice': (ids) => ({ document: { $case: 'creditNoteId', value: ids.creditNote } }),
  '/valora.invoicing.v1.InvoiceService/RunBillingCycles': (ids) => ({ cycles: [{ subscription: ids.subscription, cycleIndex: 1 }], sealThroughTime: at('2026-01-01T00:00:00Z') }),
  '/valora.invoicing.v1.InvoiceService/FinalizeDueInvoices': () => ({ batchSizeMax: 10 }),
  ...dueWork('invoicing'),
  '/valora.invoicing.v1.CreditNoteService/GetCreditNote': (ids) => ({ creditNoteId: ids.creditNote }),
  '/valora.invoicing.v1.CreditNoteService/ListCreditNotes': () => page,
  ...fence('invoicing'),
  ...audit('invoicing'),
  '/valora.scheduler.v1.SchedulerService/RunJob': () => ({ job: Job.OPEN_CYCLES }),
  '/valora.scheduler.v1.SchedulerService/ListJobRuns': () => page,
  '/valora.scheduler.v1.SchedulerService/AdvanceClock': () => ({ targetTime: at('2026-01-01T00:00:00Z') }),
};
