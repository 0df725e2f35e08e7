#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# pet-batch on inputs, outputs and limits that are not as they should be.

. "$(dirname "$0")/tap.sh"
batch() { "$programs/pet-batch" --device cpu --max-size 64 "$@"; }

# counts FILE: "done N failed N" over the photos in a JSON file.
counts() {
  python3 - "$1" <<'P'
import collections, json, sys
n = collections.Counter(json.loads(line)["status"] for line in open(sys.argv[1]))
print(" ".join(f"{name} {n[name]}" for name in sorted(n)))
P
}

# run CODE COUNTS ARGUMENT...
run() {
  local code=$1 wanted=$2 got
  shift 2
  batch --json "$@" >"$work/run.jsonl" 2>"$work/run.err"
  [ $? -eq "$code" ] || { tail -n 3 "$work/run.err"; return 1; }
  got=$(counts "$work/run.jsonl")
  [ "$got" = "$wanted" ] || { echo "$got, not $wanted"; return 1; }
}

"$programs/pet-draw" "$work/cat.png" 80 60 || exit 1
cat=$work/cat.png
batch "$cat" -o "$work/one" >/dev/null 2>&1

# Limits.
for limit in 1 1K 300K 0 9E 9EB 15E 9223372036854775807; do
  check "--memory $limit" run 0 "done 1" --memory $limit "$cat" \
    -o "$work/limit-$limit"
  check "the same results" diff -r "$work/limit-$limit/cat" "$work/one/cat"
done
check "a limit below one frame is remarked on" \
  says "alone" batch --remake --memory 1 "$cat" -o "$work/limit-1"
for limit in -1 -5M 16E 1e30 nan inf M "" 5X; do
  check "--memory \"$limit\" is a usage error" \
    status 1 batch "--memory=$limit" "$cat" -o "$work/x"
done
for jobs in -1 2000 x; do
  check "--jobs $jobs is a usage error" \
    status 1 batch "--jobs=$jobs" "$cat" -o "$work/x"
done
check "--timeout 0 is a usage error" \
  status 1 batch --timeout 0 "$cat" -o "$work/x"
check "nothing was made by those" test ! -e "$work/x"

# Names.
names=$work/names
mkdir -p "$names/sub "$'\n'" dir"
cp "$cat" "$names/with space.png"
cp "$cat" "$names/Zoë 猫.png"
cp "$cat" "$names/new"$'\n'"line.png"
cp "$cat" "$names/sub "$'\n'" dir/x.png"
cp "$cat" "$names/"$'\xff\xfe'".png"
cp "$cat" "$names/-o.png"
cp "$cat" "$names/{stem}.png"
cp "$cat" "$names/100%.png"
check "names with anything in them" run 0 "done 8" "$names" -o "$work/named"
for name in "with space" "Zoë 猫" "new"$'\n'"line" "sub "$'\n'" dir/x" \
  $'\xff\xfe' "-o" "{stem}" "100%"; do
  check "results of $(printf %q "$name")" \
    diff -r "$work/named/$name" "$work/one/cat"
done
dots=$work/dots
mkdir -p "$dots/sub"
for name in ..png ...png ... .png ....png .a.png sub/...png; do
  cp "$cat" "$dots/$name"
done
for name in ..png ...png ... .png ....png .a.png; do
  check "the results of $name are in OUT, too" \
    run 0 "done 1" "$dots/$name" -o "$work/dotted/in"
  check "and found again" run 0 "done 1" "$dots/$name" -o "$work/dotted/in"
  check "all of them" test "$(grep -o '"kept"' "$work/run.jsonl" | wc -l)" -eq 5
done
check "each in a folder" test "$(find "$work/dotted" -type f | wc -l)" -eq \
  "$(find "$work/dotted/in" -mindepth 2 -type f | wc -l)"
for name in "{stem}" "{{dir}" "{index}" "100%d"; do
  check "results in a folder called $name" \
    batch --effects color "$cat" -o "$work/out of $name/{"
  check "are there" test -e "$work/out of $name/{/cat/color.png"
  check "and kept" says "1 kept" \
    batch --effects color "$cat" -o "$work/out of $name/{"
