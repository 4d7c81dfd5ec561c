#!/usr/bin/env bash
# The program as a user meets it: help, version, exit codes.  usage: program_test.sh SSLRUN SOURCE_DIR
set -uo pipefail
sslrun=$1
failures=0
expect() {  # expect WHAT STATUS PATTERN COMMAND...: the command exits with STATUS and prints a line like PATTERN
  local what=$1 status=$2 pattern=$3 out got
  shift 3
  out=$("$@" 2>&1)
  got=$?
  if [ "$got" != "$status" ] || ! grep -qE "$pattern" <<<"$out"; then
    printf 'FAILED: %s: expected status %s and /%s/, got status %s:\n%s\n' "$what" "$status" "$pattern" "$got" "$out"
    failures=$((failures + 1))
  fi
}
expect "help shows an example" 0 'Example' "$sslrun" --help
expect "no command is a usage error" 2 'subcommand' "$sslrun"
expect "an unknown option is a usage error" 2 'bogus' "$sslrun" version --bogus
expect "version --json is JSON" 0 '^\{"version":"[0-9.]+"' "$sslrun" version --json
expect "explain knows an exit code" 0 'same command again' "$sslrun" explain 75
expect "explain refuses an unknown code" 2 "got '999'" "$sslrun" explain 999
colored() {  # colored WANT ARGUMENT...: whether the mistakes of a recipe are in colour, with NO_COLOR set
  local want=$1 got=no out
  shift
  out=$(NO_COLOR=1 "$sslrun" "$@" config check <(echo "x: 1") 2>&1)
  [[ $out == *$'\e['* ]] && got=yes
  if [ "$got" != "$want" ]; then
    echo "FAILED: colour with '$*': expected $want, got $got"
    failures=$((failures + 1))
  fi
}
colored no
colored yes --color always
colored no --color never
expect "--color may stand behind the command" 0 '^\{' "$sslrun" version --json --color never
expect "--color takes three words" 2 'always' "$sslrun" --color sometimes version
if ldd "$sslrun" | grep -qE 'torch|cuda'; then
  echo "FAILED: the program itself loads LibTorch or CUDA"
  failures=$((failures + 1))
fi
exit $((failures > 0))
