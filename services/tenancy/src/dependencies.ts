/** What every use case of tenancy stands on. */
import { commonErrors, type CallContext, type RecordingDependencies } from '@valora/chassis';
import type { Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;
export type Dependencies = RecordingDependencies<Transaction>;

/** An organization has its fence in this service from its creation, so whoever lacks one does not exist. */
export async function refuseUnknownOrganization(context: CallContext): Promise<never> {
  throw commonErrors.NOT_FOUND({ resource: 'organization', name: context.organizationId });
}
