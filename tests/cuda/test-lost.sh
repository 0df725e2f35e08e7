#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-lost.sh PROGRAM NETWORK: pet-cuda-check on a card that is lost at one call
# or another counts what failed and comes to its end.
set -euo pipefail

for call in 10 1000 3000; do
  status=0
  PET_FAKE_CUDA=lost=$call "$1" --small --bench --photos 2 "$2" >/dev/null ||
    status=$?
  echo "lost at call $call: exit code $status"
  [ $status -eq 1 ]
done
