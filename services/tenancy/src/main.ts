// The tenancy service as a process of its own.
import { runService } from '@valora/chassis';
import { createTenancyService } from './service.ts';

await runService('tenancy', createTenancyService);
