#!/bin/sh
# Generates the Prisma clients whose schema changed since the last time (nx knows). Says something only when it fails.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"
export PATH CHECKPOINT_DISABLE=1 NX_TUI=false

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! nx run-many -t generate >"$log" 2>&1; then
  cat "$log" >&2
  echo "Generating the Prisma clients failed. Mend what stands above, then run the command again." >&2
  exit 1
fi
