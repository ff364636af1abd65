// What can be set about the ingest bench.
export const INGEST_DEFAULTS = {
  /** How long each timed stretch takes, about. */
  seconds: 1,
  rounds: 5,
  /** Events of a request; of more than one, requests of one organization are under way `inFlight` at a time. */
  batchSizes: [1, 100, 500, 5_000] as readonly number[],
  inFlight: 8,
  /** Of the batch sizes, the one whose keys come by chance too, and with which growth is measured. */
  batchSize: 500,
  /** Callers that send one event a call. */
  callers: 64,
  /** Over which what is streamed is spread; 0 streams nothing. */
  streams: 16,
  /** Connections of the bare insert; the fastest counts. */
  floorConnections: [2, 4] as readonly number[],
  /** Rows that both sides' tables hold before the first round. Of several, everything is measured at the first and growth at each. */
  rowsBefore: [0] as readonly number[],
  /** How much each series sends before its speed is known. */
  warmUpEvents: 10_000,
  profile: '',
};

export type IngestSettings = typeof INGEST_DEFAULTS;
