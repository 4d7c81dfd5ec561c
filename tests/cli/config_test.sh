#!/usr/bin/env bash
# config, list and explain as a user meets them: exit codes, what goes where, nothing written.
# usage: config_test.sh SSLRUN SOURCE_DIR
set -uo pipefail
sslrun=$(readlink -f "$1")
source_dir=$2
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset SSLRUN_CONFIGS CLICOLOR_FORCE NO_COLOR

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}
expect() {  # expect WHAT STATUS STDOUT STDERR COMMAND...: exit status, and a line of each stream (empty: that stream is silent)
  local what=$1 status=$2 out=$3 err=$4 got
  shift 4
  "$@" >"$work/.out" 2>"$work/.err"
  got=$?
  [ "$got" = "$status" ] || fail "$what: expected status $status, got $got: $(cat "$work/.out" "$work/.err")"
  check_stream "$what: stdout" "$out" "$work/.out"
  check_stream "$what: stderr" "$err" "$work/.err"
}
check_stream() {  # check_stream WHAT PATTERN FILE
  if [ -z "$2" ]; then
    [ -s "$3" ] && fail "$1 must be empty, got: $(cat "$3")"
  elif ! grep -qE -- "$2" "$3"; then
    fail "$1 must match /$2/, got: $(cat "$3")"
  fi
}
json() {  # json WHAT EXPRESSION: the last stdout is JSON `j`, and the expression is true of it
  python3 -c "import json, sys; j = json.load(open('$work/.out')); sys.exit(not ($2))" || fail "$1: $2: $(cat "$work/.out")"
}

# Folders of images to learn from.
python3 - <<'PY'
import os, struct, zlib
def png(value):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = b''.join(b'\0' + bytes([value] * 12) for _ in range(4))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 4, 4, 8, 2, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
for folder, count in (('data/train/cat', 6), ('data/train/dog', 6), ('data/val/cat', 2), ('data/val/dog', 2)):
    os.makedirs(folder)
    for i in range(count):
        open(f'{folder}/{i}.png', 'wb').write(png(10 * i))
os.makedirs('empty')
PY

# init
expect "init writes a recipe and says what comes next" 0 '' 'sslrun config check recipe.yaml' "$sslrun" config init recipe.yaml
cp recipe.yaml before.yaml
expect "init does not overwrite" 2 '' "must not be there yet, got 'recipe.yaml'" "$sslrun" config init recipe.yaml
cmp -s recipe.yaml before.yaml || fail "init changed a file that was there"
ln -s nowhere dangling.yaml
expect "init does not write through a link" 2 '' 'must not be there yet' "$sslrun" config init dangling.yaml
expect "init without a file prints" 0 '^  temperature: 0.1  # softmax temperature' '' "$sslrun" config init --method simclr
expect "init refuses an unknown method" 2 '' 'did you mean simclr\?' "$sslrun" config init --method simclrr new.yaml
expect "init into a folder that is not there" 8 '' 'no/where' "$sslrun" config init no/where/r.yaml

# check
sed -i 's|path/to/images.*|data/train|; s|val: ""|val: data/val|; s|batch_size: 256 |batch_size: 4 |; s| k: 20 | k: 3 |' recipe.yaml
find . -path './.*' -prune -o -print | sort >.listing
expect "check says what a run would do" 0 '^train +12 images of 2 classes$' '' "$sslrun" config check recipe.yaml
grep -qE '^steps +3 per epoch of 12 images in 2 views each, 300 in 100 epochs, 30 of them warm-up$' "$work/.out" || fail "steps: $(cat .out)"
grep -qE '^peak lr +0.0046875 with lars$' "$work/.out" || fail "peak lr: $(cat .out)"
grep -qE '^k-NN +every 5 epochs$' "$work/.out" || fail "k-NN: $(cat .out)"
expect "check --json is one object" 0 '^\{' '' "$sslrun" config check recipe.yaml --json
json "check --json" "j['ok'] and (j['train_images'], j['train_classes'], j['val_images']) == (12, 2, 4)"
json "check --json" "(j['steps_per_epoch'], j['total_steps'], j['views'], j['knn']) == (3, 300, 2, True)"
json "check --json" "abs(j['peak_lr'] - 0.3 * 4 / 256) < 1e-12 and len(j['training_hash']) == 32"
expect "check takes overrides before and after the recipe" 0 '^steps +2 per epoch of 12 .* 4 in 2 epochs' '' \
  "$sslrun" config check --set train.batch_size=6 --set schedule.epochs=2 recipe.yaml --set schedule.warmup_epochs=0
expect "check says why k-NN is off" 0 '^k-NN +off: the recipe names no data.val$' '' "$sslrun" config check recipe.yaml --set "data.val=''"
expect "a mistake has place, code and key" 3 '' 'recipe.yaml:[0-9]+:[0-9]+: error\[E0204\]: encoder.stem: must be one of' \
  bash -c "sed 's/stem: imagenet/stem: imagenets/' recipe.yaml >.bad.yaml; mv .bad.yaml bad_recipe.yaml; '$sslrun' config check bad_recipe.yaml"
