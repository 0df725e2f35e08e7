#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# pet-batch again and again: what is whole is kept, what is not is made; shards
# that share the work; a process that is killed at any moment.

. "$(dirname "$0")/tap.sh"
batch() { "$programs/pet-batch" --device cpu --max-size 64 "$@"; }
tree() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }

# statuses FILE: "done 3 kept 2", counted over the results in a JSON file.
statuses() {
  python3 - "$1" <<'P'
import collections, json, sys
n = collections.Counter(effect["status"] for line in open(sys.argv[1])
                        for effect in json.loads(line)["effects"].values())
print(" ".join(f"{name} {n[name]}" for name in sorted(n)))
P
}

# run WHAT WANTED ARGUMENT...: the results' statuses are those wanted.
run() {
  local wanted=$1
  shift
  batch --json "$@" >"$work/run.jsonl" || return
  local got
  got=$(statuses "$work/run.jsonl")
  [ "$got" = "$wanted" ] || { echo "$got, not $wanted"; return 1; }
}

mkdir -p "$work/in/sub"
for i in 1 2 3 4; do
  "$programs/pet-draw" "$work/in/cat $i.png" 90 $((80 + i)) || exit 1
done
"$programs/pet-draw" "$work/in/sub/cat.png" 64 64 || exit 1
in=$work/in out=$work/out

check "everything is made" run "done 25" "$in" -o "$out"
tree "$out" >"$work/whole"
check "everything is kept" run "kept 25" "$in" -o "$out"
check "with width and height" \
  grep -q '"width":64,"height":5[0-9],' "$work/run.jsonl"
rm "$out/cat 2/popart.png"
check "a result that is missing is made, the others are kept" \
  run "done 1 kept 24" "$in" -o "$out"

victim="$out/cat 1/color.png"
head -c 400 "$victim" >"$work/cut" && cp "$work/cut" "$victim"
check "one that was cut off is made again" run "done 1 kept 24" "$in" -o "$out"
: >"$victim"
check "one that is empty" run "done 1 kept 24" "$in" -o "$out"
python3 -c 'import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 0x55
open(sys.argv[1], "wb").write(data)' "$victim"
check "one that was damaged in the middle" run "done 1 kept 24" "$in" -o "$out"
printf 'x' >>"$victim"
check "one with something behind its end" run "done 1 kept 24" "$in" -o "$out"
cp "$out/cat 1/popart.png" "$victim"
check "one that is another look's" run "done 1 kept 24" "$in" -o "$out"
check "then the tree is as before" \
  diff <(tree "$out") "$work/whole"

check "another size: all is made again" \
  run "done 25" --max-size 48 "$in" -o "$out"
check "another level" run "done 25" --max-size 48 --level 5 "$in" -o "$out"
check "another resolution" run "done 25" --dpi 300 "$in" -o "$out"
check "other memory and jobs do not matter" \
  run "kept 25" --dpi 300 --memory 8M --jobs 3 "$in" -o "$out"
check "fewer effects" run "kept 5" --dpi 300 --effects color "$in" -o "$out"
check "--remake" run "done 25" --dpi 300 --remake "$in" -o "$out"
cp "$in/cat 4.png" "$in/cat 3.png"
check "another photo under the same name" \
  run "done 5 kept 20" --dpi 300 "$in" -o "$out"
