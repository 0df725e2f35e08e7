#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Damaged photos, good ones between them, through one pet-batch process: it
# ends, tells of each file once, and the good ones come out byte for byte as
# from a run without the damaged ones.
#
#   MUTATED=3000 tests/run --sanitize mutated      the long version

. "$(dirname "$0")/tap.sh"
count=${MUTATED:-50}
seed=${TAP_SEED:-20261125}

batch() {
  "$programs/pet-batch" --device cpu --max-size 96 --effects color,popart \
    --json "$@"
}

mkdir "$work/in" "$work/clean" "$work/made"
for i in 1 2 3; do
  "$programs/pet-draw" "$work/made/$i.png" $((90 + 30 * i)) 160 || exit 1
  gst-launch-1.0 -q filesrc location="$work/made/$i.png" ! pngdec ! \
    videoconvert ! jpegenc ! filesink location="$work/made/$i.jpg" || exit 1
done
photos=("$work"/made/*)
if [ -d "$shared/photos" ]; then
  mapfile -t real < <(find "$shared/photos" "$shared/pets/test/images" \
    -name '*.jpg' -size -1500k -o -name '*.png' -size -1500k | sort)
  photos+=("${real[@]}")
fi
python3 "$(dirname "$0")/../data/mutate.py" "$work/in" "$work/clean" \
  "$count" "$seed" "${photos[@]}"
good=$(find "$work/clean" -type f | wc -l)

check "the good photos alone" batch "$work/clean" -o "$work/alone"
result=0
timeout $((120 + count * 5)) "$programs/pet-batch" --device cpu --max-size 96 \
  --effects color,popart --json "$work/in" -o "$work/mixed" \
  >"$work/lines" 2>"$work/errors" || result=$?
check "$count files, seed $seed: one process ends with 0 or 2, not $result" \
  test "$result" -eq 0 -o "$result" -eq 2
check "no sanitizer or critical message" \
  test -z "$(grep -aE 'Sanitizer|runtime error|CRITICAL' "$work/errors")"
check "one line for each file" test "$(wc -l <"$work/lines")" -eq "$count"
count_status() { grep -c "\"status\":\"$1\"[^{]*\"effects\"" "$work/lines"; }
done_files=$(count_status done)
failed_files=$(count_status failed)
echo "# $done_files done, $failed_files failed"
check "done and failed add up" \
  test $((done_files + failed_files)) -eq "$count"
same() {
  local folder
  for folder in "$work"/alone/*; do
    diff -r "$folder" "$work/mixed/$(basename "$folder")" || return 1
  done
}
check "the $good good ones are as alone" same

finish
