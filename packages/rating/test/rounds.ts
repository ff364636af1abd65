/** How many random rounds a law runs: modest by default, VALORA_ROUNDS for a long night. */
import { vi } from 'vitest';

vi.setConfig({ testTimeout: 3_600_000 }); // a law ends by its rounds, not by the clock

export function rounds(ordinary = 200): { numRuns: number } {
  const asked = Number(process.env['VALORA_ROUNDS'] ?? '0');
  return { numRuns: asked > 0 ? asked : ordinary };
}
