#!/usr/bin/env bash
# Builds the peers of tools/dependencies.lock that are Go programs into the cache, once:
# ${SLIPWAY_CACHE:-$HOME/.cache/slipway}/peers/bin. Tests use those that are there and skip the
# rest by name. Go's own checksum database verifies what is downloaded.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SLIPWAY_CACHE:-$HOME/.cache/slipway}
export GOBIN=$cache/peers/bin GOTOOLCHAIN=local GOFLAGS=-trimpath
oldest_go=1.26

have_go=$(go env GOVERSION 2>/dev/null | sed 's/^go//')
usable=false
if [ -n "$have_go" ] &&
  [ "$(printf '%s\n' "$oldest_go" "$have_go" | sort -V | head -n 1)" = "$oldest_go" ]; then
  usable=true
fi

mkdir -p "$GOBIN"
status=0
while read -r name package version; do
  if [ -x "$GOBIN/$name" ] && [ -e "$GOBIN/$name@$version" ]; then
    echo "peers: $name $version is there"
  elif ! $usable; then
    echo "peers: $name skipped, it needs Go $oldest_go or newer on PATH (found: ${have_go:-none})"
  elif go install "$package@$version"; then
    touch "$GOBIN/$name@$version"
    echo "peers: $name $version built"
  else
    echo "peers: $name $version does not build, see above" >&2
    status=1
  fi
done < <(awk '$1 == "peers" && $2 == "go" { print $3, $4, $5 }' "$root/tools/dependencies.lock")
exit $status
