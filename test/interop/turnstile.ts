// A door before Valora that turns away the first call of every rpc with UNAVAILABLE, as a server does that is about to stop, and
// lets everything else through but the first streams of usage, which break. An example that gets past it retries by the shipped
// service config.
import { connect, constants, createServer, type ClientHttp2Stream, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { once } from 'node:events';
import { usageStreamCuts } from './usage-stream-cuts.ts';

export interface Turnstile {
  readonly address: string;
  /** Calls turned away that came back as a retry, in gRPC's own words: `grpc-previous-rpc-attempts`. */
  readonly retriedPaths: ReadonlySet<string>;
  readonly turnedAwayPaths: ReadonlySet<string>;
  /** What the example did wrong when its streams of usage broke. */
  usageStreamFaults(): readonly string[];
  close(): void;
}

const HOST = '127.0.0.1';
const UNAVAILABLE = '14';
const STREAM_USAGE = '/valora.metering.v1.UsageService/StreamUsage';

export async function openTurnstile(valoraAddress: string): Promise<Turnstile> {
  const turnedAwayPaths = new Set<string>();
  const retriedPaths = new Set<string>();
  const cuts = usageStreamCuts();
  const valora = connect(`http://${valoraAddress}`);
  const server = createServer();
  server.on('stream', (inbound: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const path = headers[':path'] ?? '';
    if (headers['grpc-previous-rpc-attempts'] !== undefined) retriedPaths.add(path);
    if (!turnedAwayPaths.has(path)) {
      turnedAwayPaths.add(path);
      inbound.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': UNAVAILABLE, 'grpc-message': 'come again' }, { endStream: true });
      return;
    }
    const carry = path === STREAM_USAGE ? cuts.next() ?? passOn : passOn;
    carry(inbound, valora.request(headers));
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The door has no port.');
  return {
    address: `${HOST}:${address.port}`, retriedPaths, turnedAwayPaths, usageStreamFaults: cuts.faults,
    close: () => {
      valora.destroy();
      server.close();
    },
  };
}

/** Bytes and headers both ways, and the trailers, where gRPC has its status and details. */
function passOn(inbound: ServerHttp2Stream, outbound: ClientHttp2Stream): void {
  let trailers: IncomingHttpHeaders = {};
  outbound.on('response', (headers, flags) => {
    // Headers that end the stream are a call's whole answer: its status, without a message.
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (!inbound.destroyed) inbound.respond(headers, { endStream, waitForTrailers: !endStream });
  });
  outbound.on('trailers', (received) => { trailers = received; });
  inbound.on('wantTrailers', () => inbound.sendTrailers(trailers));
  // A caller that leaves takes its call with it.
  inbound.on('aborted', () => outbound.close(constants.NGHTTP2_CANCEL));
  // What breaks on one side ends the other; the example sees it as an error of its call.
  outbound.on('error', () => inbound.close(constants.NGHTTP2_INTERNAL_ERROR));
  inbound.on('error', () => outbound.close(constants.NGHTTP2_CANCEL));
  inbound.pipe(outbound);
  outbound.pipe(inbound);
}
