/** What the processes of `up --separate` are told. */
import { expect, test } from 'vitest';
import { defaultAddresses, environmentOf } from '../src/separate.ts';

const secrets = { roleSecret: 'the roles', serviceTokenKey: new Uint8Array(32), operatorCredential: 'the operator' };
const options = { secrets, databaseUrl: 'postgresql://owner:the-owner@db/valora', addresses: defaultAddresses('127.0.0.1'), reflection: false };

test('a service inherits no secret of others and no address that six would share, and the rest', () => {
  const told = environmentOf('pricing', options, {
    PATH: '/bin', VALORA_GRACE_MS: '5', DATABASE_URL: 'the-owner', DATABASE_URL_FILE: '/the-owner', VALORA_ROLE_SECRET: 'the roles', VALORA_ROLE_SECRET_FILE: '/the roles',
    VALORA_API_KEY: 'a caller', PGPASSWORD: 'the-owner', VALORA_HEALTH_ADDRESS: '127.0.0.1:50080',
  });
  expect(told).toMatchObject({ PATH: '/bin', VALORA_GRACE_MS: '5', VALORA_ADDRESS: '127.0.0.1:50063', DATABASE_URL: expect.stringMatching(/^postgresql:\/\/valora_pricing:[0-9a-f]{64}@db\/valora$/) as string });
  expect(told).not.toHaveProperty('VALORA_HEALTH_ADDRESS');
  expect(JSON.stringify(told)).not.toMatch(/the-owner|the roles|a caller|the operator/);
});
