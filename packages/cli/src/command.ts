// A command is data: its words, what it takes, what it does. Parsing, help, completion and the reference are all made from
// the same table, so none can say something else.
import type { Arguments } from './arguments.ts';
import type { CommandContext } from './context.ts';

/** How a process ends. */
export const EXIT = {
  OK: 0,
  /** Valora refused it, or something failed. */
  FAILED: 1,
  /** The command line itself is wrong. */
  USAGE: 2,
  /** A part was done and a part was refused. */
  PARTLY: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface OptionDeclaration {
  /** What stands for the value in the help; null for a switch. */
  readonly value: string | null;
  readonly description: string;
  readonly required?: boolean;
  /** May be given more than once. */
  readonly repeated?: boolean;
  readonly choices?: readonly string[];
  readonly default?: string;
}

export interface PositionalDeclaration {
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
  /** Takes all the words that follow; only the last one may. */
  readonly repeated?: boolean;
  readonly choices?: readonly string[];
}

export interface Command {
  /** Its words: `org create`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** More, for the help of this command. */
  readonly details?: string;
  readonly positionals?: readonly PositionalDeclaration[];
  readonly options?: Readonly<Record<string, OptionDeclaration>>;
  /** What it authenticates with; absent: it calls nobody. */
  readonly credential?: 'an API key' | 'the operator credential' | 'an API key or the operator credential';
  readonly run: (context: CommandContext, args: Arguments) => Promise<ExitCode | void>;
}

/** The command line is wrong: the message says how it is right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something else went wrong that the caller can mend: the message says how. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
