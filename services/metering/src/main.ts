// The metering service as a process of its own.
import { dirname } from 'node:path';
import { runService } from '@valora/chassis';
import { createMeteringService } from './service.ts';

await runService('metering', dirname(import.meta.dirname), createMeteringService);
