// The pricing service as a process of its own.
import { runService } from '@valora/chassis';
import { createPricingService } from './service.ts';

await runService('pricing', createPricingService);
