// The pricing service as a process of its own.
import { dirname } from 'node:path';
import { runService } from '@valora/chassis';
import { createPricingService } from './service.ts';

await runService('pricing', dirname(import.meta.dirname), createPricingService);