grep -qE '^ +\| +\^~+$' "$work/.err" || fail "a mistake must have a caret: $(cat "$work/.err")"
grep -q 'help: did you mean imagenet?' "$work/.err" || fail "a mistake must have a help: $(cat "$work/.err")"
rm bad_recipe.yaml
expect "a mistake in an override points into it" 3 '' '^--set optimizer.lr=-1: error\[E0203\]: optimizer.lr: must be > 0, got -1$' \
  "$sslrun" config check recipe.yaml --set optimizer.lr=-1
expect "all mistakes in one pass" 3 '' '^sslrun: 3 mistakes in the recipe' \
  "$sslrun" config check recipe.yaml --set optimizer.lr=-1 --set train.seed=x --set data.train=nowhere
expect "no images" 3 '' 'error\[E0501\]: data.train: no image below' "$sslrun" config check recipe.yaml --set data.train=empty
expect "a batch larger than the data" 3 '' 'E0502\]: train.batch_size: must be at most the number of training images, 12, got 13' \
  "$sslrun" config check recipe.yaml --set train.batch_size=13
expect "mistakes as JSON, words on stderr" 3 '^\{' 'E0203' "$sslrun" config check recipe.yaml --json --set optimizer.lr=-1
json "mistakes as JSON" "not j['ok'] and len(j['mistakes']) == 1 and j['mistakes'][0]['code'] == 'E0203'"
json "mistakes as JSON" "j['mistakes'][0]['key'] == 'optimizer.lr' and j['mistakes'][0]['source'] == '--set optimizer.lr=-1'"
expect "a recipe that is not there" 3 '' "'nowhere.yaml' must be a readable file" "$sslrun" config check nowhere.yaml
expect "colour when it is forced" 3 '' "$(printf '\033')\\[1;31m" env CLICOLOR_FORCE=1 "$sslrun" config check nowhere.yaml
expect "no colour in a pipe" 3 '' '^nowhere.yaml: error\[E0001\]' env TERM=xterm "$sslrun" config check nowhere.yaml
find . -path './.*' -prune -o -print | sort | cmp -s - .listing || fail "config check must write nothing"

# show
expect "show prints every key" 0 '^  keep_last: 2$' '' "$sslrun" config show recipe.yaml
cp "$work/.out" shown.yaml
expect "show prints a recipe" 0 '^train +12 images' '' "$sslrun" config check shown.yaml
"$sslrun" config show shown.yaml | cmp -s - shown.yaml || fail "show of show must be the same"
expect "show --origins names files, overrides and defaults" 0 '^  seed: 5  # --set train.seed=5$' '' \
  "$sslrun" config show recipe.yaml --origins --set train.seed=5
grep -qE '^  temperature: 0.1  # recipe.yaml:[0-9]+:16$' "$work/.out" || fail "show --origins: $(head -5 "$work/.out")"

# schema, list, explain
expect "schema is JSON" 0 '"\$schema"' '' "$sslrun" config schema
json "schema" "'augmentations' in j['required'] and not j['additionalProperties']"
for kind in methods encoders augmentations optimizers recipes; do
  expect "list $kind --json" 0 '^\[' '' "$sslrun" list "$kind" --json
  json "list $kind" "len(j) > 0 and all(set(r) == {'name', 'summary', 'source'} and all(r.values()) for r in j)"
done
json "list recipes" "{r['name'] for r in j} == {p[:-5] for p in __import__('os').listdir('$source_dir/configs') if p.endswith('.yaml')}"
expect "list optimizers" 0 '^lars +SGD whose step' '' "$sslrun" list optimizers
expect "list takes a known kind" 2 '' 'lists' "$sslrun" list lists
mkdir -p prefix/bin prefix/share/sslrun/configs
printf '# One line\n# source: here\n' >prefix/share/sslrun/configs/only.yaml
expect "list recipes of another folder" 0 '^only  One line$' '' env SSLRUN_CONFIGS=prefix/share/sslrun/configs "$sslrun" list recipes
expect "SSLRUN_CONFIGS must be a folder" 2 '' "must name a folder, got 'nowhere'" env SSLRUN_CONFIGS=nowhere "$sslrun" list recipes
cp "$sslrun" prefix/bin/
expect "an installed program lists the recipes beside it" 0 '^only  One line$' '' \
  env LD_LIBRARY_PATH="$(dirname "$sslrun")" prefix/bin/sslrun list recipes
expect "explain knows an error code" 0 '^E0203  a value out of range$' '' "$sslrun" explain e0203
expect "explain lists all codes" 0 '^E0502  too few training images$' '' "$sslrun" explain
expect "explain codes lists all codes" 0 '^ +75  saved' '' "$sslrun" explain codes
expect "explain refuses an unknown code" 2 '' "got 'E9999'" "$sslrun" explain E9999

# help
for command in "config" "config check" "config show" "config init" "config schema" "list" "explain"; do
  # shellcheck disable=SC2086
  expect "$command -h shows an example" 0 '^Example:' '' "$sslrun" $command -h
done
expect "config needs a verb" 2 '' 'subcommand' "$sslrun" config
expect "config check needs a recipe" 2 '' 'recipe is required' "$sslrun" config check
exit $((failures > 0))
