#!/bin/sh
# Install the browser in which the serving page is tested, where it is missing (Debian, Ubuntu).
set -eu

if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
  echo "chromium and chromedriver are installed."
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "error: no chromium and no apt-get here; install chromium and chromedriver so that both" \
    "are on the PATH." >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "error: installing chromium needs root; run:" \
    "sudo apt-get install -y --no-install-recommends chromium chromium-driver" >&2
  exit 1
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-install-recommends chromium chromium-driver
