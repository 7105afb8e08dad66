#!/usr/bin/env bash
# Makes sure that the programs the tests drive are installed: `ensure-tools.sh redis-server chromium …`. Names are those of
# the programs, and of Debian's packages. Does nothing where all are there; never asks for a password.
set -euo pipefail

missing=()
for tool in "$@"; do
  command -v "$tool" >/dev/null 2>&1 || missing+=("$tool")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# What Homebrew calls it.
brew_name() {
  case "$1" in
    redis-server) echo "redis" ;;
    chromium) echo "--cask chromium" ;;
    *) echo "$1" ;;
  esac
}

give_up() {
  {
    echo "The tests need ${missing[*]}, which could not be installed here: $1."
    echo "Install what is missing and run the command again:"
    echo "  Debian, Ubuntu:  sudo apt-get install ${missing[*]}"
    for tool in "${missing[@]}"; do echo "  macOS:           brew install $(brew_name "$tool")"; done
    echo "  elsewhere:       with your package manager; Redis in version 6.2 or later"
  } >&2
  exit 1
}

echo "Installing ${missing[*]} …" >&2
if command -v apt-get >/dev/null 2>&1; then
  as_root apt-get update -qq >&2 || echo "apt-get could not update its lists; trying with those that are there." >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
    give_up "apt-get failed, or is not allowed to without a password"
elif command -v brew >/dev/null 2>&1; then
  for tool in "${missing[@]}"; do
    # Unquoted: an option and a name, where it is a cask.
    brew install $(brew_name "$tool") >&2 || give_up "brew failed"
  done
else
  give_up "there is neither apt-get nor brew"
fi

for tool in "${missing[@]}"; do
  command -v "$tool" >/dev/null 2>&1 || give_up "after the installation there is still no $tool on the PATH"
done