done
steering=$work/steering
mkdir "$steering"
cp "$cat" "$steering/"$'\e[2Jgood.png'
touch "$steering/"$'\e]0;bad\a.png'
batch "$steering" -o "$work/steered" >"$work/steering.log" 2>&1
check "both are named" \
  test "$(grep -c 'good.png\|bad?.png' "$work/steering.log")" -eq 2
check "a name does not steer a terminal" \
  status 1 grep -q $'[\e\a]' "$work/steering.log"
check "an input folder in the output folder" \
  status 1 batch "$names" -o "$work"
mkdir "$work/twins"
for name in a.png a.jpg a.jpg.png b.png; do cp "$cat" "$work/twins/$name"; done
check "photos that share a stem" run 0 "done 4" "$work/twins" -o "$work/twin-out"
check "have results apart" test "$(find "$work/twin-out" -name color.png | LC_ALL=C sort |
  tr '\n' ' ')" = "$(for name in a.jpg.png a.jpg a.png b; do
  printf '%s/twin-out/%s/color.png ' "$work" $name; done)"

mkdir -p "$work/again/sub"
cp "$cat" "$work/again/x.png"
cp "$cat" "$work/again/sub/y.png"
ln -s again "$work/again-link"
check "inputs that are given again are taken once" run 0 "done 2" \
  "$work/again" "$work/again/" "$work/./again/x.png" "$work/again/sub" \
  "$work/again-link" "$work/again/sub/y.png" -o "$work/again-out"
check "as the first names them" test -e "$work/again-out/sub/y/color.png"
check "files too" run 0 "done 1" "$cat" "$work/../${work##*/}/cat.png" \
  -o "$work/again-out"
cp -r "$work/again" "$work/others"
check "others of the same name are refused" status 1 \
  batch "$work/again" "$work/others" -o "$work/again-out"

# Files in place of folders, and folders in place of files.
echo "not ours" >"$work/file"
ln -s file "$work/to-file"
ln -s nowhere "$work/to-nothing"
ln -s to-itself "$work/to-itself"
mkdir "$work/folder"
ln -s folder "$work/to-folder"
check "an input below a file: exit 1, and why" \
  says "$work/file/x.png: Not a directory" batch "$work/file/x.png" -o "$work/x"
check "one that is a link to itself" \
  says "Too many levels of symbolic links" batch "$work/to-itself" -o "$work/x"
for out in file file/ file/below to-file to-nothing to-nothing/below to-itself; do
  check "OUT is $out: exit 1" status 1 batch "$cat" -o "$work/$out"
  check "that is said before anything is begun" \
    run 1 "" "$cat" -o "$work/$out"
  check "with its name" grep -q \
    "^pet-batch: $work/$out cannot be the output folder: " "$work/run.err"
done
check "the file is as it was" grep -q "not ours" "$work/file"
check "OUT is a link to a folder" run 0 "done 1" "$cat" -o "$work/to-folder/"
mkdir -p "$work/taken/cat/color.png"
echo "not ours" >"$work/taken/cat/color.png/notes"
for again in "" --remake; do
  check "a folder is called like a result: it fails" \
    run 2 "failed 1" "$cat" $again -o "$work/taken"
  check "that is said" grep -q \
    "^failed: cat.png: .*cat/color.png\" cannot be written: a folder" "$work/run.err"
  check "the others are made" test "$(find "$work/taken/cat" -type f | wc -l)" -eq 5
done
check "the folder is as it was" grep -q "not ours" "$work/taken/cat/color.png/notes"
mkfifo "$work/taken/cat/mosaic.png"
ln -s /dev/null "$work/taken/cat/watercolor.png"
for look in mosaic watercolor; do
  check "so does one that is called like a pipe or a device: $look" run 2 "failed 1" \
    --effects "$look,color,popart" "$cat" -o "$work/taken"
  check "that is said" grep -q "$look.png.* cannot be written: .* not a file" \
    "$work/run.jsonl"
done
check "they are as they were" \
  test -p "$work/taken/cat/mosaic.png" -a -c "$work/taken/cat/watercolor.png"
