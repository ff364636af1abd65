/** What every use case of metering stands on. */
import type { RecordingDependencies } from '@valora/chassis';
import type { Prisma } from './generated/prisma/client.ts';

export type Transaction = Prisma.TransactionClient;
export type Dependencies = RecordingDependencies<Transaction>;
