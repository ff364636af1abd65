// A mutation: one transaction that takes the organization's recorded time, answers a repeated request from what is stored,
// and otherwise does the work and stores its answer. Same request_id and body: same answer; another body: refused.
import { createHash } from 'node:crypto';
import type { MethodDefinition } from '@grpc/grpc-js';
import type { Instant } from '@valora/rating';
import { appendAuditRecords } from './audit.ts';
import type { CallContext } from './context.ts';
import { sqlOf, type Database, type PrismaTransaction } from './database.ts';
import { commonErrors } from './errors.ts';
import { FenceMissing, takeRecordedTime, ensureFence } from './fence.ts';
import { Fields } from './fields.ts';
import { RequestIdReused, requestOnce } from './request-once.ts';

/** Asks tenancy whether an organization is a sandbox and where its clock stands; null for the database's clock. */
export type FindSandboxTime = (context: CallContext) => Promise<Instant | null>;

export interface RecordingDependencies<Transaction extends PrismaTransaction> {
  readonly database: Database<Transaction>;
  readonly findSandboxTime: FindSandboxTime;
}

/** Runs `work` in a transaction with the recorded time of the facts it stores; makes the organization's fence on first use. */
export async function recordFacts<Transaction extends PrismaTransaction, T>(
  { database, findSandboxTime }: RecordingDependencies<Transaction>,
  context: CallContext,
  work: (tx: Transaction, recordedTime: Instant) => Promise<T>,
): Promise<T> {
  const attempt = (): Promise<T> => database.transaction(context.organizationId, async (tx) => await work(tx, await takeRecordedTime(sqlOf(tx))));
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof FenceMissing)) throw error;
    await makeFence({ database, findSandboxTime }, context);
    return await attempt();
  }
}

/** Makes the organization's fence in this service, if it is not there yet. */
export async function makeFence<Transaction extends PrismaTransaction>({ database, findSandboxTime }: RecordingDependencies<Transaction>, context: CallContext): Promise<void> {
  const sandboxTime = await findSandboxTime(context);
  await database.transaction(context.organizationId, (tx) => ensureFence(sqlOf(tx), sandboxTime));
}

/** Answers a mutating rpc exactly once for its request_id. */
export async function mutate<Transaction extends PrismaTransaction, Request extends { readonly requestId: string }, Response>(
  dependencies: RecordingDependencies<Transaction>,
  { context, method, request }: { context: CallContext; method: MethodDefinition<Request, Response>; request: Request },
  work: (tx: Transaction, recordedTime: Instant) => Promise<Response>,
): Promise<Response> {
  const fields = new Fields();
  const requestId = fields.requestId(request.requestId);
  fields.check();
  const bodyDigest = createHash('sha256').update(method.requestSerialize(request)).digest();
  try {
    const { response } = await recordFacts(dependencies, context, (tx, recordedTime) =>
      requestOnce(sqlOf(tx), { rpc: method.path, requestId, bodyDigest, recordedTime }, async () => {
        const answer = method.responseSerialize(await work(tx, recordedTime));
        const change = { request_digest: bodyDigest.toString('hex'), answer_digest: createHash('sha256').update(answer).digest('hex') };
        await appendAuditRecords(sqlOf(tx), { context, action: method.path, recordedTime }, [{ subject: `request ${requestId}`, change }]);
        return answer;
      }));
    return method.responseDeserialize(Buffer.from(response));
  } catch (error) {
    if (error instanceof RequestIdReused) throw commonErrors.REQUEST_ID_REUSED({ request_id: requestId });
    throw error;
  }
}
