/** What of a CloudEvent becomes what of a usage event, and what is refused with which fix. */
import { createHash } from 'node:crypto';
import { cloudEventFromJson, cloudEventKey, CloudEventRefused, usageEventFromCloudEvent, type CloudEvent, type CloudEventMapping } from '@valora/client';
import { expect, test } from 'vitest';

const plain = { specversion: '1.0', id: '00001', source: 'service-0', type: 'requests', subject: 'acme', time: '2026-01-31T09:30:00Z' };
const json = (members: string): CloudEvent => cloudEventFromJson(`${JSON.stringify(plain).slice(0, -1)}, ${members}}`);

function refusal(event: CloudEvent, mapping: CloudEventMapping = {}): CloudEventRefused {
  try {
    usageEventFromCloudEvent(event, mapping);
  } catch (error) {
    if (error instanceof CloudEventRefused) return error;
    throw error;
  }
  throw new Error('it was taken');
}

test('source and id make the key, subject is the customer, type the meter, time the event time, data.value the value', () => {
  expect(usageEventFromCloudEvent({ ...plain, data: { value: '1.50' }, subscription: 'acme-1' })).toEqual({
    idempotencyKey: `ce_${createHash('sha256').update('9:service-000001').digest('hex')}`,
    meter: 'requests', customer: 'acme', subscription: 'acme-1', eventTime: { seconds: 1_769_851_800n, nanos: 0 }, value: '1.50', properties: new Map(),
  });
});

test.each([
  [['a b', 'c'], ['a', 'b c']], [['a', 'bc'], ['ab', 'c']], [['1:a', 'b'], ['1', ':ab']], [['é', 'x'], ['e', '\u0301x']], [['a', '1:a'], ['a1', ':a']], [['0', '1:0'], ['01', ':0']],
])('source and id %j and %j have different keys of at most 128 printable characters', ([source = '', id = ''], [otherSource = '', otherId = '']) => {
  expect(cloudEventKey(source, id)).not.toBe(cloudEventKey(otherSource, otherId));
  expect(cloudEventKey(source.repeat(10_000), id)).toMatch(/^[\x21-\x7e]{67}$/);
});

test('no two of 10,000 ways to cut a text into source and id share a key', () => {
  const text = '0:1:2:ab'.repeat(1_250);
  expect(new Set(Array.from({ length: text.length + 1 }, (_, cut) => cloudEventKey(text.slice(0, cut), text.slice(cut)))).size).toBe(text.length + 1);
});

test.each([
  ['2026-01-31T10:30:00.1234567+01:00', 1_769_851_800n, 123_456_000],
  ['1969-12-31T23:59:59.9999999Z', -1n, 999_999_000],
  ['0001-01-01T00:00:00Z', -62_135_596_800n, 0],
  ['9999-12-31T23:59:59.999999Z', 253_402_300_799n, 999_999_000],
])('time %s = %d s + %d ns, finer digits cut toward the past', (time, seconds, nanos) => {
  expect(usageEventFromCloudEvent({ ...plain, time }).eventTime).toEqual({ seconds, nanos });
});

test.each([
  ['"data": {"value": 0.1}', '0.1'],
  ['"data": {"value": 123456789012345678901234567890.123456789012345678}', '123456789012345678901234567890.123456789012345678'],
  ['"data": {"value": 9007199254740993}', '9007199254740993'],
  ['"data": {"value": 1.50}', '1.50'],
  ['"data": {"value": 1e3}', '1e3'],
  ['"data": {"value": -0}', '-0'],
  ['"data": {"value": "12"}', '12'],
  ['"data": {"value": null}', ''],
  ['"data": {"other": 1}', ''],
  ['"data": [1]', ''],
  ['"data": null', ''],
  ['"subject": "acme"', ''],
  ['"datacontenttype": "application/vnd.usage+json; charset=utf-8", "data": {"value": 7}', '7'],
  ['"datacontenttype": "application/json", "data_base64": "eyJ2YWx1ZSI6IDAuMTB9"', '0.10'],
  ['"datacontenttype": "text/xml", "data": "<value>1</value>"', ''],
  ['"data_base64": "AAECAw=="', ''],
])('%s: the value is "%s"', (members, value) => {
  expect(usageEventFromCloudEvent(json(members)).value).toBe(value);
});

test('the mapping names meters by type, the place of the value, properties and the subscription', () => {
  const event = json('"type": "com.acme.LLM/prompt", "region": "eu", "contract": "c-1", "data": {"tokens": {"in": 12.0}, "model.name": "m", "cached": true, "none": null}');
  const mapping: CloudEventMapping = {
    meters: new Map([['com.acme.LLM/prompt', 'tokens']]), value: 'data.amount', values: new Map([['com.acme.LLM/prompt', 'data.tokens.in']]),
    properties: new Map([['region', 'region'], ['model', 'data.model.name'], ['cached', 'data.cached'], ['tokens', 'data.tokens.in'], ['absent', 'data.none'], ['from', 'source']]), subscription: 'contract',
  };
  expect(usageEventFromCloudEvent(event, mapping)).toMatchObject({
    meter: 'tokens', value: '12.0', subscription: 'c-1', properties: new Map([['region', 'eu'], ['model', 'm'], ['cached', 'true'], ['tokens', '12.0'], ['from', 'service-0']]),
  });
  expect(usageEventFromCloudEvent({ ...plain, data: '5' }, { value: 'data' }).value).toBe('5');
  expect(usageEventFromCloudEvent({ ...plain, data: { value: 5n } }).value).toBe('5');
});

