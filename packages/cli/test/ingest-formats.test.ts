/** What every format must do alike: refuse a bad row and no other, and write rejects that can be mended and sent again. */
import { cloudEventKey } from '@valora/client';
import { expect, test } from 'vitest';
import { sendCloudEvents, sendCsv, sendNdjson, type Send } from './ingest-run.ts';

const time = '2026-01-31T09:30:00Z';

interface Format {
  readonly name: string;
  readonly send: Send;
  /** A whole file of rows, each by its key, the first byte of its customer, and something behind. */
  readonly file: (rows: readonly Shown[]) => Buffer;
}

interface Shown {
  readonly id: string;
  /** A character for each byte. */
  readonly customer?: string;
  readonly filler?: string;
}

const csvLine = ({ id, customer = 'acme', filler = '' }: Shown): string => `${id},requests,${customer},${time},1.50,"${filler}"`;
const ndjsonLine = ({ id, customer = 'acme', filler = '' }: Shown): string => `{"key": "${id}", "meter": "requests", "customer": "${customer}", "time": "${time}", "value": 1.50, "filler": "${filler}"}`;
const cloudEvent = ({ id, customer = 'acme', filler = '' }: Shown): string =>
  `{"specversion": "1.0", "id": "${id}", "source": "s", "type": "requests", "subject": "${customer}", "time": "${time}", "data": {"value": 1.50, "filler": "${filler}"}}`;
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const formats: readonly Format[] = [
  { name: 'CSV', send: sendCsv, file: (rows) => bytes(['key,meter,customer,time,value,filler', ...rows.map(csvLine)].join('\n')) },
  { name: 'CSV with carriage returns', send: sendCsv, file: (rows) => bytes(`${['key,meter,customer,time,value,filler', ...rows.map(csvLine)].join('\r\n')}\r\n`) },
  { name: 'NDJSON', send: sendNdjson, file: (rows) => bytes(rows.map(ndjsonLine).join('\n')) },
  { name: 'NDJSON with carriage returns and empty lines', send: sendNdjson, file: (rows) => bytes(`${rows.map(ndjsonLine).join('\r\n\r\n')}\r\n`) },
  { name: 'CloudEvents, an event a line', send: sendCloudEvents, file: (rows) => bytes(rows.map(cloudEvent).join('\n')) },
  { name: 'CloudEvents, one array', send: sendCloudEvents, file: (rows) => bytes(`[${rows.map(cloudEvent).join(',')}]`) },
  { name: 'CloudEvents, one array over many lines', send: sendCloudEvents, file: (rows) => bytes(`\n[\n${rows.map(cloudEvent).join('\n,\n').replaceAll(', "', ',\r\n  "')}\n]\n`) },
];

test.each(formats)('$name: what Valora refused is sent again as it is, refused again in the same words, and recorded once it is mended', async ({ send, file }) => {
  const whole = file([{ id: 'k1' }, { id: 'k2' }, { id: 'k3' }]);
  const all = await send(whole);
  expect([all.events.length, all.rejects]).toEqual([3, '']);
  const [, second] = all.events;
  const first = await send(whole, ({ idempotencyKey }) => idempotencyKey === second?.idempotencyKey);
  expect([first.events, first.refusals.length]).toEqual([all.events.filter((event) => event.idempotencyKey !== second?.idempotencyKey), 1]);
  const again = await send(bytes(first.rejects), () => true);
  expect([again.rejects, again.refusals]).toEqual([first.rejects, first.refusals]);
  expect((await send(bytes(again.rejects))).events).toEqual([second]);
});

test.each(formats)('$name: bytes that are no UTF-8 refuse their row and no other; they are kept, refused again, and taken once they are mended', async ({ send, file }) => {
  const first = await send(file([{ id: 'k1' }, { id: 'k2', filler: 'caf\xe9' }, { id: 'k3', filler: 'caf\xc3\xa9' }]));
  expect(first.events).toHaveLength(2);
  expect(first.refusals).toEqual([expect.stringMatching(/^[234] ROW_MALFORMED : This row is not valid UTF-8\./)]);
  expect(first.rejects).toContain('caf\xe9');
  const again = await send(bytes(first.rejects));
  expect([again.events, again.rejects]).toEqual([[], first.rejects]);
  expect((await send(bytes(first.rejects.replace('caf\xe9', 'caf\xc3\xa9')))).events).toHaveLength(1);
});

