#!/bin/sh
# Installs Debian's chromium, which the tests of the studio drive. Without root, apt or network it says so and succeeds: those tests
# then skip, loudly, with the same reason.
set -u
command -v chromium >/dev/null && exit 0
say() { printf '\n*** %s\n*** The tests of the studio in a browser will be SKIPPED.\n\n' "$1" >&2; exit 0; }
command -v apt-get >/dev/null || say "No apt-get here: install chromium by hand, or set SDA_CHROMIUM to it."
[ "$(id -u)" = 0 ] || say "Not root: run 'sudo apt-get install chromium' once."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || say "apt-get update failed (no network?)."
apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null || say "apt-get could not install chromium."
