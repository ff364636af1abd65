// From the words of a command line to an exit code: find the command, read its arguments, run it, and say what went wrong
// in a way one can act on.
import { status } from '@grpc/grpc-js';
import { CallError } from '@valora/client';
import { parseArguments, Arguments } from './arguments.ts';
import { CommandError, EXIT, UsageError, type Command, type ExitCode } from './command.ts';
import { addressOf, createContext, type Surroundings } from './context.ts';
import { oneLine } from './output.ts';
import { helpOfAll, helpOfCommand, usage } from './help.ts';

const COMMAND_WORDS_MAX = 2;

export async function runCommand(commands: readonly Command[], words: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const write = (lines: readonly string[]): void => void surroundings.stdout.write(lines.map((line) => `${line}\n`).join(''));
  const [command, rest] = findCommand(commands, words[0] === 'help' ? words.slice(1) : words);
  if (command === null) {
    const asked = words.length > 0 && (words.includes('--help') || words[0] === 'help');
    const ofNoun = commands.filter(({ name }) => rest[0] !== undefined && name.startsWith(`${rest[0]} `));
    const lines = helpOfAll(ofNoun.length > 0 ? ofNoun : commands);
    if (asked) {
      write(lines);
      return EXIT.OK;
    }
    const wanted = rest.slice(0, COMMAND_WORDS_MAX).filter((word) => !word.startsWith('-'));
    const isUnknown = wanted.length > (ofNoun.length > 0 ? 1 : 0); // a noun alone asks what can be done with it
    surroundings.stderr.write(isUnknown ? `There is no command "${wanted.join(' ')}". \`valora ${ofNoun.length > 0 ? `help ${wanted[0] ?? ''}` : '--help'}\` lists those that there are.\n` : `${lines.join('\n')}\n`);
    return EXIT.USAGE;
  }
  if (words[0] === 'help' || rest.includes('--help')) {
    write(helpOfCommand(command));
    return EXIT.OK;
  }
  let args = new Arguments({}, new Set(rest.filter((word) => word === '--json').map(() => 'json')), {});
  try {
    args = parseArguments(command, rest);
    return await runWith(command, args, surroundings);
  } catch (error) {
    surroundings.stderr.write(errorText(error, command, args, surroundings));
    return error instanceof UsageError ? EXIT.USAGE : EXIT.FAILED;
  }
}

async function runWith(command: Command, args: Arguments, surroundings: Surroundings): Promise<ExitCode> {
  const context = createContext(surroundings, args);
  try {
    return await command.run(context, args) ?? EXIT.OK;
  } finally {
    context.close();
  }
}

function findCommand(commands: readonly Command[], words: readonly string[]): readonly [command: Command | null, rest: readonly string[]] {
  for (let count = COMMAND_WORDS_MAX; count > 0; count -= 1) {
    const name = words.slice(0, count).join(' ');
    const found = commands.find((command) => command.name === name);
    if (found !== undefined) return [found, words.slice(count)];
  }
  return [null, words];
}

/** What goes to standard error: the reason and the fix; as JSON for programs; with the stack only where it was asked for. */
function errorText(error: unknown, command: Command, args: Arguments, { environment }: Surroundings): string {
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
  const call = error instanceof CallError ? error : null;
  const fix = call === null ? null : fixOf(call, addressOf(environment, args));
  if (args.flag('json')) {
    const code = call === null ? (error instanceof UsageError ? 'USAGE' : 'FAILED') : status[call.code];
    return `${JSON.stringify({ error: { code, reason: call?.reason ?? '', message: call?.details ?? message, metadata: call?.metadata ?? {}, fieldViolations: call?.fieldViolations ?? [] } })}\n`;
  }
  const lines = call === null ? [message] : [`${call.reason === '' ? status[call.code] : call.reason}: ${call.fieldViolations.length > 1 ? '' : call.details}`.trim()];
  if (call !== null && call.fieldViolations.length > 1) lines.push(...call.fieldViolations.map(({ field, description }) => `  ${field}: ${description}`));
  if (fix !== null) lines.push(fix);
  if (error instanceof UsageError) lines.push(`Usage: ${usage(command)}`);
  if (environment['VALORA_DEBUG'] !== undefined) lines.push(stack);
  else if (call === null && !(error instanceof UsageError) && !(error instanceof CommandError)) lines.push('Set VALORA_DEBUG=1 to see where.');
  return `${lines.join('\n').split('\n').map(oneLine).join('\n')}\n`;
}

/** What Valora's own message can't know: how this command line is called. */
function fixOf({ code, reason }: CallError, address: string): string | null {
  if (code === status.UNAVAILABLE && reason === '') return `Nothing answered at ${address}. Is Valora running there? Start it by \`valora up\`, or say where it is by --address or VALORA_ADDRESS.`;
  if (code === status.UNAUTHENTICATED) return 'Set VALORA_API_KEY, or give --key-file.';
  if (reason === 'PRICE_VERSION_BACK_DATED') return 'If it is meant, repeat it with --allow-back-dating.';
  if (code === status.DEADLINE_EXCEEDED) return 'Repeat it, with more time by --deadline.';
  return null;
}
