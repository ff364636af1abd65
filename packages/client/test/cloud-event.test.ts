/** CloudEvents as they arrive: documents, batches, and the three modes of HTTP. */
import { cloudEventFromJson, CloudEventRefused, cloudEventsFromHttp, cloudEventsFromJson, NumberText, usageEventFromCloudEvent } from '@valora/client';
import { expect, test } from 'vitest';

const event = { specversion: '1.0', id: '1', source: '/s', type: 'requests', subject: 'acme', time: '2026-01-31T09:30:00Z' };
const document = `${JSON.stringify(event).slice(0, -1)}, "data": {"value": 0.10}}`;
const binary = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 'requests', 'ce-subject': 'acme', 'ce-time': '2026-01-31T09:30:00Z', 'content-type': 'application/json' };

test('every mode of one event makes one and the same usage event', () => {
  const expected = usageEventFromCloudEvent(cloudEventFromJson(document));
  expect(expected.value).toBe('0.10');
  const modes = [
    cloudEventsFromHttp({ headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' }, body: Buffer.from(document) }),
    cloudEventsFromHttp({ headers: { 'Content-Type': 'application/cloudevents-batch+json' }, body: `[${document}]` }),
    cloudEventsFromHttp({ headers: binary, body: Buffer.from('{"value": 0.10}') }),
    cloudEventsFromHttp({ headers: new Headers(binary), body: '{"value": 0.10}' }),
    cloudEventsFromJson(`[${document}]`),
  ];
  for (const events of modes) expect(events.map((each) => usageEventFromCloudEvent(each))).toEqual([expected]);
});

test('a batch may be empty, and every event of it is its own', () => {
  expect(cloudEventsFromJson(' [] ')).toEqual([]);
  expect(cloudEventsFromJson(`[${document}, {"id": 2}]`).map(({ id }) => id)).toEqual(['1', new NumberText('2')]);
});

test.each([
  ['Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € 😀'],
  ['a%2541', 'a%41'],
  ['%e2%82%ac', '€'],
  ['100%', '100%'],
  ['"a \\"b\\" c"', 'a "b" c'],
  ['  a b ', 'a b'],
  ['%41', 'A'],
])('the header value %s is the attribute %s', (header, attribute) => {
  expect(cloudEventsFromHttp({ headers: { ...binary, 'CE-Subject': undefined, 'ce-id': header }, body: '' })[0]?.id).toBe(attribute);
});

test.each<{ title: string; headers: Record<string, string | string[]>; body?: string | Uint8Array; attribute: string }>([
  { title: 'overlong UTF-8', headers: { ...binary, 'ce-id': '%C0%A0' }, attribute: 'id' },
  { title: 'a surrogate in UTF-8', headers: { ...binary, 'ce-id': '%ED%A0%80' }, attribute: 'id' },
  { title: 'raw letters of other alphabets', headers: { ...binary, 'ce-subject': 'Ã©' }, attribute: 'subject' },
  { title: 'an attribute twice', headers: { ...binary, 'ce-id': ['1', '2'] }, attribute: 'id' },
  { title: 'an attribute twice, in other letters', headers: { ...binary, 'CE-ID': '2' }, attribute: 'id' },
  { title: 'another event format', headers: { 'content-type': 'application/cloudevents+avro' }, attribute: 'datacontenttype' },
  { title: 'a body that is no JSON', headers: binary, body: '{', attribute: 'data' },
  { title: 'a body that is no UTF-8', headers: { 'content-type': 'application/cloudevents+json' }, body: Buffer.from([0x7b, 0xff, 0x7d]), attribute: '' },
  { title: 'a batch that is an object', headers: { 'content-type': 'application/cloudevents-batch+json' }, body: document, attribute: '' },
  { title: 'an event that is a batch', headers: { 'content-type': 'application/cloudevents+json' }, body: '[]', attribute: '' },
  { title: 'JSON so deep that nobody reads it', headers: { 'content-type': 'application/cloudevents-batch+json' }, body: '['.repeat(1_000_000), attribute: '' },
])('$title is refused', ({ headers, body = '', attribute }) => {
  expect(() => cloudEventsFromHttp({ headers, body })).toThrow(CloudEventRefused);
  try {
    cloudEventsFromHttp({ headers, body });
  } catch (error) {
    expect(error instanceof CloudEventRefused ? error.attribute : null).toBe(attribute);
  }
});

test.each(['1', 'null', '[]', '"a"'])('%s in a batch is refused by itself', (element) => {
  const [first, second] = cloudEventsFromJson(`[${element}, ${document}]`);
  expect(() => usageEventFromCloudEvent(first ?? {})).toThrow(CloudEventRefused);
  expect(usageEventFromCloudEvent(second ?? {}).value).toBe('0.10');
});

test('headers that are no attributes make none: neither data nor another content type', () => {
  const [read] = cloudEventsFromHttp({ headers: { ...binary, 'ce-data': '{"value": 9}', 'ce-data_base64': 'e30=', 'ce-datacontenttype': 'text/xml', 'x-id': '7' }, body: '' });
  expect(read).toEqual({ ...event, datacontenttype: 'application/json' });
});

test('a body of another type is kept as bytes, and an event that is only counted is made of it', () => {
  const [read] = cloudEventsFromHttp({ headers: { ...binary, 'content-type': 'application/octet-stream' }, body: Buffer.from([0, 255]) });
  expect(usageEventFromCloudEvent(read ?? {}).value).toBe('');
});
