#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-build.sh NVCC: that tests/cuda/build still builds all of it, and that what
# it built says so where there is no card. NVCC empty: skipped.
set -euo pipefail
[ -n "$1" ] || exit 77
export PATH=$PATH:${1%/*}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# "native" needs a card.
ARCH=native
nvidia-smi -L >/dev/null 2>&1 || ARCH=sm_90
export ARCH
"${0%/*}/build" "$folder/pet-cuda-check"
status=0
"$folder/pet-cuda-check" --small --photos 2 | tee "$folder/log" || status=$?
[ $status -eq 0 ] ||
  { [ $status -eq 77 ] && grep -q '^skipped, no device' "$folder/log"; }
