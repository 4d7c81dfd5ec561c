#!/usr/bin/env bash
# `sslrun data pack` and the sources without a folder of files: shards, lists, drawn images.  usage: pack_test.sh SSLRUN SOURCE_DIR
set -uo pipefail
sslrun=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
cd "$work" || exit 1
mkdir -p photos/a photos/b
for i in $(seq 10 49); do printf 'P5 4 4 255\n%s' "abcdefghijklmn$i" >"photos/$([ $((i % 2)) = 0 ] && echo a || echo b)/$i.pgm"; done
echo 'no picture' >photos/b/letter.jpg

# What is packed, and what other programs see of it.
out=$("$sslrun" data pack photos --out shards --shard-images 16 --json 2>words) || fail "pack: status $?"
python3 - "$out" <<'P' || exit 1
import json, sys, tarfile
out = json.loads(sys.argv[1])
assert (out["images"], out["shards"], out["recoded"]) == (40, 3, 0), out
assert [b["name"] for b in out["bad"]] == ["b/letter.jpg"] and out["bad"][0]["reason"].startswith("not an image"), out
seen = {}
for k in range(3):
    with tarfile.open(f"shards/shard-{k:06}.tar") as tar:
        for member in tar:
            seen[member.name] = tar.extractfile(member).read()
assert sum(n.endswith(".cls") for n in seen) == 40 and seen["a/10.cls"] == b"0" and seen["b/11.cls"] == b"1", seen
for name, content in seen.items():
    assert name.endswith(".cls") or content == open("photos/" + name, "rb").read(), name
assert open("shards/classes.txt").read() == "a\nb\n"
P
grep -q '41 of 41 images packed' words || fail "progress: $(cat words)"
tar -tf shards/shard-000002.tar >/dev/null || fail "GNU tar must read a shard"

# All commands give of the shards what they give of the folder.
rm photos/b/letter.jpg
[ "$("$sslrun" data stats photos --json 2>/dev/null)" = "$("$sslrun" data stats shards --json 2>/dev/null)" ] || fail "data stats differ"
"$sslrun" data check shards --json 2>/dev/null | grep -q '^{"images":40,"bad":\[\],"duplicates":{"count":0' || fail "data check"
cat >r.yaml <<'R'
method: {name: simclr}
encoder: {name: resnet18, stem: cifar, width: 8}
data: {train: photos}
augmentations: [{views: 2, ops: [random_resized_crop: {size: 8}, normalize]}]
optimizer: {name: sgd, lr: 0.1}
schedule: {epochs: 1, warmup_epochs: 0}
train: {batch_size: 4}
R
find photos -name '*.pgm' | LC_ALL=C sort | sed 's|.*/\(.\)/.*|&\t\1|' >list.txt
for data in photos shards list.txt; do
  "$sslrun" data preview r.yaml --set data.train=$data --images 4 --out $data.png 2>/dev/null >$data.names || fail "data preview of $data"
done
cmp -s photos.png shards.png && cmp -s photos.png list.txt.png || fail "the views of a folder, its shards and its list must be equal"
grep -q 'shard-00000..tar/[ab]/...pgm' shards.names || fail "names of shards: $(cat shards.names)"
"$sslrun" data preview r.yaml --set data.train=synthetic:64x32 --images 8 --out drawn.png >/dev/null 2>&1 || fail "data preview of drawn images"
"$sslrun" data stats synthetic:30x32 --json 2>/dev/null | grep -q '"classes":{"bar":3,"crescent":3' || fail "classes of drawn images"

