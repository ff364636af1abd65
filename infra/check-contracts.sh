#!/bin/sh
# Fails when the committed contracts differ from what proto/ gives: generates them anew beside and compares.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
mkdir -p "$fresh/proto" "$fresh/packages/contracts"
(cd proto && buf generate . -o "$fresh/proto" && buf build . --as-file-descriptor-set -o "$fresh/packages/contracts/descriptors.binpb")
if ! diff -r "$fresh/packages/contracts/src/gen" packages/contracts/src/gen || ! cmp "$fresh/packages/contracts/descriptors.binpb" packages/contracts/descriptors.binpb; then
  echo "The contracts in packages/contracts are not what proto/ gives. Run \`npm run contracts\` and commit the result." >&2
  exit 1
fi
