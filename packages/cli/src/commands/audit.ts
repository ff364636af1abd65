// The audit trail. Each service keeps its own.
import { tailAudit, type ValoraClient } from '@valora/client';
import type { AuditRecord } from '@valora/contracts/valora/audit/v1/audit';
import { wholeNumber, type Arguments } from '../arguments.ts';
import type { Command, OptionDeclaration } from '../command.ts';
import { auditShape } from '../shapes.ts';

const services = ['tenancy', 'metering', 'pricing', 'subscription', 'invoicing'] as const;
const PAGE_SIZE = 1_000;

const options: Readonly<Record<string, OptionDeclaration>> = {
  service: { value: 'name', description: 'Whose trail.', choices: services, required: true },
  after: { value: 'sequence', description: 'Only records after this one.', default: '0' },
};

function auditOf(client: ValoraClient, args: Arguments): ValoraClient['audit']['tenancy'] {
  return client.audit[services.find((name) => name === args.text('service')) ?? 'tenancy'];
}

function afterSequence(args: Arguments): bigint {
  return BigInt(wholeNumber('--after', args.text('after'), { min: 0, max: Number.MAX_SAFE_INTEGER }));
}

async function* allRecords(audit: ValoraClient['audit']['tenancy'], after: bigint): AsyncGenerator<AuditRecord> {
  let last = after;
  for (;;) {
    const { records } = await audit.listAuditRecords({ afterSequence: last, pageSize: PAGE_SIZE });
    yield* records;
    if (records.length < PAGE_SIZE) return;
    last = records.at(-1)?.sequence ?? last;
  }
}

export const auditCommands: readonly Command[] = [
  {
    name: 'audit list',
    summary: 'Lists the audit records of a service, in order.',
    credential: 'an API key',
    options,
    run: (context, args) => context.output.list(allRecords(auditOf(context.client(), args), afterSequence(args)), auditShape),
  },
  {
    name: 'audit tail',
    summary: 'Shows audit records as they come, until Ctrl-C; connections that end are taken up again.',
    details: 'With --json a record a line.',
    credential: 'an API key',
    options,
    async run(context, args) {
      const tail = tailAudit(auditOf(context.client(), args), { afterSequence: afterSequence(args), signal: context.stopSignal() });
      for await (const record of tail) await context.output.record(() => auditShape.json(record), () => auditShape.columns.map(({ text }) => text(record)).join('  '));
    },
  },
];