touch "$in"/*.png
check "a new date does not matter" run "kept 25" --dpi 300 "$in" -o "$out"
check "results below the input are no photos" \
  run "done 25" "$in" -o "$in/results"
check "nor in the second run" run "kept 25" "$in" -o "$in/results"
rm -r "$in/results"

# However the folders are spelled.
mkdir -p "$work/real/photos/sub"
cp "$in/cat 1.png" "$work/real/photos"
cp "$in/sub/cat.png" "$work/real/photos/sub"
ln -s real/photos "$work/link"
ln -s "$work/prints" "$work/real/photos/sub/prints"
for spelling in "link real/photos/prints" "real/photos link/prints" \
  "link/sub/.. link/new/../prints" "link prints"; do
  read -r from to <<<"$spelling"
  rm -rf "$work/real/photos/prints" "$work/prints"
  (cd "$work" && run "done 10" --remake "$from" -o "$to") >/dev/null 2>&1
  check "results are no photos: $spelling" \
    eval "cd '$work' && run 'kept 10' '$from' -o '$to'"
done
check "an input folder that a link puts into the output folder" \
  status 1 batch "$work/link/prints" -o "$work/real/photos"

# Optional results that were dropped are made by the next run, and only they.
rm -rf "$out"
batch --memory 1 --optional popart:10 "$in" -o "$out" >/dev/null 2>"$work/log"
check "dropped results end with 5" test $? -eq 5
check "they are listed" grep -q "^dropped: cat 1.png: popart" "$work/log"
check "the next run makes exactly them, without more memory" \
  run "done 5 kept 20" --memory 1 --optional popart:10 "$in" -o "$out"
rm "$out/cat 1/popart.png" "$out/cat 2/popart.png" "$out/cat 2/color.png"
batch --json --memory 1 --optional popart:10 "$in" -o "$out" \
  >"$work/run.jsonl" 2>/dev/null
check "only where the required ones are there" \
  test "$(statuses "$work/run.jsonl")" = "done 2 dropped 1 kept 22"
check "then there, too" \
  run "done 1 kept 24" --memory 1 --optional popart:10 "$in" -o "$out"
rm -rf "$out"
check "where all are optional nothing is dropped" run "done 10" --memory 1 \
  --effects popart,color --optional popart:10,color "$in" -o "$out"
check "the rest is made" run "done 15 kept 10" "$in" -o "$out"

# What the second network was to be asked about, and was not, is not kept.
lone=$work/lone
mkdir -p "$lone/pipelines" "$lone/plugins"
cp "$programs/pet-batch" "$lone/pipelines"
cp "$programs/../plugins/libgstpet.so" "$lone/plugins"
gst-launch-1.0 -q videotestsrc num-buffers=1 pattern=black ! \
  video/x-raw,width=64,height=64 ! pngenc ! filesink location="$work/black.png"
without() {
  GST_PLUGIN_PATH=$lone/plugins GST_REGISTRY=$lone/registry.bin \
    "$lone/pipelines/pet-batch" --device cpu --max-size 64 --effects color "$@"
}
marked() { grep -qa "; unasked=second-model" "$work/unasked/$1/color.png"; }
mkdir "$work/asking"
cp "$work/black.png" "$in/cat 1.png" "$work/asking"
without "$work/asking" -o "$work/unasked" >"$work/log" 2>&1
check "without petnet-large: once a note" \
  test "$(grep -c "^note: Photos are not shown to the second network: petnet" \
    "$work/log")" -eq 1
check "what it was to be asked about is marked" marked black
check "what it was not to be asked about is not" status 1 marked "cat 1"
check "with petnet-large: the former is made again, the latter kept" \
  run "done 1 kept 1" --effects color "$work/asking" -o "$work/unasked"
check "it is marked no more" status 1 marked black

# Room for one optional look: the next run makes the other one, since a branch
# that gets no picture takes no memory.
"$programs/pet-draw" "$work/large.png" 900 1200 || exit 1
tight=(--memory 30M --jobs 1 --max-size 1536 --effects color,popart,retro8bit
  --optional "popart:50,retro8bit:10" "$work/large.png" -o "$work/tight")
check "there is room for one optional result" status 5 batch "${tight[@]}"
check "the next run makes the other one" run "done 1 kept 2" "${tight[@]}"

# Shards.
for i in 0 1 2; do
  batch --json --shard $i/3 "$in" -o "$work/shards" >>"$work/shards.jsonl" \
    2>/dev/null
done
check "three shards make every photo once" \
  test "$(grep -c '"status":"done","reason":"","width"' "$work/shards.jsonl")" \
  -eq 5
batch "$in" -o "$work/plain" >/dev/null 2>&1
check "and the same results" diff -r "$work/shards" "$work/plain"
check "as those made one after the other" diff -r "$out" "$work/plain"
rm -rf "$work/shards"
for i in 0 1; do
  JOB_COMPLETION_INDEX=$i JOB_COMPLETIONS=2 batch "$in" -o "$work/shards"
done >/dev/null 2>&1
check "JOB_COMPLETION_INDEX" diff -r "$work/shards" "$work/plain"
rm -rf "$work/shards"
for i in 7 8 9; do
  SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=7 \
    batch "$in" -o "$work/shards"
done >/dev/null 2>&1
check "SLURM_ARRAY_TASK_ID" diff -r "$work/shards" "$work/plain"
sheets() {
  local i
  for i in 0 1; do
    batch --shard $i/2 --contact-sheet "$work/sheet-$i.png" "$in/sub" \
      -o "$work/sheets" || return
  done
}
check "a contact sheet of no photos is no failure" sheets
check "it is noted" says "no contact sheet is made" sheets
check "the other shard has its own" is_png "$work"/sheet-?.png
for shard in 3/3 1 x/2 -1/2 1/0; do
  check "--shard $shard is a usage error" \
    status 1 batch --shard $shard "$in" -o "$work/x"
done

# Temporary files of the dead go, those of the living stay.
dead="$work/plain/cat 1/.popart.png.abcdef.part"
alive="$work/plain/cat 1/.color.png.abcdef.part"
foreign="$work/plain/cat 1/.notes.abcdef.part"
touch "$dead" "$alive" "$foreign"
exec 8<"$alive"
flock 8
check "a run among temporary files" run "kept 25" "$in" -o "$work/plain"
exec 8<&-
check "what a dead process left is gone" test ! -e "$dead"
check "what a living one writes is not" test -e "$alive"
check "nor what is not ours" test -e "$foreign"

# Signals.
for signal in TERM INT; do
  rm -rf "$out"
  "$programs/pet-batch" --device cpu --jobs 1 "$in" -o "$out" \
    >"$work/log" 2>&1 &
  pid=$!
  until [ -e "$out/cat 1/color.png" ]; do sleep 0.02; done
  kill -$signal $pid
  wait $pid
  check "SIG$signal: exit 3" test $? -eq 3
  check "the photo in flight is finished" has_five "$out/cat 1"
  check "the rest was not begun" grep -q "not begun" "$work/log"
done

# is_ready PID: the process is pet-batch and has a handler for SIGTERM.
is_ready() {
  local mask
  [[ $(readlink "/proc/$1/exe") = */pet-batch ]] || return 1
  mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
  ((0x${mask:-0} & 0x4000))
}
"$programs/pet-batch" --device cpu "$in" -o "$work/early" >/dev/null 2>&1 &
pid=$!
until is_ready $pid; do sleep 0.002; done
kill -TERM $pid
wait $pid
check "SIGTERM before the first photo: exit 3" test $? -eq 3

