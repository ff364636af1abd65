/** What no test should hold to the letter: the sentence of an error. Its reason and its metadata are held. */
interface Node {
  readonly type: string;
  readonly callee?: { readonly name?: string };
  readonly arguments?: readonly unknown[];
}

interface NodePath {
  readonly node: Node;
  readonly parentPath: NodePath | null;
}

const SENTENCE_OF: Readonly<Record<string, string>> = { invariant: 'CallExpression', RatingError: 'NewExpression' };

/** Both take their sentence as the second argument. */
function isSentence({ node, parentPath }: NodePath): boolean {
  const parent = parentPath?.node;
  const type = SENTENCE_OF[parent?.callee?.name ?? ''];
  return type !== undefined && parent?.type === type && parent.arguments?.[1] === node;
}

export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'texts for people',
    value: { shouldIgnore: (path: NodePath): string | undefined => (isSentence(path) ? 'the sentence of an error' : undefined) },
  },
];