check "that look alone" run 2 "failed 1" --effects color "$cat" -o "$work/taken"
check "another one" run 0 "done 1" --effects popart "$cat" -o "$work/taken"
mkdir "$work/blocked"
echo "not ours" >"$work/blocked/cat"
check "a file is called like a photo's folder: it fails" \
  run 2 "failed 1" "$cat" -o "$work/blocked"
check "that is said" grep -q "^failed: cat.png: .*is a file" "$work/run.err"
mkdir -p "$work/cross/a/color.png"
cp "$cat" "$work/cross/a.png"
cp "$cat" "$work/cross/a/color.png/x.png"
check "a photo's folder that is another's result: exit 1" \
  run 1 "" "$work/cross" -o "$work/cross-out"
check "both are named" grep -q "cross/a.png and .*cross/a/color.png/x.png would write a file and" \
  "$work/run.err"
check "nothing was begun" test ! -e "$work/cross-out"
check "not if that look is not made" \
  run 0 "done 2" --effects popart "$work/cross" -o "$work/cross-out"

# Nothing is written over a photo.
mkdir -p "$work/own/color" "$work/own/more"
cp "$cat" "$work/own/color/color.png"
cp "$cat" "$work/own/more"
ln -s own "$work/to-own"
# own CODE ARGUMENT...: it ends with CODE, and the photos are as they were.
own() {
  (cd "$work" && status "$@") || return
  cmp "$cat" "$work/own/color/color.png" && cmp "$cat" "$work/own/more/cat.png"
}
one=(batch --effects color)
check "a result in the place of its own photo: exit 1" \
  own 1 "${one[@]}" own/color/color.png -o own
check "that is said" says "is called like a result of" \
  "${one[@]}" "$work/own/color/color.png" -o "$work/own"
check "through a link" own 1 "${one[@]}" to-own/color/color.png -o own/more/..
mkdir -p "$work/own/cat"
cp "$cat" "$work/own/cat/color.png"
check "in that of another one" \
  own 1 "${one[@]}" cat.png own/cat/color.png -o own
check "of another look" own 0 batch --effects popart own/color/color.png -o own
rm -r "$work/own/cat"
for sheet in own/more/cat.png own/more/sheet.png own/none.png to-own/sheet.png; do
  check "the contact sheet $sheet would be among the photos: exit 1" \
    own 1 "${one[@]}" own -o own-out --contact-sheet $sheet
done
check "or be the photo" \
  own 1 "${one[@]}" own/more/cat.png -o own-out --contact-sheet to-own/more/cat.png
check "or a result" \
  own 1 "${one[@]}" cat.png -o own-out --contact-sheet own-out/cat/color.png
for sheet in dog.jpg DOG.JPEG; do
  check "or $sheet" own 1 "${one[@]}" own -o own-out --contact-sheet $sheet
done
check "nothing was begun" test ! -e "$work/own-out"
check "in OUT, which lies among the photos" \
  own 0 "${one[@]}" own -o own/out --contact-sheet own/out/sheet.png
check "again: it is no photo" own 0 "${one[@]}" own -o own/out \
  --contact-sheet own/out/sheet.png
check "nor among the results" test ! -e "$work/own/out/out"

# What is no photo.
odd=$work/odd
mkdir -p "$odd/deep/deeper"
ln -s .. "$odd/deep/up"
ln -s ../.. "$odd/deep/deeper/top"
ln -s "$odd" "$odd/self"
cp "$cat" "$odd/deep/deeper/good.png"
ln -s "$cat" "$odd/link.png"
check "links in circles" run 0 "done 2" "$odd" -o "$work/odd-out"
mkfifo "$odd/fifo.jpg" "$odd/fifo"
ln -s /dev/zero "$odd/zero.png"
ln -s /dev/zero "$odd/zero"
ln -s nowhere "$odd/gone.jpg"
ln -s loop.jpg "$odd/loop.jpg"
check "pipes, devices and links to nothing" \
  run 2 "done 2 failed 4" "$odd" -o "$work/odd-out"
check "each with its reason" \
  test "$(grep -c '^failed: .*: ' "$work/run.err")" -eq 4
if [ "$(id -u)" -ne 0 ]; then
  chmod 000 "$odd/link.png"
  check "a photo that cannot be read" \
    run 2 "done 1 failed 5" "$odd" -o "$work/odd-out"
  chmod 644 "$cat" # which the link leads to
