/** A process that starts the embedded PostgreSQL of a data folder, says where it is, and stays until it is ended. */
import { startEmbeddedPostgres } from '../src/embedded-postgres.ts';

const [dataFolder] = process.argv.slice(2);
if (dataFolder === undefined) throw new Error('Give a data folder.');
const server = await startEmbeddedPostgres({ dataFolder });
process.stdout.write(`${server.url('postgres')}\n`);
setInterval(() => undefined, 60_000);
