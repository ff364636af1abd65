#!/bin/sh
# Checks the Prometheus configuration, the rules and their tests with promtool (Debian: apt-get install prometheus; or
# https://prometheus.io/download). Without promtool it says so and fails: a check that did not run is no check that passed.
set -eu
cd "$(dirname "$0")/prometheus"

command -v promtool >/dev/null 2>&1 || {
  echo "promtool is missing. Install Prometheus (Debian: apt-get install -y --no-install-recommends prometheus), then run the command again." >&2
  exit 1
}
promtool check config prometheus.yml
promtool test rules tests/*.yml
