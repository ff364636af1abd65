// Options that several commands take.
import { newRequestId } from '@valora/client';
import type { Arguments } from '../arguments.ts';
import type { OptionDeclaration } from '../command.ts';

export const requestIdOption: Readonly<Record<string, OptionDeclaration>> = {
  'request-id': { value: 'id', description: 'Your own name for this request: made again with the same one, it answers the same and does nothing twice. Otherwise a random one.' },
};

export function requestId(args: Arguments): string {
  return args.optional('request-id') ?? newRequestId();
}

/** A value under a name, for what an rpc must answer. */
export function answered<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`the answer has no ${what}`);
  return value;
}
