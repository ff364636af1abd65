import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { archiveCommand } from '../src/archive-usage.ts';

let database: TestDatabase;
beforeAll(async () => { database = await createTestDatabase(); });
afterAll(() => database.drop());

async function printed(month: string, environment: Readonly<Record<string, string>>): Promise<string[]> {
  const lines: string[] = [];
  await archiveCommand(month, environment, (line) => void lines.push(line));
  return lines;
}

test('usage archive: with nothing from before the month it says so', async () => {
  expect(await printed('2024-01', { DATABASE_URL: database.url })).toEqual(['No usage from before 2024-01 is left to archive.']);
});

test.each([
  ['a month that is none', '2024-13', () => ({ DATABASE_URL: database.url }), 'is no month'],
  ['a month that is too young', new Date().toISOString().slice(0, '2024-01'.length), () => ({ DATABASE_URL: database.url }), 'less than 400 days ago'],
  ['a URL that is none', '2024-01', () => ({ DATABASE_URL: 'here' }), 'no PostgreSQL URL'],
  ['no database at all, which it does not make one for', '2024-01', () => ({ VALORA_DATA_FOLDER: '/nowhere' }), 'neither DATABASE_URL nor a data folder /nowhere'],
])('usage archive refuses %s', async (_name, month, environment, message) => {
  await expect(printed(month, environment())).rejects.toThrow(message);
});
