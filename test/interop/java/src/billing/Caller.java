package billing;

import com.google.gson.Gson;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A connection, and what every call gets: who calls, how long it may take, and retries. */
final class Caller {
  private static final Metadata.Key<String> AUTHORIZATION = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  private static final long SECONDS = 120; // AdvanceClock bills on the way. A call without a deadline may wait for ever.

  private Caller() {}

  static ManagedChannel connect(String address, Path retryConfig) throws IOException {
    // Gson reads the numbers of JSON as Double, which is what a service config must hold.
    @SuppressWarnings("unchecked")
    Map<String, Object> serviceConfig = new Gson().fromJson(Files.readString(retryConfig), Map.class);
    return Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()) // Beyond a private network: TlsChannelCredentials.
        .defaultServiceConfig(serviceConfig) // Retries at UNAVAILABLE happen within a call and its deadline.
        .build();
  }

  /** A deadline belongs to a call: set once on a stub, it would be the same instant for all its calls. */
  static Channel withCredential(Channel channel, String credential) {
    return ClientInterceptors.intercept(channel, new ClientInterceptor() {
      @Override
      public <Request, Response> ClientCall<Request, Response> interceptCall(MethodDescriptor<Request, Response> method, CallOptions options, Channel next) {
        return new SimpleForwardingClientCall<>(next.newCall(method, options.withDeadlineAfter(SECONDS, TimeUnit.SECONDS))) {
          @Override
          public void start(Listener<Response> listener, Metadata metadata) {
            metadata.put(AUTHORIZATION, "Bearer " + credential);
            super.start(listener, metadata);
          }
        };
      }
    });
  }
}
