// The contracts as data: the descriptor set that the generated code was made from. Servers read from it what an rpc needs
// (scope, request size), reflection serves it, and the tests enumerate every rpc with it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createFileRegistry, fromBinary, getOption, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, type FileDescriptorSet } from '@bufbuild/protobuf/wkt';

export interface RpcAccess {
  /** `/valora.metering.v1.UsageService/RecordUsage` */
  readonly path: string;
  readonly scope: string;
  readonly requestBytesMax: number;
  /** Fields at the top of a request, each element of a list being one. */
  readonly requestElementsMax: number;
  /** Whether the credential must name no organization; otherwise it must name one. */
  readonly acrossOrganizations: boolean;
}

const REQUEST_BYTES_DEFAULT = 1024 * 1024;
/** Above the longest list that any contract allows, 10,000. */
const REQUEST_ELEMENTS_MAX = 10_100;

const image = readFileSync(createRequire(import.meta.url).resolve('@valora/contracts/descriptors.binpb'));

export const descriptorSet: FileDescriptorSet = fromBinary(FileDescriptorSetSchema, image);
export const registry: FileRegistry = createFileRegistry(descriptorSet);

function readAccess(): ReadonlyMap<string, RpcAccess> {
  const extension = registry.getExtension('valora.access.v1.access');
  if (extension === undefined) throw new Error('the descriptor set lacks valora.access.v1.access');
  const found = new Map<string, RpcAccess>();
  for (const type of registry) {
    if (type.kind !== 'service' || !type.typeName.startsWith('valora.')) continue;
    for (const method of type.methods) {
      const access: unknown = getOption(method, extension);
      const { scope, requestBytesMax, acrossOrganizations } = access as { scope: string; requestBytesMax: number; acrossOrganizations: boolean };
      const path = `/${type.typeName}/${method.name}`;
      if (scope !== '') found.set(path, { path, scope, requestBytesMax: requestBytesMax === 0 ? REQUEST_BYTES_DEFAULT : requestBytesMax, requestElementsMax: REQUEST_ELEMENTS_MAX, acrossOrganizations });
    }
  }
  return found;
}

/** What each rpc of the contracts needs, by path. */
export const rpcAccess: ReadonlyMap<string, RpcAccess> = readAccess();

/** Every scope that an API key may carry, sorted. */
export const apiKeyScopes: readonly string[] = [...new Set(['admin', ...[...rpcAccess.values()].map(({ scope }) => scope)])]
  .filter((scope) => scope !== 'operator' && scope !== 'internal')
  .toSorted();
