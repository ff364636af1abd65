// CreatePlan: prices billed together, as version 1. All prices of an organization are in its one currency, so any of them go together.
import { Fields, mutate, type CallContext } from '@valora/chassis';
import { CatalogServiceService, Plan as PlanMessage, type CreatePlanRequest, type CreatePlanResponse } from '@valora/contracts/valora/pricing/v1/catalog';
import type { CatalogDependencies } from './catalog.ts';
import { insertPlan } from './plan-store.ts';
import { parsePlan, planToProto, requirePricesOfPlan } from './plan.ts';
import { findPrices } from './price-store.ts';

export async function createPlan(dependencies: CatalogDependencies, context: CallContext, request: CreatePlanRequest): Promise<CreatePlanResponse> {
  const { organizationId } = context;
  const fields = new Fields();
  fields.requestId(request.requestId);
  const draft = parsePlan(fields, request.plan ?? PlanMessage.fromPartial({}));
  fields.check();
  return await mutate(dependencies, { context, method: CatalogServiceService.createPlan, request }, async (tx, recordedTime) => {
    requirePricesOfPlan(draft, await findPrices(tx, organizationId, draft.priceCodes));
    return { plan: planToProto(await insertPlan(tx, organizationId, draft, recordedTime)) };
  });
}
