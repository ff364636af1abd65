// What can be set about the ingest bench.
export const INGEST_DEFAULTS = {
  /** How long each timed stretch takes, about. */
  seconds: 3,
  rounds: 5,
  batchSize: 500,
  /** Requests of one organization under way at once. */
  inFlight: 8,
  /** Callers that send one event a call. */
  callers: 64,
  /** Connections of the bare insert; the fastest counts. */
  floorConnections: [2, 4] as readonly number[],
  /** Rows that both sides' tables hold before the first round. */
  rowsBefore: 0,
  /** How much each series sends before its speed is known. */
  warmUpEvents: 10_000,
  profile: '',
};

export type IngestSettings = typeof INGEST_DEFAULTS;
