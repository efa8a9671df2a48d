#!/bin/sh
# Runs every fuzzer of build/fuzz for so many seconds (default 60), one on each processor, from
# tests/fuzz/seeds/NAME or the fixtures of its tests where there are some; a finding stops it, with the
# input's name.
#
#   tests/fuzz/run.sh [SECONDS]        run.sh SECONDS FUZZER: only this one
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
if [ $# -lt 2 ]; then
  printf '%s\n' build/fuzz/tests/fuzz/*_fuzz | xargs -n 1 -P "$(nproc)" tests/fuzz/run.sh "$seconds"
  exit
fi
name=$(basename "$2")
corpus=build/fuzz/corpus/$name
mkdir -p "$corpus"
case $name in
  ami_fuzz | ari_fuzz | esl_fuzz) seeds=tests/pbx/fixtures ;;
  *) seeds=tests/fuzz/seeds/${name%_fuzz} ;;
esac
[ -d "$seeds" ] || seeds=
if "$2" -max_total_time="$seconds" -artifact_prefix="$corpus." -print_final_stats=1 "$corpus" \
  ${seeds:+"$seeds"} >"$corpus.log" 2>&1; then
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$corpus.log")
  printf '%s: %s runs without a finding\n' "$name" "$runs"
else
  tail -n 40 "$corpus.log"
  exit 255  # xargs starts no other
fi
