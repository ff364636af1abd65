/**
 * StreamUsage: RecordUsage over one long call. What is read, recorded and answered of a batch is what a request of RecordUsage would be; a stream adds only the
 * numbers. They must rise, so that an acknowledgement names one batch and a batch that was sent twice on one stream by mistake is seen.
 */
import { Fields, type CallContext } from '@valora/chassis';
import type { StreamUsageRequest, StreamUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import { recordUsage, type RecordUsageDependencies } from './record-usage.ts';

/** Answers the function for a stream's batches; call it in their order. */
export function streamUsage(dependencies: RecordUsageDependencies, context: CallContext): (batch: StreamUsageRequest) => Promise<StreamUsageResponse> {
  let last = 0n;
  return async ({ sequence, events }) => {
    // Before anything is waited for: the next batch may begin meanwhile.
    const fields = new Fields();
    if (sequence <= last) fields.refuse('sequence', 'OUT_OF_ORDER', `Must be above ${last}, the number of the batch before; the first is 1 or more.`);
    fields.check();
    last = sequence;
    return { sequence, ...(await recordUsage(dependencies, context, { events })) };
  };
}
