// Between a process and PostgreSQL: everything passes through unchanged, and whoever listens learns of each statement when
// the process has sent it. So a moment can be named by what is going on, on a fast machine and on a slow one alike. A COMMIT may
// be held, and lost, or done and its answer lost: whoever says before it is answered that something is stored gives itself away.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface StatementProxy {
  readonly port: number;
  /** Called after a statement was passed on, with the process id of its backend; null: nobody listens. */
  listen(listener: ((backend: number) => void) | null): void;
  /** Asked about each COMMIT, which waits for the answer; null: all pass. */
  onCommit(decide: DecideCommit | null): void;
  close(): void;
}

/** LOST: the connection breaks before the COMMIT was sent. UNHEARD: after it was done, before its answer arrived. */
export type CommitFate = 'DONE' | 'LOST' | 'UNHEARD';

/** `backend` is the process id of the connection's backend. */
export type DecideCommit = (backend: number) => CommitFate | Promise<CommitFate>;

const COMMIT = /^Q....commit\0$/is;
/** BackendKeyData: type, length, process id, key. */
const KEY_DATA = Buffer.from([0x4b, 0, 0, 0, 12]);

/** First bytes of messages that make PostgreSQL work: Query, Parse, Bind. Logging in has others. */
const STATEMENT_BYTES = new Set([...'QPB'].map((character) => character.charCodeAt(0)));

export async function startStatementProxy({ host, port }: { host: string; port: number }): Promise<StatementProxy> {
  const sockets = new Set<Socket>();
  let listener: ((backend: number) => void) | null = null;
  let decide: DecideCommit | null = null;
  const server = createServer((inner) => {
    const outer = connect({ host, port, noDelay: true });
    inner.setNoDelay();
    let backend = 0;
    let unheard = false;
    const breakOff = (): void => {
      inner.destroy();
      outer.destroy();
    };
    const commit = async (bytes: Buffer, decideIt: DecideCommit): Promise<void> => {
      const fate = await decideIt(backend);
      if (fate === 'LOST') return breakOff();
      unheard = fate === 'UNHEARD';
      outer.write(bytes);
    };
    inner.on('data', (bytes: Buffer) => {
      if (decide !== null && COMMIT.test(bytes.toString('latin1'))) void commit(bytes, decide);
      else outer.write(bytes);
      if (STATEMENT_BYTES.has(bytes[0] ?? 0)) listener?.(backend);
    });
    outer.on('data', (bytes: Buffer) => {
      const keyData = backend === 0 ? bytes.indexOf(KEY_DATA) : -1;
      if (keyData >= 0) backend = bytes.readInt32BE(keyData + KEY_DATA.length);
      if (unheard) breakOff();
      else inner.write(bytes);
    });
    for (const [one, other] of [[inner, outer], [outer, inner]] as const) {
      sockets.add(one);
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
    onCommit(next) {
      decide = next;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
