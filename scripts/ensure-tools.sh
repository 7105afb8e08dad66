#!/usr/bin/env bash
# Checks that the programs that the tests need are installed, and installs the missing ones:
#   ensure-tools.sh [--check] redis-server chromium …
# With --check, nothing is installed: missing programs are listed with the commands that install them, and the exit code
# is 1. The names are those of the programs and of Debian's packages. Never asks for a password.
set -euo pipefail

check_only=no
if [ "${1:-}" = --check ]; then
  check_only=yes
  shift
fi

missing=()
for tool in "$@"; do
  command -v "$tool" >/dev/null 2>&1 || missing+=("$tool")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# The name of the package in Homebrew.
brew_name() {
  case "$1" in
    redis-server) echo "redis" ;;
    chromium) echo "--cask chromium" ;;
    *) echo "$1" ;;
  esac
}

give_up() {
  {
    echo "The tests need ${missing[*]}, $1."
    echo "Install and run the command again:"
    echo "  Debian, Ubuntu:  sudo apt-get install ${missing[*]}"
    for tool in "${missing[@]}"; do echo "  macOS:           brew install $(brew_name "$tool")"; done
    echo "  elsewhere:       with your package manager; Redis in version 6.2 or later"
    echo "Without them: npm run test:unit"
  } >&2
  exit 1
}

[ "$check_only" = no ] || give_up "not installed here"

echo "Installing ${missing[*]} …" >&2
if command -v apt-get >/dev/null 2>&1; then
  as_root apt-get update -qq >&2 || echo "apt-get could not update its lists; continuing with the present ones." >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
    give_up "not installed here: apt-get failed, or needs a password"
elif command -v brew >/dev/null 2>&1; then
  for tool in "${missing[@]}"; do
    # Unquoted: for a cask this is an option and a name.
    brew install $(brew_name "$tool") >&2 || give_up "not installed here: brew failed"
  done
else
  give_up "not installed here: neither apt-get nor brew was found"
fi

for tool in "${missing[@]}"; do
  command -v "$tool" >/dev/null 2>&1 || give_up "not installed here: the installation left no $tool on the PATH"
done
