#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# T15: Ctrl-C for gst-launch -e, in preroll and while pictures are made, with
# and without room; stock sinks prerolled used to hang for ever. T16: SIGKILL
# leaves whole files only.

. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
mkdir photos
"$programs/pet-draw" photos/p-000.png 300 400 || exit 1
for i in $(seq 1 30); do
  cp photos/p-000.png "photos/p-$i.png"
done

branch() {
  echo "t. ! memgate budget=b limit=$2 ! queue ! peteffect effect=$1 budget=b !
    petpngenc budget=b ! $3"
}

# stops SIGNAL SECONDS LIMIT SINK: starts a pipeline, sends the signal after so
# long; passes when the program is gone soon.
stops() {
  local line pid end
  rm -rf out
  line="petfoldersrc location=photos ! petdec budget=b !
    petsegment device=cpu budget=b ! tee name=t
    $(branch popart "$3" "${4/NAME/popart}")
    $(branch dithering "$3" "${4/NAME/dithering}")"
  # shellcheck disable=SC2086
  (set -f +B && exec gst-launch-1.0 --no-fault -e -q $line) &
  pid=$!
  sleep "$2"
  kill -s "$1" "$pid" 2>/dev/null
  end=$((SECONDS + 200))
  while kill -0 "$pid" 2>/dev/null; do
    if [ $SECONDS -gt $end ]; then
      kill -9 "$pid"
      echo "it hangs"
      return 1
    fi
    sleep 0.05
  done
  wait "$pid" 2>/dev/null
  return 0
}

whole_files_only() {
  local file
  for file in out/*/*.png; do
    [ ! -e "$file" ] || is_png "$file" || return 1
  done
}

ours="petfilesink location=out/{stem}/NAME.png"
stock="fakesink name=NAME"
for delay in 0.05 0.3 1; do
  for limit in 1000 100000000; do
    check "T15: SIGINT after $delay s, limit $limit" \
      stops INT $delay $limit "$ours"
    check "its files are whole" whole_files_only
    # Without room each such run waits until the account calls it stalled.
    [ "$limit$delay" = 10000.05 ] || [ "$limit$delay" = 10001 ] ||
      check "the same with stock sinks that preroll" \
        stops INT $delay $limit "$stock"
  done
  check "T16: SIGKILL after $delay s" stops KILL $delay 100000000 "$ours"
  check "its files are whole" whole_files_only
done

finish
