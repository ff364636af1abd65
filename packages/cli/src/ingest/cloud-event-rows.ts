// CloudEvents: an event a line, or one JSON array of them, which is told by the first character.
import { cloudEventFromJson, CloudEventRefused, type CloudEvent } from '@valora/client';
import { beginsWithBracket, elementsOf, isBlank, linesOf, type Piece } from './text-pieces.ts';
import { checkPiece, earlierMessage, isRejectColumn, rejectColumn, rejectedJson, REJECTED_LINE } from './json-row.ts';
import { RowRefused, type Row, type RowReader } from './row.ts';

export interface CloudEventRow extends Row {
  /** Throws RowRefused. */
  cloudEvent(): CloudEvent;
}

export function readCloudEvents(bytes: AsyncGenerator<Buffer, void, undefined>): RowReader<CloudEventRow> {
  return {
    columns: async () => null,
    rejectsHeading: () => '',
    async *rows() {
      const { isArray, bytes: all } = await beginsWithBracket(bytes);
      if (isArray) for await (const element of elementsOf(all)) yield cloudEventRow(element);
      else for await (const line of linesOf(all)) if (!isBlank(line)) yield cloudEventRow(line);
    },
  };
}

function cloudEventRow(piece: Piece): CloudEventRow {
  const read = readEvent(piece);
  const values = read instanceof RowRefused ? null : (read as Readonly<Record<string, unknown>>);
  return {
    number: piece.number,
    hasEmptyTexts: true,
    get: (column) => (isRejectColumn(column) ? rejectColumn(piece, values, column) : undefined),
    names: () => [],
    rejected: rejectedJson(piece, values !== null),
    cloudEvent() {
      if (read instanceof RowRefused) throw read;
      return read;
    },
  };
}

function readEvent(piece: Piece): CloudEvent | RowRefused {
  try {
    checkPiece(piece);
    const event = cloudEventFromJson(piece.text);
    return REJECTED_LINE in event ? new RowRefused('', earlierMessage(piece) ?? 'This is no JSON object.') : event;
  } catch (error) {
    if (error instanceof CloudEventRefused) return new RowRefused(error.attribute, error.message);
    if (error instanceof RowRefused) return error;
    throw error;
  }
}
