# SPDX-License-Identifier: LGPL-2.1-or-later
#
# TAP for shell tests. Source it, then:
#
#   check "what must hold" COMMAND ARGUMENT...     passes if COMMAND does
#   skip "what" "why"
#   finish                                         prints the plan, exits
#
# Sets work (an empty folder, removed at the end) and, from the environment,
# programs (folder of the programs) and shared (real data; may not exist).

set -u
number=0
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
programs=$PET_PROGRAMS
shared=$PET_SHARED

check() {
  local what=$1
  shift
  number=$((number + 1))
  if "$@" >"$work/.log" 2>&1; then
    echo "ok $number - $what"
  else
    failures=$((failures + 1))
    echo "not ok $number - $what"
    echo "# $*"
    sed 's/^/# /' "$work/.log" | head -n 20
  fi
}

skip() {
  number=$((number + 1))
  echo "ok $number - $1 # SKIP $2"
}

finish() {
  echo "1..$number"
  exit $((failures > 0))
}

# status CODE COMMAND...: passes when COMMAND exits with CODE.
status() {
  local wanted=$1 got=0
  shift
  "$@" || got=$?
  [ "$got" -eq "$wanted" ] || {
    echo "exit status $got, not $wanted"
    return 1
  }
}

# says TEXT COMMAND...: passes when COMMAND's output, either one, has TEXT.
says() {
  local text=$1 output
  shift
  output=$("$@" 2>&1) || true
  grep -qF -- "$text" <<<"$output" || {
    echo "\"$text\" is not in: $output"
    return 1
  }
}

# leaks_nothing COMMAND...: passes when COMMAND does and GStreamer's leaks tracer
# finds nothing alive at its end.
leaks_nothing() {
  rm -f "$work/.leaks"
  GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_NO_COLOR=1 \
    GST_DEBUG_FILE="$work/.leaks" "$@" || return 1
  ! grep -a "object-alive, type-name=(string)[^%]" "$work/.leaks"
}

# is_png FILE...: passes when all are whole PNGs.
is_png() {
  local file
  for file in "$@"; do
    [ -s "$file" ] || {
      echo "$file is missing or empty"
      return 1
    }
    if command -v pngcheck >/dev/null; then
      pngcheck -q "$file" || return 1
    else
      [ "$(head -c 4 "$file" | tail -c 3)" = PNG ] || return 1
    fi
  done
}

five="color enhancedblackwhite popart dithering retro8bit"

# has_five FOLDER: the five results are there, whole, and nothing else is.
has_five() {
  local effect
  for effect in $five; do
    is_png "$1/$effect.png" || return 1
  done
  [ "$(find "$1" -maxdepth 1 -type f | wc -l)" -eq 5 ]
}
