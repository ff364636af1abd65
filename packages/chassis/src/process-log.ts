// What Node itself would write to standard error in its own form, as lines of the log: warnings, and the defect that ends the process.
import type { Log } from './log.ts';

/** For a process that runs one service. Its end is the same as without: code 1. */
export function logProcess(log: Log): void {
  // Node prints warnings by a listener of its own.
  process.removeAllListeners('warning').on('warning', (warning) => log.warn('Node warns.', {}, warning));
  process.on('uncaughtException', (error) => {
    log.error('A defect ends the process.', {}, error);
    process.exit(1);
  });
}