else
  skip "a photo that cannot be read" "running as root"
fi

nested=$work/nested
deep=$nested/a$(printf '/%.0sd' {1..70})
mkdir -p "$deep"
cp "$cat" "$nested"
cp "$cat" "$deep"
check "folders that are nested too deep: the rest is done" \
  run 2 "done 1 failed 1" "$nested" -o "$work/nested-out"
check "they are named" grep -q "^failed: a/d/.*/d/: .* nested too deep" \
  "$work/run.err"
check "and counted" \
  grep -q "^2 photos: 1 done, 0 with dropped results, 1 failed" "$work/run.err"
if [ "$(id -u)" -ne 0 ]; then
  mkdir "$nested/locked"
  chmod 000 "$nested/locked"
  check "a folder that cannot be read" \
    run 2 "done 1 failed 2" "$nested" -o "$work/nested-out"
  check "is named" grep -q "^failed: locked/: .* Permission denied" \
    "$work/run.err"
  chmod 700 "$nested/locked"
else
  skip "a folder that cannot be read" "running as root"
fi

# A file that is written and cut off all the time.
mkdir "$work/moving"
cp "$cat" "$work/moving/steady.png"
(
  while [ ! -e "$work/still" ]; do
    cat "$cat" >"$work/moving/moving.png"
    head -c 500 "$cat" >"$work/moving/moving.png"
    truncate -s 1M "$work/moving/moving.png"
  done
) &
writer=$!
moved=0
for ((i = 0; i < 8; i++)); do
  batch --remake "$work/moving" -o "$work/moving-out" >/dev/null 2>&1
  code=$?
  { [ $code -eq 0 ] || [ $code -eq 2 ]; } || moved=$code
done
touch "$work/still"
wait $writer
check "a file that changes while it is read: exit 0 or 2" test $moved -eq 0
check "its neighbour is not touched by it" \
  diff -r "$work/moving-out/steady" "$work/one/cat"

# Many, and all of them bad.
mkdir "$work/many"
(cd "$work/many" && seq -f '%05g.jpg' 9999 | xargs touch)
cp "$cat" "$work/many/zlast.png"
check "10 000 files, 9 999 of them bad, the last one good" \
  run 2 "done 1 failed 9999" "$work/many" -o "$work/many-out"
check "the summary adds up" grep -q \
  "^10000 photos: 1 done, 0 with dropped results, 9999 failed; 5 results" \
  "$work/run.err"
check "the good one is good" diff -r "$work/many-out/zlast" "$work/one/cat"
mkdir "$work/row"
for ((i = 0; i < 60; i++)); do
  printf '\x89PNG\r\n\x1a\n broken' >"$work/row/$((i + 100)).png"
done
check "all bad" run 2 "failed 60" "$work/row" -o "$work/row-out"
check "they leave nothing" test ! -e "$work/row-out"
cp "$cat" "$work/row/099.png"
cp "$cat" "$work/row/999.png"
check "60 bad in a row between good ones" \
  run 2 "done 2 failed 60" "$work/row" -o "$work/row-out"
cp "$work/row/100.png" "$work/row/zz.png"
check "the last one bad" \
  run 2 "done 2 failed 61" "$work/row" -o "$work/row-out"
check "an empty folder: exit 1" \
  says "no photo" batch "$(mktemp -d -p "$work")" -o "$work/x"

# Disks.
full() {
  mkdir -p "$work/full"
  unshare --mount bash -c '
    mount -t tmpfs -o size=48k none "$1" || exit 77
    "$2" --device cpu --max-size 64 --json "$3" -o "$1/out" >"$4" 2>"$5"
    code=$?
    find "$1" -name "*.part" | grep -q . && exit 78
    for file in $(find "$1" -name "*.png"); do
      tail -c 8 "$file" | head -c 4 | grep -q IEND || exit 79
    done
    exit $code' - "$work/full" "$programs/pet-batch" "$1" "$work/run.jsonl" \
    "$work/run.err" 2>/dev/null
}
mkdir "$work/twenty"
for ((i = 0; i < 20; i++)); do cp "$cat" "$work/twenty/$i.png"; done
full "$work/twenty"
code=$?
if [ $code -eq 77 ] || [ $code -eq 1 ]; then
  skip "a disk that fills up" "no file system can be mounted here"
