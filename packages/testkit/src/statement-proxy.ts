// Between a process and PostgreSQL: everything passes through unchanged, and whoever listens learns of each statement when
// the process has sent it. So a moment can be named by what is going on, on a fast machine and on a slow one alike.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface StatementProxy {
  readonly port: number;
  /** Called after a statement was passed on; null: nobody listens. */
  listen(listener: (() => void) | null): void;
  close(): void;
}

/** First bytes of messages that make PostgreSQL work: Query, Parse, Bind. Logging in has others. */
const STATEMENT_BYTES = new Set([...'QPB'].map((character) => character.charCodeAt(0)));

export async function startStatementProxy({ host, port }: { host: string; port: number }): Promise<StatementProxy> {
  const sockets = new Set<Socket>();
  let listener: (() => void) | null = null;
  const server = createServer((inner) => {
    const outer = connect({ host, port, noDelay: true });
    inner.setNoDelay();
    for (const [one, other] of [[inner, outer], [outer, inner]] as const) {
      sockets.add(one);
      one.on('data', (bytes: Buffer) => {
        other.write(bytes);
        if (one === inner && STATEMENT_BYTES.has(bytes[0] ?? 0)) listener?.();
      });
      one.on('end', () => other.end());
      one.on('error', () => undefined); // a killed process resets its connections; 'close' follows
      one.on('close', () => {
        sockets.delete(one);
        other.end();
      });
    }
  }).listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    listen(next) {
      listener = next;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
