/** GetUsageEvent and ListUsageEvents: the stored facts. */
import { commonErrors, Fields, paged, parsePage, type CallContext } from '@valora/chassis';
import type {
  GetUsageEventRequest, GetUsageEventResponse, ListUsageEventsRequest, ListUsageEventsResponse,
} from '@valora/contracts/valora/metering/v1/usage';
import type { Dependencies } from './dependencies.ts';
import { requireMicros } from './query-fields.ts';
import { ALL_TIME, refuseArchived, refuseArchivedKeys } from './usage-archive.ts';
import { usageEventToProto } from './usage-event.ts';
import { findUsageEvent, listRange } from './usage-event-store.ts';

export async function getUsageEvent({ database }: Dependencies, { organizationId }: CallContext, request: GetUsageEventRequest): Promise<GetUsageEventResponse> {
  const fields = new Fields();
  const idempotencyKey = fields.reference('idempotency_key', request.idempotencyKey);
  fields.check();
  const found = await database.bulk(organizationId, async (sql) => {
    const event = await findUsageEvent(sql, organizationId, idempotencyKey);
    if (event === null) await refuseArchivedKeys(sql, organizationId, [idempotencyKey]);
    return event;
  });
  if (found === null) throw commonErrors.NOT_FOUND({ resource: 'usage event', name: idempotencyKey });
  return { event: usageEventToProto(found) };
}

export async function listUsageEvents({ database }: Dependencies, { organizationId }: CallContext, request: ListUsageEventsRequest): Promise<ListUsageEventsResponse> {
  const fields = new Fields();
  const meterCode = request.meter === '' ? null : fields.code('meter', request.meter);
  const customerReference = request.customer === '' ? null : fields.reference('customer', request.customer);
  const interval = request.period === undefined ? null : fields.period('period', request.period);
  if (customerReference !== null && meterCode === null) fields.refuse('meter', 'MISSING', 'Must be given with a customer. Leave both empty for all events.');
  fields.check();
  const page = parsePage(request, 4);
  requireMicros(page.after?.[2]);
  const found = await database.bulk(organizationId, async (sql) => {
    await refuseArchived(sql, [interval ?? ALL_TIME]);
    return await listRange(sql, organizationId, { meterCode, customerReference, interval, page });
  });
  const { rows, nextPageToken } = paged(found, page, ({ event }) => [event.meterCode, event.customerReference, String(event.eventTime), event.idempotencyKey]);
  return { events: rows.map(usageEventToProto), nextPageToken };
}
