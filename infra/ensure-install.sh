#!/bin/sh
# Installs the dependencies when they are missing or older than the lockfile; otherwise does nothing and says nothing.
# Calls no `node` before that: a shell remembers where it found the first one, and the right one arrives with the dependencies.
set -eu
cd "$(dirname "$0")/.."

installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  command -v npm >/dev/null 2>&1 || {
    echo "npm is missing. Install Node.js 24 (https://nodejs.org), then run the command again." >&2
    exit 1
  }
  echo "Installing dependencies (once) ..." >&2
  log=$(mktemp)
  if ! npm ci --include=dev --include=optional >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "Installing the dependencies failed. The reason stands above; mend it and run the command again, or try \`npm ci\` yourself." >&2
    exit 1
  fi
  rm -f "$log"
  # npm keeps the file's time when nothing changed in it.
  touch "$installed"
fi

PATH="$PWD/node_modules/.bin:$PATH"
version=$(node --version 2>/dev/null || echo none)
major=${version#v}
major=${major%%.*}
case $major in
  ''|*[!0-9]*) major=0 ;;
esac
if [ "$major" -lt 24 ]; then
  echo "Valora needs Node.js 24 or newer; found: $version. No npm package brings it to this machine: install it from https://nodejs.org." >&2
  exit 1
fi
