// The wrapper around a handler that answers each message of a stream with one of its own. Each message is a call in small: its
// size is checked and it is decoded only in a place of admission, which it gives back when it is answered. Answers go out in the
// order of the messages. A few messages are under way at a time; until one of them is answered, and the answer taken by the
// caller, no more is read. The first message that fails ends the stream with its error, after the answers to those before it.
// The trap: a message is taken only when the one before has its place, or two could begin in the wrong order.
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { CallContext } from './context.ts';
import { commonErrors } from './errors.ts';
import type { OpenStreams } from './open-streams.ts';
import type { Rpc, UnaryDependencies } from './rpc.ts';
import { inSpan } from './span.ts';
import { answerStream, type StreamCall } from './stream-call.ts';
import { messagesOf } from './take-messages.ts';

/** Called once for a stream, when its caller is known, and answers the function that answers each of its messages. That one is called in the order of the messages. */
export type BidiHandler = (context: CallContext) => (request: unknown) => Promise<unknown>;

/** Messages of one stream that are read and not yet answered. */
const UNDER_WAY_MAX = 4;

export function bidiStream(rpc: Rpc<BidiHandler>, dependencies: UnaryDependencies, streams: OpenStreams) {
  return (call: ServerDuplexStream<Buffer, unknown>): void =>
    answerStream(call, rpc.access, dependencies, (stream) => converse({ call, stream, rpc, admission: dependencies.admission, streams }));
}

interface Conversation extends Pick<UnaryDependencies, 'admission'> {
  readonly call: ServerDuplexStream<Buffer, unknown>;
  readonly stream: StreamCall;
  readonly rpc: Rpc<BidiHandler>;
  readonly streams: OpenStreams;
}

async function converse({ call, stream: { context, admit }, rpc, admission, streams }: Conversation): Promise<void> {
  const { organizationId, signal } = context;
  const answer = rpc.handler(context);
  const messages = messagesOf(call);
  let draining = false;
  const leave = streams.enter(organizationId, () => {
    draining = true;
    messages.stop();
  });

  /** Resolves when the message has begun, with its answer to come. */
  function begin(message: Buffer): Promise<{ readonly answered: Promise<unknown> }> {
    return new Promise((resolve) => {
      const answered = inSpan('stream.message', {}, async () => {
        await admit();
        return await admission.run({ callDepth: 0, organizationId, bytes: message.length, signal }, async () => {
          const response = answer(rpc.decode(message));
          resolve({ answered });
          return await response;
        });
      });
      // One that fails before it has begun has ended too.
      answered.catch(() => resolve({ answered }));
    });
  }

  async function answerAll(): Promise<void> {
    const underWay: Promise<void>[] = [];
    let sent = Promise.resolve();
    for (let message = await messages.take(); message !== null; message = await messages.take()) {
      const { answered } = await begin(message);
      sent = sent.then(async () => await send(call, await answered, signal));
      // Nothing is read that could not be answered any more; whoever waits below is told why.
      sent.catch(messages.stop);
      underWay.push(sent);
      if (underWay.length === UNDER_WAY_MAX) await underWay.shift();
    }
    await sent;
    if (draining) throw commonErrors.SERVER_STOPPING();
  }

  try {
    await untilAborted(answerAll(), signal);
  } finally {
    messages.stop();
    leave();
  }
}

/** Returns when the caller's side has taken the message, or when nobody will. */
async function send(call: ServerDuplexStream<Buffer, unknown>, response: unknown, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    call.write(response, done);
  });
}

/** The work's outcome, or the signal's reason if that comes first. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let aborted: (() => void) | undefined;
  try {
    await Promise.race([work, new Promise<never>((_, reject) => {
      aborted = () => reject(signal.reason);
      if (signal.aborted) aborted();
      else signal.addEventListener('abort', aborted, { once: true });
    })]);
  } finally {
    if (aborted !== undefined) signal.removeEventListener('abort', aborted);
  }
}
