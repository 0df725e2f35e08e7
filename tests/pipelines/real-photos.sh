#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Whole jobs on real photos, where they are present.

. "$(dirname "$0")/tap.sh"

if [ ! -d "$shared/photos" ]; then
  echo "1..0 # SKIP no real photos beside the checkout"
  exit 0
fi
field() { python3 -c 'import json,sys
for line in open(sys.argv[1]):
    print(json.loads(line)[sys.argv[2]])' "$@"; }

check "all photos of the collection" \
  "$programs/pet-batch" --device cpu --json --max-size 800 "$shared/photos" \
  -o "$work/out"
while IFS= read -r photo; do
  stem=${photo%.*}
  check "$photo: five whole results" has_five "$work/out/$stem"
done < <(cd "$shared/photos" && find . -name '*.jpg' -o -name '*.png' |
  sed 's,^\./,,' | sort)

check "EXIF 6 and 8 come out upright" python3 - "$work/out" <<'P'
import struct, sys
def size(name):
    with open(f"{sys.argv[1]}/{name}/color.png", "rb") as file:
        return struct.unpack(">II", file.read(24)[16:])
assert size("derived/Abyssinian_40-orient6") == size("Abyssinian_40")
assert size("derived/dog-tzeitel-orient8") == size("dog-tzeitel")
width, height = size("more/cat-galaxy-s2-orient6-8mp")
assert width < height
P

"$programs/pet-batch" --device cpu --json --effects color \
  "$shared/pets/test/images" -o "$work/test" >"$work/test.jsonl"
check "the 60 test photos all have a pet" \
  test "$(field "$work/test.jsonl" coverage | awk '$1 > 0.01' | wc -l)" -eq 60

finish
