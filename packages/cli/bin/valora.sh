#!/bin/sh
# `valora` from a checkout: the sources, with the Node that the checkout has installed where there is one.
set -eu
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case "$link" in
    /*) self=$link ;;
    *) self=$(dirname "$self")/$link ;;
  esac
done
cli=$(cd "$(dirname "$self")/.." && pwd)
node=$cli/../../node_modules/.bin/node
[ -x "$node" ] || node=node
exec "$node" --conditions=development "$cli/src/main.ts" "$@"
