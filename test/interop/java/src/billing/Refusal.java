package billing;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;

/**
 * What a failed call says to a program. Beside the code and a message for people, Valora sends details in the trailer
 * grpc-status-details-bin: an ErrorInfo always, a BadRequest for bad fields, a RetryInfo where waiting helps.
 *
 * @param reason match on this; empty where the error is gRPC's own, such as a connection that broke
 * @param retryAfterMs null: the same call will fail again
 */
record Refusal(Status.Code code, String reason, List<String> fields, Long retryAfterMs) {

  static Refusal of(Throwable error) {
    String reason = "";
    List<String> fields = List.of();
    Long retryAfterMs = null;
    com.google.rpc.Status status = StatusProto.fromThrowable(error); // Null without the trailer.
    try {
      for (Any detail : status == null ? List.<Any>of() : status.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          reason = detail.unpack(ErrorInfo.class).getReason();
        } else if (detail.is(BadRequest.class)) {
          fields = detail.unpack(BadRequest.class).getFieldViolationsList().stream().map(BadRequest.FieldViolation::getField).sorted().toList();
        } else if (detail.is(RetryInfo.class)) {
          retryAfterMs = Durations.toMillis(detail.unpack(RetryInfo.class).getRetryDelay());
        }
      }
    } catch (InvalidProtocolBufferException broken) {
      throw new IllegalArgumentException("the details of an error are no messages", broken);
    }
    return new Refusal(io.grpc.Status.fromThrowable(error).getCode(), reason, fields, retryAfterMs);
  }

  /** Whether sending again what has keys may help: Valora says when to come again, was out of time, or did not speak at all. */
  boolean mayPass() {
    return retryAfterMs != null || reason.isEmpty() || reason.equals("DEADLINE_EXCEEDED");
  }

  @Override
  public String toString() {
    String text = code + " " + reason;
    if (!fields.isEmpty()) text += " fields " + String.join(" ", fields);
    return retryAfterMs == null ? text : text + " retry after " + retryAfterMs + " ms";
  }
}
