// Server reflection (v1, and v1alpha for older tools) straight from the descriptor set, so that a client without our
// protos can list services and call them.
import { status, type Server, type ServerDuplexStream } from '@grpc/grpc-js';
import { toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type DescriptorProto, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { ServerReflectionService, type ServerReflectionRequest, type ServerReflectionResponse } from '@valora/contracts/grpc/reflection/v1/reflection';
import { ServerReflectionService as ServerReflectionAlphaService } from '@valora/contracts/grpc/reflection/v1alpha/reflection';
import { descriptorSet } from './contract.ts';

const REQUESTS_PER_STREAM_MAX = 200;

function symbolsOf(file: FileDescriptorProto): string[] {
  const found: string[] = [];
  const message = (descriptor: DescriptorProto, scope: string): void => {
    const name = `${scope}.${descriptor.name}`;
    found.push(name, ...descriptor.field.map((field) => `${name}.${field.name}`), ...descriptor.enumType.map((type) => `${name}.${type.name}`));
    descriptor.nestedType.forEach((nested) => message(nested, name));
  };
  file.messageType.forEach((descriptor) => message(descriptor, file.package));
  found.push(...file.enumType.map((type) => `${file.package}.${type.name}`), ...file.extension.map((extension) => `${file.package}.${extension.name}`));
  for (const service of file.service) {
    const name = `${file.package}.${service.name}`;
    found.push(name, ...service.method.map((method) => `${name}.${method.name}`));
  }
  return found;
}

/** Adds reflection for the named services. */
export function addReflection(server: Server, services: readonly string[]): void {
  const fileByName = new Map(descriptorSet.file.map((file) => [file.name, file]));
  const bytesOf = new Map(descriptorSet.file.map((file) => [file, Buffer.from(toBinary(FileDescriptorProtoSchema, file))]));
  const fileBySymbol = new Map(descriptorSet.file.flatMap((file) => symbolsOf(file).map((symbol) => [symbol, file] as const)));

  function withDependencies(file: FileDescriptorProto): Buffer[] {
    const seen = new Set<FileDescriptorProto>();
    const visit = (visited: FileDescriptorProto): void => {
      if (seen.has(visited)) return;
      seen.add(visited);
      for (const dependency of visited.dependency) {
        const found = fileByName.get(dependency);
        if (found !== undefined) visit(found);
      }
    };
    visit(file);
    return [...seen].flatMap((visited) => bytesOf.get(visited) ?? []);
  }

  function answer(request: ServerReflectionRequest): ServerReflectionResponse['messageResponse'] {
    const wanted = request.messageRequest;
    if (wanted?.$case === 'listServices') {
      return { $case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } };
    }
    let file: FileDescriptorProto | undefined;
    if (wanted?.$case === 'fileByFilename') file = fileByName.get(wanted.value);
    if (wanted?.$case === 'fileContainingSymbol') file = fileBySymbol.get(wanted.value);
    return file === undefined
      ? { $case: 'errorResponse', value: { errorCode: status.NOT_FOUND, errorMessage: 'No such file or symbol.' } }
      : { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: withDependencies(file) } };
  }

  const serverReflectionInfo = (stream: ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>): void => {
    let requests = 0;
    stream.on('data', (request: ServerReflectionRequest) => {
      requests += 1;
      if (requests > REQUESTS_PER_STREAM_MAX) {
        stream.end();
      } else if (!stream.write({ validHost: request.host, originalRequest: request, messageResponse: answer(request) })) {
        // Whoever asks without reading the answers is not read on either.
        stream.pause();
        stream.once('drain', () => stream.resume());
      }
    });
    stream.on('end', () => stream.end());
    stream.on('error', () => stream.end());
  };
  server.addService(ServerReflectionService, { serverReflectionInfo });
  server.addService(ServerReflectionAlphaService, { serverReflectionInfo });
}