test.each(formats)('$name: a row of 10 MB is refused by itself, and again as long as it is not mended', async ({ send, file }) => {
  const first = await send(file([{ id: 'k1' }, { id: 'k2', filler: 'x'.repeat(10_000_000) }, { id: 'k3' }]));
  expect(first.events).toHaveLength(2);
  expect(first.refusals).toEqual([expect.stringMatching(/^[234] ROW_MALFORMED : This row is longer than 1048576 bytes/)]);
  expect(first.rejects).toContain('k2');
  expect(first.rejects.length).toBeLessThan(5_000);
  expect((await send(bytes(first.rejects))).events).toEqual([]);
}, 60_000);

test.each(formats)('$name: the last row needs no line end, and no row is an answer too', async ({ send, file }) => {
  expect((await send(file([{ id: 'k1' }]))).events).toHaveLength(1);
  expect((await send(file([]))).events).toEqual([]);
});

test.each(formats)('$name: a refused row of nothing much but white space takes no time', async ({ send, file }) => {
  const started = performance.now();
  const { rejects } = await send(file([{ id: 'k1', customer: ' '.repeat(1_000_000) }]), () => true);
  expect((await send(bytes(rejects), () => true)).rejects).toBe(rejects);
  expect(performance.now() - started).toBeLessThan(5_000);
}, 60_000);

test('CSV: line ends and delimiters in quotes belong to their cell, also in the rejects', async () => {
  const content = 'key,meter,customer,time,value,property.note\r\nk1,requests,acme,2026-01-31T09:30:00Z,1,"two\r\nlines, ""quoted"""\r\n\r\nk2,requests,acme,2026-01-31T09:30:00Z,1,plain\r\n';
  const first = await sendCsv(content, () => true);
  expect(first.refusals.map((each) => each.split(' ')[0])).toEqual(['1', '3']);
  expect((await sendCsv(first.rejects)).events.map(({ properties }) => properties.get('note'))).toEqual(['two\r\nlines, "quoted"', 'plain']);
});

test('CSV: a quoted cell of 10 MB is cut where it is, and the quotes behind it still fit', async () => {
  const content = `key,meter,customer,time,value,filler\nk1,requests,acme,${time},1,"${'a,"",\n'.repeat(2_000_000)}"\nk2,requests,acme,${time},1,"b"\n`;
  const { events, refusals } = await sendCsv(content);
  expect(events.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['k2']);
  expect(refusals).toEqual([expect.stringContaining('longer than')]);
}, 60_000);

test.each([['"', /quote in row 1 is never closed/], ['x"', /^The file is no CSV that can be read: /]])('CSV: after %s nothing can be told any more, which is said', async (opening, message) => {
  await expect(sendCsv(`key,meter,customer,time,value,filler\nk1,requests,acme,${time},1,${opening}${'y\n'.repeat(1_000_000)}`)).rejects.toThrow(message);
}, 60_000);

test('CSV: a heading that is no UTF-8 is said to be', async () => {
  await expect(sendCsv(bytes('key,caf\xe9\nk,1\n'))).rejects.toThrow('The heading is not valid UTF-8. Save the file as UTF-8.');
});

test.each([['NDJSON', sendNdjson], ['CloudEvents', sendCloudEvents]] as const)('%s: no line is overlooked because it looks empty', async (_name, send) => {
  const content = Buffer.concat([bytes(`\t \r\n${' '.repeat(1_100_000)}{}\n`), bytes('\xa0\n'), Buffer.from('\u00a0\n'), bytes(' \n')]);
  expect((await send(content)).refusals.map((each) => each.split(' ')[0])).toEqual(['2', '3', '4']);
});

