#!/bin/sh
# Copies the stock file aside.
set -eu
cp "$1" "$1.bak"
echo "saved $1"
