// When to stop: at the first SIGINT or SIGTERM. npm passes on the Ctrl-C that this process has from the terminal already, so one
// that follows at once is the same one; a later Ctrl-C ends the process.
const SAME_PRESS_MS = 1_000;
const EXIT_INTERRUPTED = 130;

/** Calls `stop` once. From then on signals no longer end the process by themselves. */
export function onStopSignal(stop: () => void): void {
  let firstMs: number | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const nowMs = performance.now();
      if (firstMs === null) {
        firstMs = nowMs;
        stop();
      } else if (signal === 'SIGINT' && nowMs - firstMs > SAME_PRESS_MS) {
        process.exit(EXIT_INTERRUPTED);
      }
    });
  }
}
