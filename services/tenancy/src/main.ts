// The tenancy service as a process of its own.
import { dirname } from 'node:path';
import { runService } from '@valora/chassis';
import { createTenancyService } from './service.ts';

await runService('tenancy', dirname(import.meta.dirname), createTenancyService);
