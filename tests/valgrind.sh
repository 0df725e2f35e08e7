#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# meson test --wrapper tests/valgrind.sh: a test program under valgrind's
# memcheck. Invalid accesses, decisions on undefined bytes and definite leaks
# end it with 99. For shell tests the programs that they run are wrapped, for
# Python ones nothing is. What takes minutes of network or photos by itself
# does without ../shared here.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
memcheck=(valgrind -q --error-exitcode=99 --leak-check=full
  --errors-for-leak-kinds=definite --show-leak-kinds=definite
  --num-callers=30 --suppressions="$here/valgrind.supp")

# libjpeg-turbo's vectors read across the ends of rows in the stock library
# that tests compare with, which memcheck cannot follow.
export JSIMD_FORCENONE=1
export G_SLICE=always-malloc G_DEBUG="${G_DEBUG:+$G_DEBUG,}gc-friendly"

case $(basename "$1") in
test-nn-networks | test-nn-plan | test-petnet | test-suites | onnx-node-check)
  export PET_SHARED=/nonexistent
  ;;
real-photos.sh)
  export PET_SHARED=/nonexistent
  ;;
esac

case $1 in
*python*)
  exec "$@"
  ;;
*.sh)
  wrapped=$(mktemp -d)
  trap 'rm -rf "$wrapped"' EXIT
  for program in "$PET_PROGRAMS"/* "$(command -v gst-launch-1.0)"; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    printf '#!/bin/sh\nexec %s %s "$@"\n' "${memcheck[*]}" "$program" \
      >"$wrapped/$(basename "$program")"
    chmod +x "$wrapped/$(basename "$program")"
  done
  export PET_PROGRAMS=$wrapped PATH=$wrapped:$PATH
  "$@"
  ;;
*)
  exec "${memcheck[@]}" "$@"
  ;;
esac
