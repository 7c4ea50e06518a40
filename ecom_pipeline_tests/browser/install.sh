#!/bin/sh
# Installs Debian's Chromium for the browser tests, unless a browser is on the PATH.
set -eu

for browser in chromium chromium-browser google-chrome; do
  if command -v "$browser" > /dev/null; then exit 0; fi
done

if [ "$(id -u)" -eq 0 ]; then as_root=""; else as_root="sudo"; fi
if ! command -v apt-get > /dev/null || ! command -v ${as_root:-apt-get} > /dev/null; then
  echo "The tests drive a browser: install chromium or google-chrome, or have root do so;" \
    "on Debian and Ubuntu: apt-get install chromium" >&2
  exit 1
fi
$as_root apt-get update --quiet=2
$as_root env DEBIAN_FRONTEND=noninteractive \
  apt-get install --quiet=2 --yes --no-install-recommends chromium
