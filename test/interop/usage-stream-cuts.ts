// What the door does to streams of usage: it breaks the first two in the middle, each after a batch that was recorded and whose
// acknowledgement never arrives. An example gets its events counted once only if it takes what was acknowledged for recorded and
// nothing else, and sends the rest again.
import { constants, type ClientHttp2Stream, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { commonErrors, statusOf } from '@valora/chassis';

export interface UsageStreamCuts {
  /** What breaks the stream that comes now; undefined where it is to be left alone. */
  next(): ((inbound: ServerHttp2Stream, outbound: ClientHttp2Stream) => void) | undefined;
  /** What the example did wrong, as a sentence without its subject; empty for one that does all. */
  faults(): readonly string[];
}

interface Cut {
  /** So many batches are acknowledged, and one more is recorded. */
  readonly acknowledgedMax: number;
  readonly breakOff: (inbound: ServerHttp2Stream) => void;
}

/** What the examples allow themselves. */
const UNDER_WAY_MAX = 4;
const DETAILS_TRAILER = 'grpc-status-details-bin';
/** Of a gRPC message: a flag, and the length of the rest. */
const PREFIX_BYTES = 5;

const unavailable = commonErrors.UNAVAILABLE();
const ADVISED_MS = unavailable.facts.retryDelayMs ?? 0;

export function usageStreamCuts(): UsageStreamCuts {
  let streams = 0;
  let underWayMax = 0;
  let leftTime = 0;
  let waitedMs = 0;

  const cuts: readonly Cut[] = [
    // As a server does that can't go on: with advice when to come again.
    { acknowledgedMax: 1, breakOff: (inbound) => {
      leftTime = performance.now();
      inbound.end();
    } },
    // As a network does.
    { acknowledgedMax: 0, breakOff: (inbound) => inbound.close(constants.NGHTTP2_INTERNAL_ERROR) },
  ];

  function breakInTheMiddle(inbound: ServerHttp2Stream, outbound: ClientHttp2Stream, { acknowledgedMax, breakOff }: Cut): void {
    let batches = 0;
    let acknowledged = 0;
    onMessages(inbound, (batch) => {
      batches += 1;
      underWayMax = Math.max(underWayMax, batches - acknowledged);
      if (batches <= acknowledgedMax + 1) outbound.write(batch);
    });
    onMessages(outbound, (acknowledgement) => {
      if (acknowledged < acknowledgedMax) {
        acknowledged += 1;
        inbound.write(acknowledgement);
      } else {
        outbound.close(constants.NGHTTP2_CANCEL);
        breakOff(inbound);
      }
    });
    outbound.on('response', (headers) => inbound.respond(headers, { waitForTrailers: true }));
    inbound.on('wantTrailers', () => inbound.sendTrailers(trailersOfUnavailable()));
    outbound.on('error', () => inbound.close(constants.NGHTTP2_INTERNAL_ERROR));
    inbound.on('error', () => outbound.close(constants.NGHTTP2_CANCEL));
  }

  return {
    next() {
      const cut = cuts[streams];
      streams += 1;
      if (streams === 2) waitedMs = performance.now() - leftTime;
      return cut && ((inbound, outbound) => breakInTheMiddle(inbound, outbound, cut));
    },
    faults: () => [
      ...(streams > cuts.length ? [] : [`opened ${streams} streams of usage, of which the first ${cuts.length} were cut`]),
      ...(underWayMax <= UNDER_WAY_MAX ? [] : [`had ${underWayMax} batches of usage under way, and not ${UNDER_WAY_MAX} at most`]),
      ...(waitedMs >= ADVISED_MS ? [] : [`came again after ${Math.floor(waitedMs)} ms with its usage, and not after the ${ADVISED_MS} ms it was told`]),
    ],
  };
}

function onMessages(stream: Readable, listener: (message: Buffer) => void): void {
  let received = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= PREFIX_BYTES) {
      const length = PREFIX_BYTES + received.readUInt32BE(1);
      if (received.length < length) return;
      listener(received.subarray(0, length));
      received = received.subarray(length);
    }
  });
}

function trailersOfUnavailable(): OutgoingHttpHeaders {
  const { code, details, metadata } = statusOf(unavailable);
  const encoded = metadata?.get(DETAILS_TRAILER).map((value) => Buffer.from(value).toString('base64'));
  return { 'grpc-status': String(code), 'grpc-message': details, [DETAILS_TRAILER]: encoded };
}