# Killed at any moment and called again: the same bytes. Called once more: nothing to do.
"$sslrun" data pack synthetic:2000x48 --out whole --shard-images 100 >/dev/null 2>&1 || fail "pack of drawn images"
for kill_at in 1 5 12; do
  "$sslrun" data pack synthetic:2000x48 --out again$kill_at --shard-images 100 >/dev/null 2>&1 &
  pid=$!
  until [ -e again$kill_at/shard-$(printf %06d $kill_at).tar ] || ! kill -0 $pid 2>/dev/null; do :; done
  kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null
  "$sslrun" data pack synthetic:2000x48 --out again$kill_at --shard-images 100 >/dev/null 2>&1 || fail "pack, called again"
  diff -r whole again$kill_at >/dev/null || fail "killed at shard $kill_at, it ended with other bytes"
done

# Written anew: sizes and quality; a transparent image keeps its bytes.
python3 - <<'P'
import struct, zlib
def png(width, height, color, channels):
    row = b"\0" + bytes(range(200, 200 + channels)) * width
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")
import os
os.mkdir("large")
open("large/rgb.png", "wb").write(png(90, 60, 2, 3))
open("large/rgba.png", "wb").write(png(90, 60, 6, 4))
open("large/small.png", "wb").write(png(20, 20, 2, 3))
P
"$sslrun" data pack large --out resized --resize 30 --json 2>/dev/null | grep -q '"images":3,"shards":1,"bytes":[0-9]*,"recoded":1' || fail "--resize"
[ "$(tar -tf resized/shard-000000.tar | tr '\n' ' ')" = 'rgb.png rgba.png small.png ' ] || fail "--resize: $(tar -tf resized/shard-000000.tar)"
tar -xOf resized/shard-000000.tar rgba.png | cmp -s - large/rgba.png || fail "--resize: a transparent image must keep its bytes"
python3 -c 'import struct, sys; assert struct.unpack(">II", sys.stdin.buffer.read(24)[16:]) == (45, 30)' < <(tar -xOf resized/shard-000000.tar rgb.png) || fail "--resize: the short side"
"$sslrun" data pack large --out quality --resize 30 --quality 80 --json 2>/dev/null | grep -q '"recoded":2' || fail "--quality"
[ "$(tar -tf quality/shard-000000.tar | tr '\n' ' ')" = 'rgb.jpg rgba.png small.jpg ' ] || fail "--quality: $(tar -tf quality/shard-000000.tar)"

# Mistakes.
status() { "$sslrun" "$@" >/dev/null 2>words; echo $?; }
[ "$(status data pack large --out photos)" = 2 ] && grep -q "holds 'a'\|holds 'b'" words || fail "a folder of other things: $(cat words)"
[ "$(status data pack large --out resized --resize 31)" = 2 ] && grep -q 'give --out another folder' words || fail "other options: $(cat words)"
[ "$(status data pack large --out x --resize 30 --channels 5)" = 2 ] || fail "--resize of 5 channels"
[ "$(status data stats photos --format tarball)" = 2 ] && grep -q 'auto, folder, shards, list, idx, cifar or synthetic' words || fail "formats: $(cat words)"
head -c 700 shards/shard-000001.tar >cut.tar; printf 'x' | dd of=cut.tar bs=1 seek=3 conv=notrunc 2>/dev/null
[ "$(status data stats cut.tar)" = 4 ] && grep -q "cut.tar' cannot be used, byte 0: the checksum" words || fail "a damaged shard: $(cat words)"
[ "$(status config check r.yaml --set data.train=synthetic:9x2)" = 3 ] && grep -q 'synthetic:COUNTxSIDE' words || fail "drawn images of 2 pixels: $(cat words)"
( ulimit -f 8; status data pack synthetic:200x96 --out full >code; cp words full.words ); grep -q 8 code && grep -q 'raise the limit' full.words || fail "a file at its limit: $(cat code full.words)"
"$sslrun" data pack synthetic:200x96 --out full >/dev/null 2>&1 && [ "$(ls full)" = "$(printf 'classes.txt\npack.json\nshard-000000.tar')" ] || fail "after the limit is raised: $(ls full)"
echo "pack: folder, shards and list give the same views; killed packs end with the same bytes"