test('NDJSON: a line that is too long is not taken for the event that it begins with', async () => {
  const first = await sendNdjson(`${ndjsonLine({ id: 'k1' })}${' '.repeat(1_100_000)}x`);
  expect([first.events, first.refusals.length]).toEqual([[], 1]);
  const again = await sendNdjson(first.rejects);
  expect([again.events, again.rejects]).toEqual([[], first.rejects]);
});

test('NDJSON: a property that is empty text is one; in CSV an empty cell is none', async () => {
  const { events: [event] } = await sendNdjson(`{"key":"k","meter":"m","customer":"c","time":"${time}","properties":{"a":"","b.c":"d","e":null}}`);
  expect(event?.properties).toEqual(new Map([['a', ''], ['b.c', 'd']]));
  expect((await sendCsv(`key,meter,customer,time,property.a\nk,m,c,${time},\n`)).events[0]?.properties).toEqual(new Map());
});

test.each([
  ['an event a line', `not json\n[1]\n1\n${cloudEvent({ id: 'k1' })}\n{"id": 1}`, ['1', '2', '3', '5']],
  ['one array', `[nope, [1], 1, ${cloudEvent({ id: 'k1' })}, {"id": 1}, ]`, ['1', '2', '3', '5', '6']],
])('CloudEvents, %s: what is no event is refused by itself, refused again as it is, and counts once it is one', async (_title, content, rows) => {
  const first = await sendCloudEvents(content);
  expect([first.events.length, first.refusals.map((each) => each.split(' ')[0])]).toEqual([1, rows]);
  const again = await sendCloudEvents(first.rejects);
  expect([again.events, again.rejects, again.refusals.map((each) => each.split(' ')[0])]).toEqual([[], first.rejects, rows]);
  const mended = first.rejects.split('\n').filter((line) => line !== '').map((line, position) => line.replace(/^.*(,"valora_source")/, `${cloudEvent({ id: `m${position}` }).slice(0, -1)}$1`)).join('\n');
  expect((await sendCloudEvents(mended)).events).toHaveLength(rows.length);
});

test('CloudEvents: the mapping is the client\'s, and a refusal names the attribute', async () => {
  const content = [
    `{"specversion":"1.0","id":"1","source":"s","type":"com.acme.Prompt","subject":"acme","time":"${time}","contract":"c-1","data":{"tokens":12345678901234567890.10,"model":"m"}}`,
    `{"specversion":"1.0","id":"2","source":"s","type":"storage","subject":"acme","time":"${time}","data":{"bytes":7}}`,
    `{"specversion":"1.0","id":"3","source":"s","type":"storage","subject":"acme","data":{"bytes":7}}`,
  ].join('\n');
  const options = { places: new Map([['value', 'data.bytes'], ['subscription', 'contract'], ['property.model', 'data.model']]), meters: new Map([['com.acme.Prompt', 'tokens']]), values: new Map([['com.acme.Prompt', 'data.tokens']]) };
  const { events, refusals } = await sendCloudEvents(content, undefined, options);
  expect(events.map(({ idempotencyKey, meter, subscription, value, properties }) => [idempotencyKey, meter, subscription, value, properties.get('model')])).toEqual([
    [cloudEventKey('s', '1'), 'tokens', 'c-1', '12345678901234567890.10', 'm'], [cloudEventKey('s', '2'), 'storage', '', '7', undefined],
  ]);
  expect(refusals).toEqual([expect.stringMatching(/^3 ROW_MALFORMED time: "time" is missing\./)]);
});

test.each([
  ['key', 'data.id', /^The key of a CloudEvent comes from source and id/], ['customer', 'data.c', /^The customer of a CloudEvent comes from subject/], ['colour', 'x', /^An event has no "colour"/],
  ['value', 'tokens.in', /^The value must be mapped to data, data\.<member> or an attribute, not to "tokens\.in"/],
])('CloudEvents: --map %s=%s is said to be impossible before anything is read', async (target, place, message) => {
  await expect(async () => sendCloudEvents('', undefined, { places: new Map([[target, place]]) })).rejects.toThrow(message);
});
