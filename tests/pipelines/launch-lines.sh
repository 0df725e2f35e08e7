#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every launch line of the README and of the elements' documentation, as it
# stands; gst-inspect on each element; stock elements around ours.

. "$(dirname "$0")/tap.sh"
root=$PET_ROOT
cd "$work" || exit 1
mkdir -p out photos/sub
"$programs/pet-draw" out/drawn-000.png 240 320 || exit 1
cp out/drawn-000.png photos/a.png
cp out/drawn-000.png photos/sub/b.png
gst-launch-1.0 -q filesrc location=out/drawn-000.png ! pngdec ! videoconvert ! \
  jpegenc ! filesink location=dog.jpg

# Names {dir}, {stem} and {index} must reach the element unexpanded.
run_line() {
  rm -rf prints
  leaks_nothing bash -c "set +B; timeout 60 $1"
}

while IFS= read -r line; do
  check "README: ${line:0:60}..." run_line "$line"
done < <(sed -n '/^```sh$/,/^```$/{/^```/d;p}' "$root/README.md" |
  sed -e ':a;/\\$/{N;s/\\\n *//;ba}' | grep '^gst-launch-1.0')

for file in "$root"/plugins/gst*.c; do
  line=$(sed -n '/|\[/,/\]|/{s/^ \* \(gst-launch.*\)/\1/p}' "$file")
  [ -n "$line" ] || continue
  check "$(basename "$file"): its launch line" run_line "$line"
done

for element in petfoldersrc petdec petsegment memgate peteffect petpngenc \
  petfilesink; do
  check "gst-inspect-1.0 $element" says "Element Properties" \
    gst-inspect-1.0 "$element"
done

check "stock decoder and encoder around ours" leaks_nothing timeout 60 \
  gst-launch-1.0 -q filesrc location=out/drawn-000.png ! pngdec ! \
  videoconvert ! petsegment device=cpu ! peteffect effect=popart ! \
  videoconvert ! pngenc ! filesink location=stock.png
check "its file is whole" is_png stock.png
check "multifilesink behind ours" leaks_nothing timeout 60 \
  gst-launch-1.0 -q petfoldersrc location=photos ! petdec ! \
  petsegment device=cpu ! petpngenc ! multifilesink location=multi%d.png
check "a file per photo" is_png multi0.png multi1.png
check "device=cuda says why not" says "device=cuda is not possible: there is no" timeout 60 \
  gst-launch-1.0 filesrc location=dog.jpg ! petdec ! \
  petsegment device=cuda ! fakesink
check "pet-embed: appsrc and appsink" leaks_nothing "$programs/pet-embed" dog.jpg embed.png
check "its file is whole" is_png embed.png

# As `meson install` leaves them, in a prefix that GStreamer does not know.
mkdir -p prefix/bin "prefix/$PET_LIBDIR/gstreamer-1.0"
cp "$programs/pet-batch" prefix/bin
cp "$GST_PLUGIN_PATH/libgstpet.so" "prefix/$PET_LIBDIR/gstreamer-1.0"
check "installed, pet-batch finds its plugin" env -u GST_PLUGIN_PATH \
  GST_REGISTRY="$work/prefix.bin" prefix/bin/pet-batch -q --device cpu \
  --effects color dog.jpg -o prefix/out
check "its print is whole" is_png prefix/out/dog/color.png

finish
