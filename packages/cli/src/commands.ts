// All commands, in the order of the help.
import type { Command } from './command.ts';
import { archiveCommands } from './commands/archive.ts';
import { auditCommands } from './commands/audit.ts';
import { catalogCommands } from './commands/catalog.ts';
import { closeCommands } from './commands/close.ts';
import { completionCommands } from './commands/completion.ts';
import { creditNoteCommands } from './commands/credit-notes.ts';
import { customerCommands } from './commands/customer.ts';
import { ingestCommands } from './commands/ingest.ts';
import { invoiceCommands } from './commands/invoices.ts';
import { jobCommands } from './commands/jobs.ts';
import { keyCommands } from './commands/key.ts';
import { meterCommands } from './commands/meter.ts';
import { organizationCommands } from './commands/organization.ts';
import { planCommands } from './commands/plan.ts';
import { priceCommands } from './commands/price.ts';
import { startCommands } from './commands/start.ts';
import { subscriptionCommands } from './commands/subscription.ts';
import { usageCommands } from './commands/usage.ts';

export const commands: readonly Command[] = [
  ...startCommands, ...organizationCommands, ...keyCommands, ...catalogCommands, ...meterCommands, ...priceCommands, ...planCommands, ...customerCommands, ...subscriptionCommands,
  ...ingestCommands, ...usageCommands, ...closeCommands, ...invoiceCommands, ...creditNoteCommands, ...jobCommands, ...auditCommands, ...archiveCommands, ...completionCommands,
];
