/** What the instrumentations emit, under its current names and without anything a caller sent. */
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { conventional } from '../src/span-conventions.ts';

type Span = Parameters<typeof conventional>[0];

const span = (fields: Partial<Span>): Span => ({ name: 'n', kind: SpanKind.SERVER, attributes: {}, status: { code: SpanStatusCode.ERROR, message: 'secret' }, ...fields }) as Span;
const call = (code: status, kind: SpanKind): Span => conventional(span({
  kind, name: 'grpc.a.v1.Books/Open',
  attributes: { 'rpc.system': 'grpc', 'rpc.service': 'a.v1.Books', 'rpc.method': 'Open', 'rpc.grpc.status_code': code, 'grpc.error_name': 'Error', 'grpc.error_message': 'secret', 'server.address': 'h' },
}));

test.each([
  [status.OK, SpanKind.SERVER, undefined], [status.OK, SpanKind.CLIENT, undefined],
  [status.NOT_FOUND, SpanKind.SERVER, undefined], [status.NOT_FOUND, SpanKind.CLIENT, 'NOT_FOUND'],
  [status.INTERNAL, SpanKind.SERVER, 'INTERNAL'], [status.DEADLINE_EXCEEDED, SpanKind.SERVER, 'DEADLINE_EXCEEDED'], [status.CANCELLED, SpanKind.SERVER, undefined],
])('a call that ended with %i, of kind %i, has the error type %s', (code, kind, errorType) => {
  const { name, attributes, status: { code: outcome, message } } = call(code, kind);
  expect(name).toBe('a.v1.Books/Open');
  expect(attributes).toEqual({
    'server.address': 'h', 'rpc.system.name': 'grpc', 'rpc.method': 'a.v1.Books/Open', 'rpc.status_code': status[code], ...(errorType === undefined ? {} : { 'error.type': errorType }),
  });
  expect([outcome, message]).toEqual([errorType === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR, undefined]);
});

test.each([
  ['select a from b where c = $1', 'SELECT b'],
  ['SELECT "s"."t"."x" FROM "s"."t" WHERE 1=1', 'SELECT s.t'],
  ['with won as (insert into usage_key select * from unnest($1::text[]) returning key) insert into usage_event select * from won', 'INSERT usage_key'],
  ['with due as (select x from y) update z set a = 1 from due', 'UPDATE z'],
  ['delete from only_here', 'DELETE only_here'],
  ['select take_recorded_time() as micros', 'SELECT take_recorded_time'],
  ['COMMIT', 'COMMIT'],
])('%s is named %s', (text, name) => {
  expect(conventional(span({ attributes: { 'db.system.name': 'postgresql', 'db.query.text': text } })).name).toBe(name);
});

test('literals are left out of statements, and messages of errors', () => {
  const { attributes, status: { message } } = conventional(span({
    attributes: { 'db.system.name': 'postgresql', 'db.query.text': "select set_config('app.organization', 'it''s mine', true)", 'db.postgresql.values': ['secret'] },
  }));
  expect([attributes['db.query.text'], attributes['db.postgresql.values'], message]).toEqual(['select set_config(?, ?, true)', undefined, undefined]);
});

test('a span of our own stays as it is', () => {
  const own = span({ name: 'scheduler.tick', attributes: { 'valora.job': 'close_cycles' } });
  expect(conventional(own)).toBe(own);
});
