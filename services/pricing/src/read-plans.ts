// Reading plans: one, or a page, as of their latest version.
import { Fields, paged, parsePage, type CallContext } from '@valora/chassis';
import type { GetPlanRequest, GetPlanResponse, ListPlansRequest, ListPlansResponse } from '@valora/contracts/valora/pricing/v1/catalog';
import type { CatalogDependencies } from './catalog.ts';
import { findPlan, listPlansAfter } from './plan-store.ts';
import { planToProto } from './plan.ts';

export async function getPlan({ database }: CatalogDependencies, { organizationId }: CallContext, request: GetPlanRequest): Promise<GetPlanResponse> {
  const fields = new Fields();
  const code = fields.code('code', request.code);
  fields.check();
  return { plan: planToProto(await database.transaction(organizationId, (tx) => findPlan(tx, organizationId, code))) };
}

export async function listPlans({ database }: CatalogDependencies, { organizationId }: CallContext, request: ListPlansRequest): Promise<ListPlansResponse> {
  const page = parsePage(request, 1);
  const found = await database.transaction(organizationId, (tx) => listPlansAfter(tx, organizationId, { after: page.after?.[0] ?? null, limit: page.size + 1 }));
  const { rows, nextPageToken } = paged(found, page, ({ code }) => [code]);
  return { plans: rows.map(planToProto), nextPageToken };
}
