/**
 * A pure function that remembers its last answers.
 *
 * A month's runs read a few dozen prices and write a few instants, each many times over. Remembering is invisible from
 * outside: a key is a text or a whole number and its answer can't be changed, so what was remembered is what would be
 * found again; and nothing hangs on the object that a fact came in, which every run may load anew. The traps: an answer
 * that could be changed, or that depends on more than the key, must not be remembered; and keys that hardly ever come
 * again, such as quantities, would only push the others out.
 */

/** When this many are remembered, all are forgotten and found again. */
const REMEMBERED_MAX = 10_000;

export function remembered<Key extends string | bigint, Answer extends object | string>(find: (key: Key) => Answer): (key: Key) => Answer {
  const answers = new Map<Key, Answer>();
  return (key) => {
    const known = answers.get(key);
    if (known !== undefined) return known;
    if (answers.size >= REMEMBERED_MAX) answers.clear();
    const found = find(key);
    answers.set(key, found);
    return found;
  };
}
