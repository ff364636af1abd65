// Credit notes.
import { listAll } from '@valora/client';
import type { Command } from '../command.ts';
import { creditNoteShape } from '../shapes.ts';

export const creditNoteCommands: readonly Command[] = [
  {
    name: 'credit-notes list',
    summary: 'Lists the credit notes by issue time, with what is left of each.',
    credential: 'an API key',
    run: (context) => context.output.list(listAll(context.client().creditNotes.listCreditNotes, {}), creditNoteShape),
  },
];
