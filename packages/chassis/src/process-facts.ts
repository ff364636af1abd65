/** What can be learnt about another process: from /proc where there is one, else from ps. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface ProcessFacts {
  readonly parent: number;
  readonly commandLine: string;
}

/** Undefined when there is no such process any more; a zombie counts as gone. */
export async function processFacts(pid: number): Promise<ProcessFacts | undefined> {
  try {
    return existsSync('/proc/self/stat') ? await fromProc(pid) : await fromPs(pid);
  } catch {
    return undefined;
  }
}

async function fromProc(pid: number): Promise<ProcessFacts | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may hold spaces
  const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  return state === 'Z' ? undefined : { parent: Number(parent), commandLine };
}

async function fromPs(pid: number): Promise<ProcessFacts | undefined> {
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'ppid=,stat=,command=', '-p', String(pid)]);
  const [, parent, state, commandLine] = /^\s*([0-9]+)\s+(\S+)\s+(.*)$/s.exec(stdout) ?? [];
  return commandLine === undefined || state?.startsWith('Z') === true ? undefined : { parent: Number(parent), commandLine };
}
