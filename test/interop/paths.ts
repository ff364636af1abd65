// Where things are. What the examples install and generate stays in folders named `generated`, which git ignores.
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const interopFolder = fileURLToPath(new URL('.', import.meta.url));
