/** VoidUsage and ReleaseUsage: a final fact about each of some events, or about none of them. */
import { commonErrors, mutate, sqlOf, type CallContext, type Sql } from '@valora/chassis';
import { UsageServiceService } from '@valora/contracts/valora/metering/v1/usage';
import type { ReleaseUsageRequest, ReleaseUsageResponse, VoidUsageRequest, VoidUsageResponse } from '@valora/contracts/valora/metering/v1/usage_correction';
import type { Instant } from '@valora/rating';
import type { Dependencies } from './dependencies.ts';
import { errors } from './errors.ts';
import { refuseArchivedKeys } from './usage-archive.ts';
import { correctionToProto, parseCorrectionOrder, type Correction, type CorrectionKind, type CorrectionOrder } from './usage-correction.ts';
import { findCorrections, findKeyWithoutEvent, insertCorrections } from './usage-correction-store.ts';

export async function voidUsage(dependencies: Dependencies, context: CallContext, request: VoidUsageRequest): Promise<VoidUsageResponse> {
  const order = parseCorrectionOrder(request);
  return await mutate(dependencies, { context, method: UsageServiceService.voidUsage, request }, async (tx, recordedTime) => {
    await requireEvents(sqlOf(tx), context, order);
    return { voids: (await correct(sqlOf(tx), context, { kind: 'VOID', recordedTime, ...order })).map(correctionToProto) };
  });
}

export async function releaseUsage(dependencies: Dependencies, context: CallContext, request: ReleaseUsageRequest): Promise<ReleaseUsageResponse> {
  const order = parseCorrectionOrder(request);
  return await mutate(dependencies, { context, method: UsageServiceService.releaseUsage, request }, async (tx, recordedTime) => {
    const sql = sqlOf(tx);
    await requireEvents(sql, context, order);
    const voids = await findCorrections(sql, context.organizationId, 'VOID', order.idempotencyKeys);
    const voided = order.idempotencyKeys.find((key) => voids.has(key));
    if (voided !== undefined) throw errors.USAGE_VOIDED({ idempotency_key: voided });
    return { releases: (await correct(sql, context, { kind: 'RELEASE', recordedTime, ...order })).map(correctionToProto) };
  });
}

async function requireEvents(sql: Sql, { organizationId }: CallContext, { idempotencyKeys }: CorrectionOrder): Promise<void> {
  const missing = await findKeyWithoutEvent(sql, organizationId, idempotencyKeys);
  if (missing !== null) throw commonErrors.NOT_FOUND({ resource: 'usage event', name: missing });
  await refuseArchivedKeys(sql, organizationId, idempotencyKeys);
}

/** Answers from a second statement: the insert can't see a correction that it had to wait for. */
async function correct(
  sql: Sql, { organizationId }: CallContext, order: CorrectionOrder & { readonly kind: CorrectionKind; readonly recordedTime: Instant },
): Promise<readonly Correction[]> {
  await insertCorrections(sql, organizationId, order);
  const stored = await findCorrections(sql, organizationId, order.kind, order.idempotencyKeys);
  return order.idempotencyKeys.map((key) => {
    const correction = stored.get(key);
    if (correction === undefined) throw new Error(`event ${key} was corrected and has no correction`);
    return correction;
  });
}