# SIGKILL at 50 random moments. A tree that is complete is begun anew.
rm -rf "$out"
batch "$in" -o "$work/undisturbed" >/dev/null 2>&1
begin=$(date +%s%N)
batch "$in" -o "$work/timed" >/dev/null 2>&1
span=$((($(date +%s%N) - begin) / 1000000))
torn=0 complete=0 RANDOM=7
for ((i = 0; i < 50; i++)); do
  batch "$in" -o "$out" >/dev/null 2>&1 &
  pid=$!
  moment=$((RANDOM * span / 32768))
  sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
  kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null && complete=$((complete + 1))
  [ -d "$out" ] || continue
  while IFS= read -r -d '' file; do
    cmp -s "$file" "$work/undisturbed/${file#"$out"/}" || torn=$((torn + 1))
  done < <(find "$out" -name '[!.]*' -type f -print0)
  [ "$(find "$out" -name '[!.]*' -type f | wc -l)" -eq 25 ] && rm -rf "$out"
done 2>/dev/null
echo "# 50 runs of $span ms killed; $complete had finished before"
check "50 times killed: no torn file, no wrong one" test $torn -eq 0
check "most were hit at work" test $complete -lt 40
check "the last run completes the tree" batch "$in" -o "$out"
check "byte for byte" diff -r "$out" "$work/undisturbed"

finish
