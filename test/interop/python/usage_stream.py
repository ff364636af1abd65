"""Usage over one long call, for whoever has much of it: batches go out while acknowledgements come in. A stream that breaks is
followed by another, on which goes again what was not acknowledged. Keys make that safe: what was stored comes back as DUPLICATE."""
import queue
import random
import time
from collections.abc import Iterable, Iterator
from itertools import islice

import grpc

from refusals import refusal_of
from valora.metering.v1 import usage_pb2, usage_pb2_grpc

UNDER_WAY_MAX = 4  # Batches. As many are kept in memory until they are acknowledged.
FRUITLESS_MAX = 9  # Streams in a row without an acknowledgement: with the waits between them about half a minute.
STREAM_SECONDS = 60  # A stream that hangs ends at its deadline, and another takes over. Valora allows ten minutes.
WAIT_FIRST_SECONDS, WAIT_LAST_SECONDS = 0.25, 5


def stream_usage(usage: usage_pb2_grpc.UsageServiceStub, call: dict, batches: Iterable[list]) -> Iterator[usage_pb2.RecordUsageOutcome]:
    """Yields the outcome of each event once it is durable, in the order sent: take none for recorded before. Raises what another stream
    would not mend. It waits for `batches` with acknowledgements unread, so those should not pause for long."""
    numbered = enumerate(batches, start=1)
    pending: dict[int, usage_pb2.StreamUsageRequest] = {}  # Not acknowledged, by sequence, in order.
    fruitless = 0

    def next_batches() -> list:
        """As many as may go out, now pending."""
        taken = islice(numbered, UNDER_WAY_MAX - len(pending))
        requests = [usage_pb2.StreamUsageRequest(sequence=sequence, events=events) for sequence, events in taken]
        pending.update((request.sequence, request) for request in requests)
        return requests

    while next_batches() or pending:
        outgoing = queue.SimpleQueue()  # gRPC takes from it in a thread of its own, until it finds None.
        for request in pending.values():
            outgoing.put(request)
        responses = usage.StreamUsage(iter(outgoing.get, None), **{**call, "timeout": STREAM_SECONDS})
        try:
            for response in responses:
                del pending[response.sequence]
                fruitless = 0
                yield from response.outcomes
                for request in next_batches():
                    outgoing.put(request)
                if not pending:
                    outgoing.put(None)  # The end: the server ends the stream too.
        except grpc.RpcError as error:
            fruitless += 1
            refusal = refusal_of(error)
            if fruitless == FRUITLESS_MAX or not refusal.may_pass:
                raise
            wait = min(WAIT_FIRST_SECONDS * 2 ** (fruitless - 1), WAIT_LAST_SECONDS)
            time.sleep(max(wait, (refusal.retry_after_ms or 0) / 1000) * random.uniform(1, 1.5))
        finally:
            responses.cancel()  # For a caller that leaves early; else it is over.
            outgoing.put(None)
