// Options that many commands take: where Valora is, who asks, and in which form answers are wanted. A command that calls nobody
// takes only the last.
import type { Command, OptionDeclaration } from './command.ts';

export const ADDRESS_DEFAULT = '127.0.0.1:50051';
export const DATA_FOLDER_DEFAULT = '.valora';

type Options = Readonly<Record<string, OptionDeclaration>>;

const callOptions: Options = {
  address: { value: 'host:port', description: `Where Valora listens; otherwise VALORA_ADDRESS, otherwise ${ADDRESS_DEFAULT}. Separate services: tenancy=host:port,metering=host:port and so on.` },
  key: { value: 'key', description: 'An API key. Others on the machine may see it: prefer VALORA_API_KEY or --key-file.' },
  'key-file': { value: 'file', description: 'A file that holds an API key.' },
  'operator-credential-file': { value: 'file', description: 'Holds the operator credential; otherwise operator-credential in VALORA_DATA_FOLDER, which is .valora by default.' },
  'tls-ca': { value: 'file', description: 'Certificates (PEM) of the authorities to trust; switches TLS on.' },
  'tls-certificate': { value: 'file', description: 'Your own certificate (PEM), where the server asks for one.' },
  'tls-key': { value: 'file', description: 'Its key (PEM).' },
  'tls-server-name': { value: 'name', description: "The name that the server's certificate has, where it isn't the address's." },
  deadline: { value: 'seconds', description: 'How long a call may take, 1 to 600; otherwise 30.' },
};

const everyOption: Options = {
  json: { value: null, description: 'Prints JSON for programs: one value, or a value a line where records are followed.' },
  help: { value: null, description: 'Shows what a command takes.' },
};

export const globalOptions: Options = { ...callOptions, ...everyOption };

export function globalOptionsOf({ credential }: Pick<Command, 'credential'>): Options {
  return credential === undefined ? everyOption : globalOptions;
}
