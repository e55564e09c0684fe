#!/bin/sh
# Installs the recordings that tests/real/ runs on (Debian's sonic-pi-samples, CC0) and sox, the second reader of its files.
# Without root, apt or network it says so and succeeds: the tests then skip, loudly, with the same reason.
set -u
[ -d "${SDA_RECORDINGS:-/usr/share/sonic-pi/samples}" ] && command -v sox >/dev/null && exit 0
say() { printf '\n*** %s\n*** The tests on real recordings will be SKIPPED.\n\n' "$1" >&2; exit 0; }
command -v apt-get >/dev/null || say "No apt-get here: install the Debian package sonic-pi-samples by hand, or set SDA_RECORDINGS to its samples."
[ "$(id -u)" = 0 ] || say "Not root: run 'sudo apt-get install sonic-pi-samples sox' once."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || say "apt-get update failed (no network?)."
apt-get install -y -qq --no-install-recommends sonic-pi-samples sox >/dev/null || say "apt-get could not install sonic-pi-samples and sox."
