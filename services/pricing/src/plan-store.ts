// All SQL of plans and their versions.
import { commonErrors, isUniqueViolation } from '@valora/chassis';
import { instant, type Instant, type PeriodInterval } from '@valora/rating';
import type { Transaction } from './database.ts';
import type { Prisma } from './generated/prisma/client.ts';
import type { Plan, PlanDraft } from './plan.ts';

const withLatestVersion = { versions: { orderBy: { version: 'desc' }, take: 1 } } as const satisfies Prisma.PlanInclude;
type PlanRow = Prisma.PlanGetPayload<{ include: typeof withLatestVersion }>;

function planFromRow({ code, displayName, versions: [latest] }: PlanRow): Plan {
  if (latest === undefined) throw new Error(`plan ${code} has no version`);
  const { version, interval, intervalCount, priceCodes, recordedTime } = latest;
  return { code, displayName, version, interval: interval as PeriodInterval, intervalCount, priceCodes, recordedTime: instant(recordedTime) };
}

/** Stores a plan with its first version. Errors: ALREADY_EXISTS. */
export async function insertPlan(tx: Transaction, organizationId: string, draft: PlanDraft, recordedTime: Instant): Promise<Plan> {
  const { code, displayName, interval, intervalCount, priceCodes } = draft;
  const version = 1;
  try {
    await tx.plan.create({ data: { organizationId, code, displayName, recordedTime } });
  } catch (error) {
    if (isUniqueViolation(error)) throw commonErrors.ALREADY_EXISTS({ resource: 'plan', name: code });
    throw error;
  }
  await tx.planVersion.create({ data: { organizationId, planCode: code, version, interval, intervalCount, priceCodes: [...priceCodes], recordedTime } });
  return { ...draft, version, recordedTime };
}

/** Errors: NOT_FOUND. */
export async function findPlan(tx: Transaction, organizationId: string, code: string): Promise<Plan> {
  const row = await tx.plan.findUnique({ where: { organizationId_code: { organizationId, code } }, include: withLatestVersion });
  if (row === null) throw commonErrors.NOT_FOUND({ resource: 'plan', name: code });
  return planFromRow(row);
}

/** Up to `limit` plans after a code, by code. */
export async function listPlansAfter(tx: Transaction, organizationId: string, { after, limit }: { after: string | null; limit: number }): Promise<readonly Plan[]> {
  const rows = await tx.plan.findMany({
    where: { organizationId, ...(after === null ? {} : { code: { gt: after } }) },
    include: withLatestVersion,
    orderBy: { code: 'asc' },
    take: limit,
  });
  return rows.map(planFromRow);
}
