// The public face of the chassis, by hand: mechanism for services, and no domain noun.
export { CallError, errorDetailsOf, type FieldViolation, type RequestOf, type ResponseOf } from '@valora/client/call';
export { createAdmission, type Admission, type AdmissionLimits, type AdmissionRequest } from './admission.ts';
export { appendAuditRecords, type AuditedCall, type AuditedChange } from './audit.ts';
export { auditHandlers } from './audit-service.ts';
export { createAuthenticate, requireAccess, type ApiKeyVerifier, type Authenticate, type AuthenticateDependencies, type Identity } from './authenticate.ts';
export { createPeer, type OutgoingContext, type Peer, type PeerOptions, type Stub } from './call.ts';
export { collectedCounter, collectedGauge, type Collect, type CollectedMetric } from './collected-metric.ts';
export type { CallContext, Caller } from './context.ts';
export { apiKeyScopes, descriptorSet, registry, rpcAccess, type RpcAccess } from './contract.ts';
export {
  apiKeyText, createServiceTokenIssuer, isOperatorCredential, newKeyId, newOperatorCredential, newSecret, parseApiKey, secretDigest, secretMatches,
  type ApiKeyText, type ServiceTokenClaims, type ServiceTokenIssuer,
} from './credentials.ts';
export { DatabaseUnavailable, isUniqueViolation, sqlState } from './database-errors.ts';
export { createPool, openDatabase, queryOne, sqlOf, type Database, type DatabaseConfig, type PrismaTransaction, type Sql } from './database.ts';
export { dueWorkHandlers, leaseBounds, type DueWork } from './due-work-service.ts';
export { claimOrganizations, nextDueTime, releaseOrganization, setDueWorkSandboxTime, touchDueWork, type NextDue } from './due-work.ts';
export { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.ts';
export { statusOf } from './status.ts';
export { commonErrors, commonErrorTable, defineErrors, DomainError, fieldInvalid, type ErrorsByName, type ErrorTable } from './errors.ts';
export { fenceErrors, fenceErrorTable, fenceHandlers } from './fence-service.ts';
export { currentTime, ensureFence, fenceExists, FenceMissing, fenceTimes, NotASandbox, SealInFuture, sealThrough, setSandboxTime, takeRecordedTime, takeRecordedTimeWith } from './fence.ts';
export { Fields, isCode } from './fields.ts';
export { createLog, type Log, type LogFields } from './log.ts';
export { createServiceMetrics, metricsText, type ServiceMetrics } from './metrics.ts';
export { createProcessRegistry, serveMetrics, type MetricsServer, type MetricsServerOptions } from './metrics-server.ts';
export { migrate, type AppliedMigration, type SchemaMigrations } from './migrate.ts';
export { makeFence, mutate, recordFacts, type RecordingDependencies } from './mutation.ts';
export { ownerTransaction } from './owner-transaction.ts';
export { paged, pageToken, parsePage, type Page, type PageRequest } from './page-token.ts';
export { createServiceGround, openServiceDatabase, serviceDatabaseUrls, serviceNames, type Platform, type RunningService, type ServiceGround, type ServiceName } from './platform.ts';
export { LISTENING, runService } from './run-service.ts';
export { schemaMigrations } from './schema-migrations.ts';
export { ConfigInvalid, readNamedFile, readServiceConfig, tickInterval, type Environment, type ServiceConfig } from './service-config.ts';
export { rolePassword, serviceRole, type ServiceRole } from './service-role.ts';
export { peerVariable, serviceCalls, servicePorts, serviceVariables, type ServiceVariable } from './service-variables.ts';
export { LIVENESS, serve, type RunningServer, type ServeOptions } from './serve.ts';
export { describeSpan, inLinkedSpan, inSpan, recordingSpan, type SpanAttributes } from './span.ts';
export { createFindSandboxTime, createPeerAuthenticate } from './tenancy-client.ts';
export { instantFromTimestamp, timestampFromInstant, type Timestamp } from './timestamps.ts';
export { unaryService, type Handlers, type RegisteredService } from './unary.ts';
