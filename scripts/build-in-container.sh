#!/bin/sh
# Builds and tests the addon inside of an official Node.js image, as release.yml runs it for Linux.
set -eu

# The Debian images bring a C toolchain and curl, the Alpine images do not.
if command -v apk > /dev/null; then
  apk add --no-cache curl gcc musl-dev
fi

curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
. "$HOME/.cargo/env"

npm run build
npm run test:js
