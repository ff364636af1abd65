"""What a failed call says to a program. Beside the code and a message for people, Valora sends details in the trailer
`grpc-status-details-bin`: an ErrorInfo always, a BadRequest for bad fields, a RetryInfo where waiting helps."""
from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class Refusal:
    code: str
    reason: str  # Match on this. Empty where the error is gRPC's own, such as a connection that broke.
    fields: tuple[str, ...]
    retry_after_ms: int | None  # None: the same call will fail again.

    @property
    def may_pass(self) -> bool:
        """Whether sending again what has keys may help: Valora says when to come again, was out of time, or did not speak at all."""
        return self.retry_after_ms is not None or self.reason in ("", "DEADLINE_EXCEEDED")

    def __str__(self) -> str:
        fields = f" fields {' '.join(sorted(self.fields))}" if self.fields else ""
        retry = "" if self.retry_after_ms is None else f" retry after {self.retry_after_ms} ms"
        return f"{self.code} {self.reason}{fields}{retry}"


def refusal_of(error: grpc.RpcError) -> Refusal:
    reason, fields, retry_after_ms = "", (), None
    status = rpc_status.from_call(error)  # None without the trailer.
    for detail in status.details if status is not None else ():
        # `Unpack` copies the detail into a message of the given type, if it is one.
        info, bad_request, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad_request):
            fields = tuple(violation.field for violation in bad_request.field_violations)
        elif detail.Unpack(retry):
            retry_after_ms = retry.retry_delay.ToMilliseconds()
    return Refusal(error.code().name, reason, fields, retry_after_ms)
