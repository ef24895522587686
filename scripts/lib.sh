# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts share; sourced, never run. Sets `root`, the project's top folder.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# Prints the comment block at the top of the script that called it.
usage() { sed -n '3,/^[^#]/{/^[^#]/!{/^$/q;s/^# \{0,1\}//p}}' "$0"; }

# Runs a command as root: as it is where we are root, through sudo where we are not.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root for '$*', and there is no sudo: run it as root"
  fi
}
