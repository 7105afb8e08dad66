#!/usr/bin/env bash
# Runs a script with another version of Node: with-node.sh 24 node_modules/jest/bin/jest.js …
# The versions come from npm's `node` packages and are kept in .tmp/, so that each is downloaded once.
set -euo pipefail

version=$1
shift
folder=$(cd "$(dirname "$0")/.." && pwd)/.tmp/node-$version
binary=$folder/node_modules/node/bin/node
if [ ! -x "$binary" ]; then
  mkdir -p "$folder"
  echo '{ "private": true }' >"$folder/package.json"
  npm install --prefix "$folder" --no-save --no-package-lock --no-audit --no-fund --silent "node@$version" >&2
fi
# First on the PATH, for the programs that tests start.
PATH=$(dirname "$binary"):$PATH exec "$binary" "$@"
