/** ListUsageVoids and ListUsageReleases: the stored facts. */
import { paged, parsePage, type CallContext } from '@valora/chassis';
import type {
  ListUsageReleasesRequest, ListUsageReleasesResponse, ListUsageVoidsRequest, ListUsageVoidsResponse,
} from '@valora/contracts/valora/metering/v1/usage_correction';
import type { Dependencies } from './dependencies.ts';
import { requireMicros } from './query-fields.ts';
import { correctionToProto, type CorrectionKind } from './usage-correction.ts';
import { listCorrections } from './usage-correction-store.ts';

export async function listUsageVoids(dependencies: Dependencies, context: CallContext, request: ListUsageVoidsRequest): Promise<ListUsageVoidsResponse> {
  const { corrections: voids, nextPageToken } = await list(dependencies, context, { kind: 'VOID', ...request });
  return { voids, nextPageToken };
}

export async function listUsageReleases(dependencies: Dependencies, context: CallContext, request: ListUsageReleasesRequest): Promise<ListUsageReleasesResponse> {
  const { corrections: releases, nextPageToken } = await list(dependencies, context, { kind: 'RELEASE', ...request });
  return { releases, nextPageToken };
}

async function list(
  { database }: Dependencies, { organizationId }: CallContext, { kind, ...request }: { readonly kind: CorrectionKind; readonly pageSize: number; readonly pageToken: string },
): Promise<{ readonly corrections: readonly ReturnType<typeof correctionToProto>[]; readonly nextPageToken: string }> {
  const page = parsePage(request, 2);
  requireMicros(page.after?.[0]);
  const found = await database.bulk(organizationId, (sql) => listCorrections(sql, organizationId, kind, page));
  const { rows, nextPageToken } = paged(found, page, ({ recordedTime, idempotencyKey }) => [String(recordedTime), idempotencyKey]);
  return { corrections: rows.map(correctionToProto), nextPageToken };
}
