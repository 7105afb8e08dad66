#!/usr/bin/env bash
# Makes sure that the programs the tests drive are installed: `ensure-tools.sh redis-server chromium …`.
# Names are Debian's package names; each is also the name of the program. Does nothing where all are there.
set -euo pipefail

# A given server stands in for a local one, except in the tests that need several servers of their own.
missing=()
for tool in "$@"; do
  command -v "$tool" >/dev/null 2>&1 || missing+=("$tool")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

give_up() {
  echo "The tests need ${missing[*]}, which could not be installed here. Install it (Debian/Ubuntu: 'apt-get install ${missing[*]}'; macOS: 'brew install redis'; others: your package manager, version 6.2 or later of Redis) and run the command again." >&2
  exit 1
}

echo "Installing ${missing[*]} …" >&2
if command -v apt-get >/dev/null 2>&1; then
  { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } || give_up
elif command -v brew >/dev/null 2>&1; then
  for tool in "${missing[@]}"; do brew install "${tool%-server}" || give_up; done
else
  give_up
fi
for tool in "${missing[@]}"; do command -v "$tool" >/dev/null 2>&1 || give_up; done
