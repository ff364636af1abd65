/** GetUsageEvent and ListUsageEvents: the stored facts. */
import { commonErrors, fieldInvalid, Fields, paged, parsePage, type CallContext } from '@valora/chassis';
import type {
  GetUsageEventRequest, GetUsageEventResponse, ListUsageEventsRequest, ListUsageEventsResponse,
} from '@valora/contracts/valora/metering/v1/usage';
import type { Dependencies } from './dependencies.ts';
import { usageEventToProto } from './usage-event.ts';
import { findUsageEvent, listRange } from './usage-event-store.ts';

const MICROS = /^-?[0-9]{1,18}$/;

export async function getUsageEvent({ database }: Dependencies, { organizationId }: CallContext, request: GetUsageEventRequest): Promise<GetUsageEventResponse> {
  const fields = new Fields();
  const idempotencyKey = fields.reference('idempotency_key', request.idempotencyKey);
  fields.check();
  const found = await database.bulk(organizationId, (sql) => findUsageEvent(sql, organizationId, idempotencyKey));
  if (found === null) throw commonErrors.NOT_FOUND({ resource: 'usage event', name: idempotencyKey });
  return { event: usageEventToProto(found) };
}

export async function listUsageEvents({ database }: Dependencies, { organizationId }: CallContext, request: ListUsageEventsRequest): Promise<ListUsageEventsResponse> {
  const fields = new Fields();
  const meterCode = fields.code('meter', request.meter);
  const customerReference = fields.reference('customer', request.customer);
  const interval = request.period === undefined ? null : fields.period('period', request.period);
  fields.check();
  const page = parsePage(request, 2);
  const [afterTime] = page.after ?? [];
  if (afterTime !== undefined && !MICROS.test(afterTime)) {
    throw fieldInvalid([{ field: 'page_token', reason: 'MALFORMED', description: 'Is not a token of this list. Send the next_page_token of the last response.' }]);
  }
  const found = await database.bulk(organizationId, (sql) => listRange(sql, organizationId, { meterCode, customerReference, interval, page }));
  const { rows, nextPageToken } = paged(found, page, ({ event }) => [String(event.eventTime), event.idempotencyKey]);
  return { events: rows.map(usageEventToProto), nextPageToken };
}
