// Answers on standard output: JSON for programs, aligned tables for people. Lists are written as they come, in constant
// memory.

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
}

export interface ListShape<Row> {
  readonly columns: readonly Column<Row>[];
  readonly json: (row: Row) => unknown;
}

export interface Output {
  line(text: string): void;
  /** One answer: a JSON value, or lines. */
  value(json: () => unknown, lines: () => readonly string[]): void;
  /** A JSON array, or a table. */
  list<Row>(rows: Iterable<Row> | AsyncIterable<Row>, shape: ListShape<Row>): Promise<void>;
  /** Records that go on coming: a JSON value a line, or a line. */
  record(json: () => unknown, line: () => string): Promise<void>;
}

/** How many rows are looked at before the widths of a table's columns are settled. */
const TABLE_ROWS = 500;
const COLUMN_GAP = '  ';

export interface TextStream {
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

export function createOutput(stdout: TextStream, json: boolean): Output {
  async function write(text: string): Promise<void> {
    // Whoever reads slowly is not written to faster.
    if (!stdout.write(text)) await new Promise<void>((resolve) => { stdout.once('drain', resolve); });
  }
  return {
    line: (text) => void stdout.write(`${text.split('\n').map(oneLine).join('\n')}\n`),
    value(value, lines) {
      stdout.write(json ? `${JSON.stringify(value(), null, 2)}\n` : lines().map((line) => `${oneLine(line)}\n`).join(''));
    },
    async list(rows, shape) {
      if (json) await writeArray(rows, shape.json, write);
      else await writeTable(rows, shape.columns, write);
    },
    record: (value, line) => write(`${json ? JSON.stringify(value()) : oneLine(line())}\n`),
  };
}

async function writeArray<Row>(rows: Iterable<Row> | AsyncIterable<Row>, json: (row: Row) => unknown, write: (text: string) => Promise<void>): Promise<void> {
  let opened = false;
  for await (const row of rows) {
    await write(`${opened ? ',\n' : '[\n'}${JSON.stringify(json(row))}`);
    opened = true;
  }
  await write(opened ? '\n]\n' : '[]\n');
}

async function writeTable<Row>(rows: Iterable<Row> | AsyncIterable<Row>, columns: readonly Column<Row>[], write: (text: string) => Promise<void>): Promise<void> {
  let waiting: string[][] = [columns.map(({ title }) => title)];
  let widths: number[] = columns.map(() => 0);
  const flush = async (): Promise<void> => {
    widths = widths.map((width, column) => Math.max(width, ...waiting.map((cells) => cells[column]?.length ?? 0)));
    for (const cells of waiting) await write(`${alignedRow(cells, widths, columns)}\n`);
    waiting = [];
  };
  for await (const row of rows) {
    waiting.push(columns.map(({ text }) => oneLine(text(row))));
    if (waiting.length > TABLE_ROWS) await flush();
  }
  await flush();
}

function alignedRow<Row>(cells: readonly string[], widths: readonly number[], columns: readonly Column<Row>[]): string {
  return cells.map((cell, column) => (columns[column]?.right === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(COLUMN_GAP).trimEnd();
}

/** Text of others may hold line ends and worse; a terminal gets none of it. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, ' ');
}

/** A table in memory, as lines. */
export function tableLines(rows: readonly (readonly string[])[], gap = COLUMN_GAP): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(gap).trimEnd());
}
