#!/usr/bin/env bash
# Starts the control centre on .run/ with the sample model deployed; what `make run` executes.
#
#   tools/run.sh [arguments of slipway server]
#
# This shell stays, does nothing but wait, and passes SIGINT, SIGTERM and SIGHUP on to the server,
# which ends everything that it started. Steps beside the server run in the background and are
# waited for, because a shell answers signals only then.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
slipway=$root/build/release/bin/slipway
data=$root/.run
ports=$data/run/ports.json
token_file=$data/run/admin.token
sample=${SLIPWAY_CACHE:-$HOME/.cache/slipway}/magika/1.0.3
model=magika:v3.3
server=
step=
stopping=

stop() {
  stopping=yes
  if [ -n "$step" ]; then kill "$step" 2>/dev/null; fi
  if [ -n "$server" ]; then kill "$server" 2>/dev/null; fi
}

# Waits for a child to its very end, however often a signal interrupts the wait.
wait_for() {
  local status=0
  while true; do
    wait "$1"
    status=$?
    kill -0 "$1" 2>/dev/null || return "$status"
  done
}

# Runs a command to its end, or until the stop; fails when it does, and after the stop.
run_step() {
  if [ -n "$stopping" ]; then return 1; fi
  "$@" &
  step=$!
  local status=0
  wait_for "$step" || status=$?
  step=
  if [ -n "$stopping" ]; then return 1; fi
  return "$status"
}

# Prints a number from ports.json.
port() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$ports"; }

# Waits until the server has written its ports; fails if it ends before.
server_is_ready() {
  while kill -0 "$server" 2>/dev/null; do
    if [ -e "$ports" ] && [ "$(port pid)" = "$server" ]; then return 0; fi
    run_step sleep 0.1 || return 1
  done
  return 1
}

save_context() {
  run_step "$slipway" context add local-run --use --address "http://127.0.0.1:$(port api)" \
    --inference "http://127.0.0.1:$(port inference_rest)" --token-file "$token_file" >&2
}

# Pushes and deploys the sample unless it is there: a later run goes on with what was made of it.
deploy_sample() {
  run_step "$slipway" --context local-run get service magika -o name >/dev/null 2>&1 && return 0
  run_step "$slipway" --context local-run push "$sample" "$model" >&2 &&
    run_step "$slipway" --context local-run deploy "$model" >&2
}

print_help() {
  # Only where the client would not look by itself.
  local assets=${SLIPWAY_CACHE:+--assets $sample } inference
  inference=http://127.0.0.1:$(port inference_rest)
  cat <<END

slipway is ready; Ctrl-C ends it, its state stays in $data

  API and registry: http://127.0.0.1:$(port api)
  inference:        $inference
  token:            $token_file

Three commands to try:

  $slipway services
  $root/examples/magika/identify.py $assets--url $inference $root/README.md
  $slipway deploy $model --as magika2

END
}

[ -x "$slipway" ] || { echo "run: $slipway does not exist: run make build" >&2; exit 1; }
[ -e "$sample/model.onnx" ] || "$root/tools/bootstrap.sh" || exit 1

trap stop INT TERM HUP
"$slipway" server --data "$data" "$@" &
server=$!
if server_is_ready && save_context; then
  deploy_sample || [ -n "$stopping" ] ||
    echo "run: the sample could not be deployed, the reason is above" >&2
  [ -n "$stopping" ] || print_help
fi
wait_for "$server"
