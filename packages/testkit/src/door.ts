// A door between a client and servers: what passes is unchanged, until the test cuts every connection or shows newcomers to
// another server. Bytes that a server has sent can be held back for good: done, and never told.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Door {
  /** `host:port` to call. */
  readonly address: string;
  /** Where connections lead that are opened from now on, `host:port`. */
  leadTo(address: string): void;
  /** Asked before bytes of a server are passed on; if it answers true, they are dropped and the connection is cut. Null: nobody asks. */
  cutBefore(decide: (() => boolean) | null): void;
  close(): void;
}

export async function startDoor(firstAddress: string): Promise<Door> {
  const sockets = new Set<Socket>();
  let target = firstAddress;
  let decide: (() => boolean) | null = null;
  const server = createServer((inner) => {
    const [host = '', port = ''] = target.split(':');
    const outer = connect({ host, port: Number(port), noDelay: true });
    inner.setNoDelay();
    const cut = (): void => {
      inner.destroy();
      outer.destroy();
    };
    inner.on('data', (bytes: Buffer) => void outer.write(bytes));
    outer.on('data', (bytes: Buffer) => {
      if (decide?.() === true) cut();
      else inner.write(bytes);
    });
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the door has no port');
  return {
    address: `127.0.0.1:${address.port}`,
    leadTo(next) { target = next; },
    cutBefore(next) { decide = next; },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
