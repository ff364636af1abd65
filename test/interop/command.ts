// Running other programs: all output is kept, and shown when they fail. Compiling may load a lot the first time; ten minutes are a defect.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const MS_MAX = 600_000;

export interface Command {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and answers what it wrote to standard output. Throws with all it said if it fails. */
export async function run(command: Command): Promise<string> {
  const child = spawn(command.program, command.arguments, {
    cwd: command.folder, env: { ...process.env, ...command.environment }, stdio: ['ignore', 'pipe', 'pipe'], timeout: MS_MAX,
  });
  const [output, complaints, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit') as Promise<[number | null, string | null]>]);
  if (code !== 0) throw new Error(`${[command.program, ...command.arguments].join(' ')} in ${command.folder} ended with ${signal ?? String(code)}:\n${output}${complaints}`);
  return output;
}

/** The version a program reports, as numbers; null where there is no such program, or it reports none. */
export async function versionOf(program: string, versionArguments: readonly string[], pattern: RegExp): Promise<readonly number[] | null> {
  try {
    const said = await run({ program, arguments: versionArguments, folder: process.cwd() });
    const found = pattern.exec(said)?.[1];
    return found === undefined ? null : found.split('.').map(Number);
  } catch {
    return null;
  }
}
