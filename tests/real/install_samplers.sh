#!/bin/sh
# Installs Debian's Polyphone and FluidSynth, which together read and play SFZ files: the second program of the tests of kits.
# Without root, apt or network it says so and succeeds: the tests then skip, with the same reason.
set -u
command -v polyphone >/dev/null && command -v fluidsynth >/dev/null && exit 0
say() { printf '\n*** %s\n*** The tests that play kits in a sampler will be SKIPPED.\n\n' "$1" >&2; exit 0; }
command -v apt-get >/dev/null || say "No apt-get here: install Polyphone and FluidSynth by hand."
[ "$(id -u)" = 0 ] || say "Not root: run 'sudo apt-get install polyphone fluidsynth' once."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || say "apt-get update failed (no network?)."
apt-get install -y -qq --no-install-recommends polyphone fluidsynth >/dev/null || say "apt-get could not install polyphone and fluidsynth."
