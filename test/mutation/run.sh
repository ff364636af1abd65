#!/bin/sh
# Changes the core's source in small ways and asks whether a test notices. Stryker is installed on first use, by its own lockfile, so that nobody else has to load it.
set -eu
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --ignore-scripts
cd ../../packages/rating
export VALORA_ROUNDS="${VALORA_ROUNDS:-25}"
exec node ../../test/mutation/node_modules/@stryker-mutator/core/bin/stryker.js run ../../test/mutation/stryker.config.ts "$@"
