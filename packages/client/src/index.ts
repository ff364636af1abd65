// What users import, by hand: the typed client and what goes with it.
export { CallError, type FieldViolation, type RequestOf, type ResponseOf } from './call.ts';
export { retryServiceConfig, type TlsOptions } from './channel.ts';
export { cloudEventFromJson, CloudEventRefused, cloudEventsFromHttp, cloudEventsFromJson, type CloudEvent, type CloudEventRequest } from './cloud-event.ts';
export { checkCloudEventMapping, cloudEventKey, usageEventFromCloudEvent, type CloudEventMapping } from './cloud-event-usage.ts';
export { createClient, type ClientOptions, type ValoraClient } from './client.ts';
export { NumberText } from './exact-json.ts';
export { ingest, ingestAll, type Acknowledgement, type IngestCounts, type IngestOptions, type IngestSummary, type UsageRecorder } from './ingest.ts';
export { listAll, type PageRequest, type PageResponse } from './pages.ts';
export { newRequestId, type CallSettings, type Rpc, type Stub, type WithOptionalRequestId } from './stub.ts';
export { tailAudit, type AuditTail, type TailOptions } from './tail.ts';
export { textFromTimestamp, timestampFromText, type Timestamp } from './timestamps.ts';