test.each<{ title: string; event: CloudEvent; mapping?: CloudEventMapping; attribute: string; says: RegExp }>([
  { title: 'no specversion', event: { ...plain, specversion: undefined }, attribute: 'specversion', says: /is missing\. It must be "1\.0"/ },
  { title: 'an older specversion', event: { ...plain, specversion: '0.3' }, attribute: 'specversion', says: /is "0\.3"\. It must be "1\.0"/ },
  { title: 'a specversion that is a number', event: json('"specversion": 1.0'), attribute: 'specversion', says: /must be text/ },
  { title: 'no id', event: { ...plain, id: '' }, attribute: 'id', says: /"id" is missing\. With source it makes the key/ },
  { title: 'an id that is a number', event: json('"id": 1'), attribute: 'id', says: /must be text/ },
  { title: 'a null source', event: { ...plain, source: null }, attribute: 'source', says: /"source" is missing/ },
  { title: 'a lone surrogate in the id', event: json('"id": "a\\udead"'), attribute: 'id', says: /lone surrogates/ },
  { title: 'a control character in the source', event: { ...plain, source: 'a\nb' }, attribute: 'source', says: /control characters/ },
  { title: 'U+FFFD in the id', event: { ...plain, id: 'caf\uFFFD' }, attribute: 'id', says: /U\+FFFD/ },
  { title: 'no type', event: { ...plain, type: null }, attribute: 'type', says: /"type" is missing\. It says which meter/ },
  { title: 'a type that is no code', event: { ...plain, type: 'Prompt' }, attribute: 'type', says: /is "Prompt", which is no meter's code .*Map it to a meter/ },
  { title: 'no subject', event: { ...plain, subject: null }, attribute: 'subject', says: /"subject" is missing\. It says which customer/ },
  { title: 'a subject with a space', event: { ...plain, subject: 'acme inc' }, attribute: 'subject', says: /without spaces/ },
  { title: 'a subscription in other letters', event: { ...plain, subscription: 'акме' }, attribute: 'subscription', says: /printable ASCII/ },
  { title: 'no time, which is never filled in', event: { ...plain, time: undefined }, attribute: 'time', says: /"time" is missing\. It must be when the usage happened/ },
  { title: 'a time that does not exist', event: { ...plain, time: '2026-02-30T00:00:00Z' }, attribute: 'time', says: /no time that exists/ },
  { title: 'a time without an offset', event: { ...plain, time: '2026-01-31T09:30:00' }, attribute: 'time', says: /no RFC 3339 time/ },
  { title: 'the year 0', event: { ...plain, time: '0000-12-31T00:00:00Z' }, attribute: 'time', says: /outside the years 0001 to 9999/ },
  { title: 'a value in binary floating point', event: { ...plain, data: { value: 0.1 } }, attribute: 'data.value', says: /binary floating point\. Give text or a bigint/ },
  { title: 'a value that is an object', event: json('"data": {"value": {}}'), attribute: 'data.value', says: /must be text, a number or a boolean/ },
  { title: 'a value that is a list', event: json('"data": {"tokens": [1]}'), mapping: { value: 'data.tokens' }, attribute: 'data.tokens', says: /must be text, a number or a boolean/ },
  { title: 'a value that is mapped into XML', event: { ...plain, datacontenttype: 'text/xml', data: '<v/>' }, mapping: { value: 'data.v' }, attribute: 'datacontenttype', says: /is "text\/xml"\. Only JSON/ },
  { title: 'a property that is mapped into bytes of no type', event: { ...plain, data_base64: 'AAEC' }, mapping: { properties: new Map([['region', 'data.region']]) }, attribute: 'datacontenttype', says: /is missing\. Only JSON/ },
  { title: 'bytes that are no base64', event: { ...plain, datacontenttype: 'application/json', data_base64: 'e30' }, mapping: { value: 'data.v' }, attribute: 'data_base64', says: /in base64/ },
  { title: 'bytes that are no UTF-8', event: { ...plain, datacontenttype: 'application/json', data_base64: Buffer.from('{"value":"\xff"}', 'latin1').toString('base64') }, mapping: { value: 'data.value' }, attribute: 'data_base64', says: /not valid UTF-8/ },
  { title: 'data twice', event: { ...plain, data: {}, data_base64: 'e30=' }, mapping: { value: 'data.v' }, attribute: 'data_base64', says: /exclude each other/ },
])('$title is refused and says $attribute', ({ event, mapping, attribute, says }) => {
  const { attribute: named, message } = refusal(event, mapping);
  expect([named, message]).toEqual([attribute, expect.stringMatching(says)]);
});

test('members that every object of JavaScript has are not taken for an event\'s own', () => {
  const mapping: CloudEventMapping = { value: 'data.constructor', properties: new Map([['a', 'constructor'], ['b', 'data.toString'], ['c', 'data.__proto__.x']]), meters: new Map() };
  expect(usageEventFromCloudEvent({ ...plain, data: {} }, mapping)).toMatchObject({ value: '', properties: new Map() });
});

test.each([{ value: 'tokens.in' }, { value: '' }, { properties: new Map([['a', 'Region']]) }, { subscription: 'data.contract' }])('the mapping %j can\'t be', (mapping) => {
  expect(() => usageEventFromCloudEvent(plain, mapping)).toThrow(RangeError);
});
