#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# pet-batch as a user runs it: results, names, messages, exit codes, bad input.

. "$(dirname "$0")/tap.sh"

batch() { "$programs/pet-batch" --device cpu "$@"; }
field() { python3 -c 'import json,sys
for line in open(sys.argv[1]):
    value = json.loads(line)
    for key in sys.argv[2].split("."):
        value = value[key]
    print(value)' "$@"; }

# What a PNG shows, without what is noted in it.
pixels() { python3 -c 'import hashlib, sys
data, at, shown = open(sys.argv[1], "rb").read(), 8, hashlib.sha256()
while at < len(data):
    size = int.from_bytes(data[at:at + 4], "big")
    if data[at + 4:at + 8] in (b"PLTE", b"tRNS", b"IDAT"):
        shown.update(data[at + 8:at + 8 + size])
    at += 12 + size
print(shown.hexdigest())' "$1"; }

"$programs/pet-draw" "$work/cat.png" 300 400 || exit 1
mkdir -p "$work/in/sub dir/ü"
cp "$work/cat.png" "$work/in/a.png"
cp "$work/cat.png" "$work/in/sub dir/b.png"
cp "$work/cat.png" "$work/in/sub dir/ü/c d.png"
echo notes >"$work/in/readme.txt"

check "a photo gives five results" batch "$work/cat.png" -o "$work/one"
check "the results are whole" has_five "$work/one/cat"

check "a folder keeps its structure" batch "$work/in" -o "$work/tree"
check "at the top" has_five "$work/tree/a"
check "with spaces" has_five "$work/tree/sub dir/b"
check "with UTF-8" has_five "$work/tree/sub dir/ü/c d"

check "same in, same out" diff -r "$work/one/cat" "$work/tree/a"

# Two photos that share a stem must not overwrite each other.
mkdir "$work/twins"
cp "$work/cat.png" "$work/twins/x.png"
cp "$work/cat.png" "$work/twins/x.jpg"
check "photos of one stem" batch "$work/twins" -o "$work/twins-out"
check "keep their full names (png)" has_five "$work/twins-out/x.png"
check "keep their full names (jpg)" has_five "$work/twins-out/x.jpg"

# Bad files between good ones: each is reported once, the good ones come out
# as if the bad ones were not there.
mkdir "$work/mixed"
for i in 1 3 5 7 9; do cp "$work/cat.png" "$work/mixed/$i-good.png"; done
: >"$work/mixed/2-empty.jpg"
head -c 3000 "$work/cat.png" >"$work/mixed/4-truncated.png"
echo '<html></html>' >"$work/mixed/6-page.jpg"
mkfifo "$work/mixed/8-fifo.jpg"
ln -s /dev/zero "$work/mixed/8-zero.jpg"
check "a folder with bad files ends with 2" \
  status 2 batch --json "$work/mixed" -o "$work/mixed-out"
batch --json "$work/mixed" -o "$work/mixed-out" \
  >"$work/mixed.jsonl" 2>"$work/mixed.err"
check "one line of JSON per photo" \
  test "$(wc -l <"$work/mixed.jsonl")" -eq 10
check "five done" \
  test "$(field "$work/mixed.jsonl" status | grep -c done)" -eq 5
check "five failed" \
  test "$(field "$work/mixed.jsonl" status | grep -c failed)" -eq 5
check "each failure has its reason" \
  test "$(field "$work/mixed.jsonl" reason | grep -c .)" -eq 5
check "and a line on standard error" \
  test "$(grep -c '^failed: ' "$work/mixed.err")" -eq 5
check "each line names file and bytes of each effect" \
  python3 - "$work/mixed.jsonl" <<'P'
import json, os, sys
for line in open(sys.argv[1]):
    photo = json.loads(line)
    assert set(photo) >= {"source", "index", "status", "reason", "width",
                          "height", "coverage", "box", "milliseconds",
                          "effects"}, photo
    assert len(photo["box"]) == 4 and len(photo["effects"]) == 5
    for name, effect in photo["effects"].items():
        assert set(effect) >= {"status", "file", "bytes", "milliseconds",
                               "reason"}, effect
        if effect["status"] == "done":
            assert os.path.getsize(effect["file"]) == effect["bytes"]
P
for i in 1 3 5 7 9; do
  check "good file $i is as alone" \
    diff -r "$work/one/cat" "$work/mixed-out/$i-good"
done
check "nothing is left of the bad ones" \
  test "$(find "$work/mixed-out" -type f | wc -l)" -eq 25

check "--effects makes only those" \
  batch --effects popart,color "$work/cat.png" -o "$work/two"
check "two files" test "$(find "$work/two" -type f | wc -l)" -eq 2
check "--max-size bounds the result" \
  batch --max-size 100 --json "$work/cat.png" -o "$work/small"
check "--memory below one photo still makes it, with a note" \
  says "alone" batch --memory 1 "$work/cat.png" -o "$work/tight"
check "the results are there" has_five "$work/tight/cat"
check "and are the same" diff -r "$work/one/cat" "$work/tight/cat"
check "optional effects that do not fit are dropped: exit 5" \
  status 5 batch --memory 1 --optional popart:10 "$work/cat.png" \
  -o "$work/dropped"
check "without the dropped one" test ! -e "$work/dropped/cat/popart.png"

# Fine looks are what is made when nothing is said, and those of few colours
# leave as palettes (colour type 3 of the PNG's header).
check "looks are fine unless told otherwise" \
  batch --rendition fine "$work/cat.png" -o "$work/fine"
check "the same" diff -r "$work/one" "$work/fine"
check "classic ones are others" \
  batch --rendition classic "$work/cat.png" -o "$work/classic"
for look in enhancedblackwhite popart dithering retro8bit; do
  check "$look" test "$(pixels "$work/fine/cat/$look.png")" != \
    "$(pixels "$work/classic/cat/$look.png")"
done
check "color is one" test "$(pixels "$work/fine/cat/color.png")" = \
  "$(pixels "$work/classic/cat/color.png")"
for look in popart dithering retro8bit; do
  check "$look leaves as a palette" test \
    "$(od -An -tu1 -j25 -N1 "$work/fine/cat/$look.png" | tr -d ' ')" = 3
done

# Parameters of looks: seen, remembered, and of one look only.
styled() {
  batch --effects popart,dithering --param popart.palette=candy \
    --param popart.ground=#102030 --param dithering.ink=navy "$@"
}
batch -q --effects popart,dithering "$work/cat.png" -o "$work/plain"
check "--param changes a look" styled "$work/cat.png" -o "$work/styled"
for look in popart dithering; do
  check "$look is another" test "$(pixels "$work/plain/cat/$look.png")" != \
    "$(pixels "$work/styled/cat/$look.png")"
done
check "the file says how it was made" grep -qa \
  "; palette=candy; ground=#102030" "$work/styled/cat/popart.png"
check "and of the other look only its own" grep -qaE \
  "photo=sha256:[0-9a-f]{64}; look=dithering; ink=#14213d" "$work/styled/cat/dithering.png"
check "the same again is kept" says '"kept"' \
  styled --json "$work/cat.png" -o "$work/styled"
batch --effects popart,dithering --param popart.palette=ocean --json \
  --param dithering.ink=#14213d "$work/cat.png" -o "$work/styled" \
  >"$work/styled.jsonl"
check "another parameter makes that look again" test \
  "$(field "$work/styled.jsonl" effects.popart.status)" = "done"
check "and no other" test \
  "$(field "$work/styled.jsonl" effects.dithering.status)" = kept
check "the look's own default is no parameter" batch --effects \
  popart,dithering --param popart.palette=auto "$work/cat.png" -o "$work/plain2"
check "same bytes" diff -r "$work/plain" "$work/plain2"
check "--print-pipeline has it" says 'ground="#102030"' \
  styled --print-pipeline "$work/cat.png" -o "$work/styled"
check "--list-params" says "popart.outline=1" batch --list-params
check "of the other rendition" says "dithering.gamma=0.45" \
  batch --list-params --rendition classic
for wrong in popart palette=candy popart.nose=1 popart.palette=mauve \
  popart.outline=9 popart.ground=12 dithering.dot-size=1.5 mosaic.grout=navy; do
  check "--param $wrong: exit 1" \
    status 1 styled --param "$wrong" "$work/cat.png" -o "$work/x"
done
check "it says what there is" says "one of auto, pop, sunset" \
  batch --param popart.palette=mauve "$work/cat.png" -o "$work/x"

check "--help" says "Exit status" batch --help
check "no input: exit 1" status 1 batch -o "$work/x"
check "no output: exit 1" status 1 batch "$work/cat.png"
check "an output folder without a name: exit 1" \
  status 1 batch "$work/cat.png" -o ""
check "no such input: exit 1" status 1 batch "$work/none" -o "$work/x"
check "unknown effect: exit 1" \
  status 1 batch --effects nose "$work/cat.png" -o "$work/x"
check "it lists the effects" \
  says "retro8bit" batch --effects nose "$work/cat.png" -o "$work/x"
check "unknown option: exit 1" status 1 batch --nose "$work/cat.png" -o x
check "bad model: exit 1" \
  status 1 batch --model "$work/in/readme.txt" "$work/cat.png" -o "$work/x"
check "device=cuda without a GPU: exit 4" \
  status 4 "$programs/pet-batch" --device cuda "$work/cat.png" -o "$work/x"

# Short options, as getopt reads them.
short() { (cd "$work" && batch --effects color "$@"); }
check "-j2 and -oOUT" short -j2 -oshort "$work/cat.png"
check "it is that folder" is_png "$work/short/cat/color.png"
check "several in one word" says '"kept"' short --json -qj2 "$work/cat.png" -o short
check "what follows -- is no option" \
  says "-j2: there is no such file" short -o short -- "$work/cat.png" -j2
check "nor is an option's value" \
  says 'no effect "-j2"' short --effects -j2 -o short "$work/cat.png"
for wrong in -j -jx -j=2 -z4 -o; do
  check "$wrong: exit 1" status 1 short "$work/cat.png" -oshort "$wrong"
done
for wrong in -output -output=short -jobs=2 -json; do
  check "$wrong: exit 1" status 1 short "$work/cat.png" -oshort "$wrong" short
  check "it is told what was meant" says "say -$wrong, with two dashes" \
    short "$work/cat.png" -oshort "$wrong" short
done

check "pet-draw --help: exit 0" status 0 "$programs/pet-draw" --help
check "without a file: exit 1" status 1 "$programs/pet-draw"

# quickstart, where all is built already.
mkdir -p "$work/checkout/pipelines" "$work/checkout/build2"
cp "$PET_ROOT/pipelines/quickstart" "$work/checkout/pipelines"
printf '#!/bin/sh\n' >"$work/checkout/pipelines/setup"
chmod +x "$work/checkout/pipelines/setup"
ln -s "$programs" "$work/checkout/build2/pipelines"
for build in build2 "$work/checkout/build2"; do
  check "quickstart in PET_BUILD=${build##*/}" env PET_BUILD="$build" \
    "$work/checkout/pipelines/quickstart" "$work/cat.png" "$work/quick"
  check "makes the prints" has_five "$work/quick/cat"
done

chmod 555 "$work/in"
if touch "$work/in/probe" 2>/dev/null; then
  rm -f "$work/in/probe"
  skip "an output folder that cannot be made" "running as root"
else
  check "an output folder that cannot be made: exit 1" \
    status 1 batch "$work/cat.png" -o "$work/in/out"
fi
chmod 755 "$work/in"

finish
