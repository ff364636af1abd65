#!/bin/sh
# Bills the trace in a folder twice: as it is, and sent twice, shuffled, in odd batches. Fails unless both give the same digests.
set -eu
cd "$(dirname "$0")/.."
trace=$1
export VALORA_DATA_FOLDER
VALORA_DATA_FOLDER=$(mktemp -d)
trap 'rm -rf "$VALORA_DATA_FOLDER"' EXIT

bill() { # options …
  npm run --silent bill-trace -- "$trace" "$@" >"$VALORA_DATA_FOLDER/output"
  grep -E '^(Digest| +Total)' "$VALORA_DATA_FOLDER/output"
}

plain=$(bill)
again=$(bill --twice --shuffle 7 --batch-size 313)
echo "$plain"
if [ "$plain" != "$again" ] || [ -z "$plain" ]; then
  echo "Sent twice, shuffled and in other batches it gives:" >&2
  echo "$again" >&2
  exit 1
fi