else
  check "a disk that fills up: exit 2, whole files only" test $code -eq 2
  check "it says so" grep -q "disk is full" "$work/run.err"
  check "every photo is accounted for" \
    test "$(wc -l <"$work/run.jsonl")" -eq 20
fi
(
  while [ ! -e "$work/enough" ]; do rm -rf "$work/shaky" 2>/dev/null; done
) &
remover=$!
batch --json "$work/twenty" -o "$work/shaky" >"$work/run.jsonl" 2>"$work/run.err"
code=$?
touch "$work/enough"
wait $remover
check "an output folder that is removed all the time: exit 0 or 2" \
  test $code -eq 0 -o $code -eq 2
check "every photo is accounted for" test "$(wc -l <"$work/run.jsonl")" -eq 20
check "then all is made" run 0 "done 20" "$work/twenty" -o "$work/shaky"
check "a contact sheet" \
  batch --contact-sheet "$work/sheet.png" "$work/twenty" -o "$work/shaky"
check "is a whole PNG" is_png "$work/sheet.png"
mkfifo "$work/pipe"
ln -s "$work/pipe" "$work/link-to-pipe"
ln -s nowhere "$work/link-to-nothing"
for sheet in none/sheet.png cat.png/sheet.png pipe link-to-pipe \
  link-to-nothing none/ .; do
  check "a contact sheet that cannot be written, $sheet: exit 1" status 1 \
    batch --contact-sheet "$work/$sheet" "$cat" -o "$work/unbegun"
done
check "or has no name" status 1 batch --contact-sheet "" "$cat" -o "$work/unbegun"
check "nothing was begun" test ! -e "$work/unbegun"
check "the pipe is a pipe" test -p "$work/pipe"
echo "to be replaced" >"$work/linked.png"
ln -s linked.png "$work/link.png"
check "a contact sheet through a link, and in OUT" \
  batch --contact-sheet "$work/link.png" "$cat" -o "$work/sheet-out"
check "the file is replaced" is_png "$work/linked.png"
check "the link is there" test -L "$work/link.png"
check "in OUT, which is not there yet" batch --effects color \
  --contact-sheet "$work/sheet-new/sheet.png" "$cat" -o "$work/sheet-new"

# Streams and limits of the process.
full_output() { batch "$@" "$cat" -o "$work/unheard" >/dev/full; }
closed_output() { batch "$@" "$cat" -o "$work/unheard" >&-; }
unread_output() {
  batch "$@" --remake "$work/twenty" -o "$work/unread" | true
  return "${PIPESTATUS[0]}"
}
for output in full closed unread; do
  check "standard output is $output: exit 2" status 2 ${output}_output --json
  check "that is said" says "standard output is incomplete" ${output}_output
done
check "the work was done" diff -r "$work/unheard/cat" "$work/one/cat"
check "all of it" test "$(find "$work/unread" -name '*.png' | wc -l)" -eq 100
small_files() { (ulimit -f 1; batch "$@"); }
check "files that may not be so large: the photo fails" status 2 \
  small_files --max-size 300 "$cat" -o "$work/large"
check "it says so" says "File too large" \
  small_files --max-size 300 "$cat" -o "$work/large"
check "no file is left" test "$(find "$work/large" -name '*.part')" = ""

small_sheet() {
  small_files -q --contact-sheet "$work/no-room.png" "$cat" -o "$work/sheet-new"
}
batch -q "$cat" -o "$work/sheet-new"
check "a contact sheet for which there is no room: exit 2" status 2 small_sheet
check "it says so, in one line" test "$(small_sheet 2>&1)" = \
  "pet-batch: the contact sheet $work/no-room.png cannot be written: File too large"
check "nothing of it is left" test "$(find "$work" -name 'no-room*')" = ""

# sick_batch ARGUMENT...: a look's file cannot be written, another one's hangs.
sick_batch() {
  LD_PRELOAD=$PET_HANG exec "$programs/pet-batch" --device cpu --max-size 64 \
    --jobs 1 --effects color,popart "$work/sick" -o "$work/sick-out" "$@"
}

