/** What the contracts need so that stubs can be made from them in any language. */
import { expect, test } from 'vitest';
import { sourceFiles, withoutComments } from './tree.ts';

const contracts = sourceFiles(/^proto\/valora\/.*\.proto$/);

/** `billing_cycle.proto` gives BillingCycleProto: a name of its own, as a message of the file's name would take the default one. */
const outerClassName = (path: string): string => `${path.replace(/^.*\//, '').replace('.proto', '').replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Proto`;

test('in Java every message is a class of its own, and the file has another name', () => {
  expect(contracts.length).toBeGreaterThan(20);
  const without = contracts.filter(({ path, text }) => !text.includes('\noption java_multiple_files = true;\n') || !text.includes(`\noption java_outer_classname = "${outerClassName(path)}";\n`));
  expect(without.map(({ path }) => path)).toEqual([]);
});

test('stubs of valora/ stand on nothing but the well-known types: google.rpc comes with the libraries of each language', () => {
  const imports = contracts.map(withoutComments).flatMap(({ path, text }) => [...text.matchAll(/^import "([^"]+)"/gm)].map(([, imported = '']) => `${path} ${imported}`));
  expect(imports.filter((each) => !/ (valora|google\/protobuf)\//.test(each))).toEqual([]);
});
