#!/usr/bin/env bash
# `sslrun data`: what it finds in a folder, and that a recipe takes its list.  usage: data_test.sh SSLRUN SOURCE_DIR
set -uo pipefail
sslrun=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
mkdir -p "$work/photos/a" "$work/photos/b" "$work/val"
for i in 1 2 3; do printf 'P5 4 4 255\n%s' "abcdefghijklmno$i" >"$work/photos/a/$i.pgm"; done
cp "$work/photos/a/1.pgm" "$work/photos/b/copy.pgm"
printf 'P5 4 4 255\nabc' >"$work/photos/b/cut.pgm"
echo 'no picture' >"$work/photos/b/letter.jpg"
cp "$work/photos/a/2.pgm" "$work/val/seen.pgm"
out=$("$sslrun" data check "$work/photos" --val "$work/val" --quarantine "$work/bad.txt" --json 2>/dev/null) || fail "status $?"
python3 - "$out" <<'P' || exit 1
import json, sys
out = json.loads(sys.argv[1])
assert out["images"] == 6, out
assert [(k["kind"], k["count"]) for k in out["bad"]] == [("not an image", 1), ("truncated", 1)], out
assert out["duplicates"] == {"count": 1, "examples": [["a/1.pgm", "b/copy.pgm"]]}, out
assert out["leaks"] == {"count": 1, "examples": [["a/2.pgm", "seen.pgm"]]}, out
side = out["short_side"]
assert (side["min"], side["median"], side["max"], side["counts"]) == (4, 4, 4, [4, 0, 0, 0, 0, 0, 0, 0]), out
assert out["aspect"]["counts"] == [0, 0, 0, 4, 0, 0, 0] and out["blank"]["count"] == 0, out
P
[ "$(grep -v '^#' "$work/bad.txt" | cut -f1 | tr '\n' ' ')" = 'b/copy.pgm b/cut.pgm b/letter.jpg ' ] || fail "quarantine: $(cat "$work/bad.txt")"
words=$("$sslrun" data check "$work/photos" 2>/dev/null)
grep -q 'truncated: 1' <<<"$words" && grep -q 'a/1.pgm  =  b/copy.pgm' <<<"$words" || fail "words: $words"
mean=$(python3 -c 'print("%.4f" % (sum(sum(b"abcdefghijklmno" + n) for n in (b"1", b"2", b"3", b"1")) / 64 / 255))')
stats=$("$sslrun" data stats "$work/photos" 2>/dev/null)
grep -q "^- normalize: {mean: \[$mean, $mean, $mean\]" <<<"$stats" || fail "stats, the mean is $mean: $stats"
stats=$("$sslrun" data stats "$work/photos" --json 2>/dev/null)
grep -q '"classes":{"a":3,"b":3}' <<<"$stats" || fail "stats --json: $stats"
mkdir "$work/wide"; printf 'P5 2 1 65535\n\003\350\007\320' >"$work/wide/1.pgm"  # levels 1000 and 2000
mean=$("$sslrun" data stats "$work/wide" --channels 1 --bit-depth 16 --window 1000 3000 2>/dev/null | grep -o 'mean: [^,]*')
[ "$mean" = 'mean: [0.2500]' ] || fail "levels 1000 and 2000 of 1000 to 3000 are 0 and 0.5, and stats says: $mean"
"$sslrun" data stats "$work/wide" --window 5 5 2>/dev/null; [ $? = 2 ] || fail "a window of nothing must end with 2"
"$sslrun" data check "$work/nothing" 2>/dev/null; [ $? = 4 ] || fail "a folder that is not there must end with 4"
sed "s|^data:.*|data: {train: $work/photos, exclude: $work/absent.txt}|" >"$work/r.yaml" <<'R'
method: {name: simclr}
encoder: {name: resnet18, stem: cifar, width: 8}
data:
augmentations: [{views: 2, ops: [random_resized_crop: {size: 8}, normalize]}]
optimizer: {name: sgd, lr: 0.1}
schedule: {epochs: 1, warmup_epochs: 0}
train: {batch_size: 2}
R
out=$("$sslrun" config check "$work/r.yaml" 2>&1); [ $? = 3 ] && grep -q 'data.exclude: must be a folder or file that exists' <<<"$out" || fail "an absent list: $out"
out=$("$sslrun" config check "$work/r.yaml" --set "data.exclude=$work/bad.txt" 2>&1) || fail "the list is taken: $out"
"$sslrun" data check "$work/photos" --sheet "$work/sheet.png" >/dev/null 2>&1 || fail "data check --sheet"
python3 - "$work/sheet.png" <<'P' || fail "the sheet is no PNG of 12 columns, a row of samples, an empty one and one of suspicious images"
import struct, sys
head = open(sys.argv[1], "rb").read(24)
assert head[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", head[16:24]) == (12 * 98 - 2, 3 * 98 - 2), head
P
names=$("$sslrun" data preview "$work/r.yaml" --set "data.exclude=$work/bad.txt" --images 2 --out "$work/grid.png" 2>/dev/null) || fail "data preview"
[ "$(wc -l <<<"$names")" = 2 ] && [ "$(head -c 4 "$work/grid.png" | tail -c 3)" = PNG ] || fail "data preview: $names"
"$sslrun" list augmentations --preview "$work/looks" >/dev/null 2>&1 || fail "list augmentations --preview"
[ "$(ls "$work/looks" | wc -l)" = "$("$sslrun" list augmentations --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)) - 1)')" ] || fail "a preview per augmentation: $(ls "$work/looks")"
"$sslrun" list methods --preview "$work/looks" >/dev/null 2>&1; [ $? = 2 ] || fail "only augmentations have previews"
echo "data: bad, repeated and leaked images found, and left out"
