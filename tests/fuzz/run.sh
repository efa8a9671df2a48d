#!/bin/sh
# Runs every fuzzer of build/fuzz for so many seconds (default 60), from tests/fuzz/seeds/NAME or the fixtures
# of its tests where there are some; a finding stops it, with the input's name.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
for fuzzer in build/fuzz/tests/fuzz/*_fuzz; do
  corpus=build/fuzz/corpus/$(basename "$fuzzer")
  mkdir -p "$corpus"
  case $(basename "$fuzzer") in
    ami_fuzz | ari_fuzz | esl_fuzz) seeds=tests/pbx/fixtures ;;
    *) seeds=tests/fuzz/seeds/$(basename "$fuzzer" _fuzz) ;;
  esac
  [ -d "$seeds" ] || seeds=
  printf '%s: ' "$(basename "$fuzzer")"
  if "$fuzzer" -max_total_time="$seconds" -artifact_prefix="$corpus." -print_final_stats=1 "$corpus" \
    ${seeds:+"$seeds"} >"$corpus.log" 2>&1; then
    sed -n 's/^stat::number_of_executed_units: */runs without a finding: /p' "$corpus.log"
  else
    tail -n 40 "$corpus.log"
    exit 1
  fi
done
