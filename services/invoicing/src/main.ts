// The invoicing service as a process of its own.
import { runService } from '@valora/chassis';
import { createInvoicingService } from './service.ts';

await runService('invoicing', createInvoicingService);
