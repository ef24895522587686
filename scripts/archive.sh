# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Packages of any Debian suite, without touching this machine's package lists; sourced after lib.sh.
#
# They come from the mirror that this machine's apt uses, with state of our own in the cache. Needs
# no root. One script at a time: the others wait for its lock.

cache=${JTRACE_CACHE:-${HOME:-/root}/.cache/jtrace}
mkdir -p "$cache"
exec {archive_lock}>"$cache/lock"
flock "$archive_lock"

# The archive that this machine's own release comes from, as its apt understands its sources.
# (Release names of other suites live beside it.)
mirror() {
  local codename
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' \
    'Created-By: Packages' |
    awk -v codename="$codename" '$1 == codename && $2 == "main" {print $3; exit}'
}

declare -A archive_updated=()
archive_options=()

# use_suite SUITE: packages come from there from now on; its lists are fetched once a run.
use_suite() {
  local suite=$1 uri
  local state=$cache/apt/$suite
  archive_options=(
    -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Lists="$state/lists" -o Dir::State::Status=/dev/null -o Dir::Cache="$state"
    -o APT::Sandbox::User="$(id -un)" -o APT::Architecture=amd64 -o Acquire::Languages=none
    -o Acquire::Retries=3
  )
  [[ ${archive_updated[$suite]-} ]] && return
  uri=$(mirror)
  [[ $uri ]] || die "this machine's apt has no source for its own release"
  mkdir -p "$state"/{lists,archives}/partial
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" \
    >"$state/sources.list"
  apt-get "${archive_options[@]}" update -qq </dev/null >&2
  archive_updated[$suite]=yes
}

# newest_package PREFIX REGEX: the newest name that begins with PREFIX and is REGEX (extended).
newest_package() {
  apt-cache "${archive_options[@]}" pkgnames "$1" | grep -Ex "$2" | sort -V | tail -1
}

# package_version PACKAGE: of the one that would be downloaded.
package_version() {
  apt-cache "${archive_options[@]}" show --no-all-versions "$1" 2>/dev/null |
    awk '$1 == "Version:" {print $2; found = 1; exit} END {exit !found}'
}

# unpack DIRECTORY PACKAGE...: their files, no scripts of theirs run.
unpack() {
  local directory=$1 archive
  shift
  mkdir -p "$directory/archives"
  (cd "$directory/archives" && apt-get "${archive_options[@]}" download -qq "$@" </dev/null >&2)
  for archive in "$directory/archives"/*.deb; do
    dpkg -x "$archive" "$directory"
  done
  rm -r "$directory/archives"
}