# is_left PID: it waits for the end of a pipeline.
is_left() {
  for ((i = 0; i < 300; i++)); do
    grep -qs pet-end "/proc/$1/task"/*/comm && return
    sleep 0.1
  done
  return 1
}

# ends_with CODE PID: soon.
ends_with() {
  for ((i = 0; i < 300; i++)); do
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$2" 2>/dev/null
  status "$1" wait "$2"
}

if [ -n "${LD_PRELOAD-}" ]; then
  skip "a disk that hangs" "another library is preloaded"
else
  mkdir "$work/disk"
  for name in 1 2-hang 3 4 5; do cp "$cat" "$work/disk/$name.png"; done
  check "a disk that hangs under one photo: it fails, the others are made" \
    env LD_PRELOAD="$PET_HANG" bash -c '
      timeout 120 "$1" --device cpu --max-size 64 --jobs 2 --memory 1 \
        --timeout 10 "$2" -o "$3" 2>"$4"; [ $? -eq 2 ]' - \
    "$programs/pet-batch" "$work/disk" "$work/disk-out" "$work/run.err"
  check "it is said which one and where it stood" grep -q \
    "^failed: 2-hang.png: stood still for 10 s while making the looks" \
    "$work/run.err"
  for name in 1 3 4 5; do
    check "photo $name" diff -r "$work/disk-out/$name" "$work/one/cat"
  done

  mkdir "$work/sick"
  cp "$cat" "$work/sick/1.png"
  cp "$cat" "$work/sick/2-sick.png"
  (sick_batch --timeout 100) 2>"$work/run.err" &
  pid=$!
  check "a disk that fails under one look and hangs under another" is_left $pid
  kill -TERM $pid
  sleep 1
  check "the first signal waits" kill -0 $pid
  kill -TERM $pid
  check "the second does not" ends_with 3 $pid
  (sick_batch --timeout 3) 2>"$work/run.err" &
  pid=$!
  check "the end is not waited for beyond --timeout" ends_with 2 $pid
  check "the photo has failed for the error" \
    grep -q "^failed: 2-sick.png: .*Input/output error" "$work/run.err"
fi

# Eight at the door, of whom one at a time is let in, for a second.
if [ -n "${LD_PRELOAD-}" ]; then
  skip "photos that wait for longer than --timeout" \
    "another library is preloaded"
else
  mkdir "$work/eight"
  for ((i = 0; i < 8; i++)); do cp "$cat" "$work/eight/$i.png"; done
  check "photos that wait for longer than --timeout are made" \
    env LD_PRELOAD="$PET_SLOW" "$programs/pet-batch" --device cpu \
    --max-size 64 --jobs 8 --memory 1 --timeout 5 "$work/eight" \
    -o "$work/eight-out"
  for ((i = 10; i < 20; i++)); do cp "$cat" "$work/eight/$i.png"; done
  cp "$cat" "$work/eight/0-hang.png"
  check "a photo is given up, the others are made" status 2 \
    env LD_PRELOAD="$PET_HANG $PET_SLOW" bash -c '
      "$1" --device cpu --max-size 64 --jobs 3 --memory 10M --timeout 5 "$2" \
        -o "$3" 2>"$4"' - "$programs/pet-batch" "$work/eight" \
    "$work/after-out" "$work/run.err"
  check "only one has failed" grep -q "18 done, .* 1 failed" "$work/run.err"
  check "within the memory that was given" awk '
    /memory of photos at most/ {
      sub (/.*memory of photos at most /, "")
      ok = $1 > 0 && $1 <= $3 && $3 == 10.5
    }
    END { exit !ok }' "$work/run.err"
fi

# A pipeline for the shell.
line=$(batch --print-pipeline --effects color,popart "$names" \
  -o "$work/launched")
check "--print-pipeline can be pasted" bash -c "$line"
line=$(batch --print-pipeline --effects color "$cat" -o "$work/{stem} {")
check "with an output folder called {stem}" bash -c "$line"
check "it is the folder" test -d "$work/{stem} {"
check "and makes the same pictures" \
  test "$(find "$work/launched" -name popart.png -printf x)" = xxxxxxxx

finish
