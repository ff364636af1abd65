// A whole Valora for a test file: all services in this process, on a database of its own, with no tick, so that jobs run
// only when the test says so.
import { randomBytes } from 'node:crypto';
import { metricsText, newOperatorCredential, timestampFromInstant } from '@valora/chassis';
import { connect, startValora, type Connection, type Secrets } from '@valora/cli';
import { OrganizationServiceService, type Settings } from '@valora/contracts/valora/tenancy/v1/organization';
import { parseInstant } from '@valora/rating';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

export interface TestValora {
  readonly address: string;
  readonly database: TestDatabase;
  readonly secrets: Secrets;
  readonly operator: Connection;
  /** What each service measures. */
  readonly registries: Awaited<ReturnType<typeof startValora>>['registries'];
  /** All of it, in the text format of Prometheus. */
  metrics(): Promise<string>;
  /** Creates an organization (USD unless told otherwise) and connects with its first key, which has the scope admin. */
  createOrganization(options?: OrganizationOptions): Promise<TestOrganization>;
  stop(): Promise<void>;
}

export interface OrganizationOptions {
  /** RFC 3339; absent for an organization on the real clock. */
  readonly sandboxTime?: string;
  readonly currencyCode?: string;
  readonly settings?: Settings;
}

export interface TestOrganization {
  readonly organizationId: string;
  readonly apiKey: string;
  readonly connection: Connection;
}

const SECRET_BYTES = 32;

export async function startTestValora(): Promise<TestValora> {
  const database = await createTestDatabase();
  const secrets: Secrets = { roleSecret: database.roleSecret, serviceTokenKey: randomBytes(SECRET_BYTES), operatorCredential: newOperatorCredential() };
  const logged: string[] = [];
  const valora = await startValora({
    secrets, dataFolder: '', databaseUrl: database.url, address: '127.0.0.1:0', tickIntervalMs: null, reflection: true, writeLog: (line) => void logged.push(line),
  });
  const address = `127.0.0.1:${valora.port}`;
  const { operator, create: createOrganization, close } = createOrganizations((credential) => connect(address, credential), secrets.operatorCredential);
  return {
    address, database, secrets, operator, createOrganization,
    registries: valora.registries,
    metrics: () => metricsText(valora.registries),
    async stop() {
      close();
      await valora.stop();
      await database.drop();
    },
  };
}

export interface Organizations {
  readonly operator: Connection;
  readonly create: TestValora['createOrganization'];
  close(): void;
}

/** Creates organizations as the operator; each with a connection of its own. */
export function createOrganizations(connectWith: (credential: string) => Connection, operatorCredential: string): Organizations {
  const operator = connectWith(operatorCredential);
  const connections = [operator];
  let organizations = 0;
  return {
    operator,
    async create({ sandboxTime, currencyCode = 'USD', settings } = {}) {
      organizations += 1;
      const { organization, apiKey } = await operator.stub(OrganizationServiceService).createOrganization({
        requestId: `organization ${organizations}`, organizationId: '', displayName: `Organization ${organizations}`, currencyCode, settings,
        sandboxTime: sandboxTime === undefined ? undefined : timestampFromInstant(parseInstant(sandboxTime)),
      });
      if (organization === undefined) throw new Error('no organization was answered');
      const connection = connectWith(apiKey);
      connections.push(connection);
      return { organizationId: organization.organizationId, apiKey, connection };
    },
    close: () => connections.forEach((connection) => connection.close()),
  };
}
