// Messages as the JSON that protobuf defines for them (field names in camelCase, enums by name, 64-bit integers and decimals as
// text), and back. The generated code has JSON of its own that goes through a millisecond Date; here the descriptors decide.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createFileRegistry, fromBinary, fromJson, toBinary, toJson, type DescMessage, type FileRegistry, type JsonValue } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { withEnumPrefixes } from './enum-names.ts';

/** What generated code has for each message. */
export interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

export interface ProtoJson<Message> {
  toJson(message: Message): JsonValue;
  /** Without the fields that have their default. */
  toSparseJson(message: Message): JsonValue;
  /** Reads untrusted JSON; enum values may leave out their prefix. Throws an Error that names the field. */
  fromJson(json: unknown): Message;
}

let registry: FileRegistry | undefined;

function descriptorOf(typeName: string): DescMessage {
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(createRequire(import.meta.url).resolve('@valora/contracts/descriptors.binpb'))));
  const found = registry.getMessage(typeName);
  if (found === undefined) throw new Error(`the contracts have no ${typeName}`);
  return found;
}

/** `typeName` is the message's full name: `valora.metering.v1.Meter`. */
export function protoJson<Message>(typeName: string, codec: Codec<Message>): ProtoJson<Message> {
  return {
    toJson: (message) => toJson(descriptorOf(typeName), fromBinary(descriptorOf(typeName), codec.encode(message).finish()), { alwaysEmitImplicit: true }),
    toSparseJson: (message) => toJson(descriptorOf(typeName), fromBinary(descriptorOf(typeName), codec.encode(message).finish())),
    fromJson(json) {
      const descriptor = descriptorOf(typeName);
      return codec.decode(toBinary(descriptor, fromJson(descriptor, withEnumPrefixes(descriptor, json) as JsonValue)));
    },
  };
}
