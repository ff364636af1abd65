/**
 * StreamUsage: RecordUsage over one long call. What is read, recorded and answered of a batch is what a request of RecordUsage would be; a stream adds only the
 * numbers. They must rise, so that an acknowledgement names one batch and a batch that was sent twice on one stream by mistake is seen. Several batches are read at a
 * time, and one may wait for its meters where the next knows them: they join the queue in their order all the same, since the first of a key is recorded.
 */
import { Fields, type CallContext } from '@valora/chassis';
import type { StreamUsageRequest, StreamUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import type { IngestQueue } from './ingest-queue.ts';
import { recordUsage, type RecordUsageDependencies } from './record-usage.ts';

/** Answers the function for a stream's batches; call it in their order. */
export function streamUsage(dependencies: RecordUsageDependencies, context: CallContext): (batch: StreamUsageRequest) => Promise<StreamUsageResponse> {
  let last = 0n;
  let before: Promise<void> = Promise.resolve();
  return async ({ sequence, events }) => {
    // Before anything is waited for: the next batch may begin meanwhile.
    const fields = new Fields();
    if (sequence <= last) fields.refuse('sequence', 'OUT_OF_ORDER', `Must be above ${last}, the number of the batch before; the first is 1 or more.`);
    fields.check();
    last = sequence;
    const turn = before;
    let passOn = (): void => {};
    const passed = new Promise<void>((resolve) => { passOn = resolve; });
    before = turn.then(() => passed);
    try {
      return { sequence, ...(await recordUsage({ ...dependencies, queue: inTurn(dependencies.queue, turn, passOn) }, context, { events })) };
    } finally {
      passOn(); // also after a batch that submits nothing, or fails before it does
    }
  };
}

/** The queue for a batch that waits until it is its turn, and lets the next one follow as soon as it stands in the queue. */
function inTurn(queue: IngestQueue, turn: Promise<void>, passOn: () => void): IngestQueue {
  return {
    ...queue,
    async submit(organizationId, candidates, signal) {
      await turn;
      const outcomes = queue.submit(organizationId, candidates, signal);
      passOn();
      return await outcomes;
    },
  };
}
