// The invoicing service as a process of its own.
import { dirname } from 'node:path';
import { runService } from '@valora/chassis';
import { createInvoicingService } from './service.ts';

await runService('invoicing', dirname(import.meta.dirname), createInvoicingService);
