#!/bin/bash
#  Feeds the fuzz targets of a built tree with mutated inputs, and tells how it went.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/fuzz.sh BUILD             as make fuzz does, with .build/fuzz
#
#    SECONDS_EACH  for each target (optional, 30); make fuzz takes it from SECONDS=n
#    TOGETHER      targets at a time (optional, 2)
#    FUZZ          only the targets whose name contains this (optional)
#    SEED          of libFuzzer (optional; it is printed)
#
#  Each target starts from tests/corpus/TARGET and keeps what it finds in
#  BUILD/corpus/TARGET, so that a later run goes on from there. An input that crashes a
#  target is written to BUILD/TARGET-crash-*, shown, and is to become a file of the corpus
#  together with the mend. What a target prints is in BUILD/TARGET.log.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=$1
each=${SECONDS_EACH:-30}
seed=${SEED:-$((RANDOM * 32768 + RANDOM + 1))}
began=$SECONDS
declare -A longest=([wire]=1024 [session]=2048 [journal]=1024 [config]=1024 [peer]=1024 [text]=512)
#  The threads of libzmq free what others have made: whether a run leaks cannot be told by
#  counting. The corpus is tried for leaks by test_corpus.c.
declare -A more=([peer]=-detect_leaks=0)
targets=()
running=()

#  Prints the figure of that name from the log of a target.
stat ()
{
    sed -n "s/^stat::$2: *//p" "$build/$1.log" | tail -1
}

#  Starts a target; how it ends is in BUILD/TARGET.status.
start ()
{
    local name=$1
    mkdir -p "$build/corpus/$name"
    rm -f "$build/$name"-{crash,oom,leak,timeout}-*
    (
        "$build/fuzz_$name" -max_total_time="$each" -max_len="${longest[$name]:-1024}" \
            -rss_limit_mb=1024 -malloc_limit_mb=512 -timeout=10 -print_final_stats=1 -seed="$seed" ${more[$name]:-} \
            -artifact_prefix="$build/$name-" "$build/corpus/$name" \
            "tests/corpus/$name" > "$build/$name.log" 2>&1 < /dev/null
        echo $? > "$build/$name.status"
    ) &
    running+=($!)
}

#  The first figures of the log are those of the corpus, before anything was changed.
tell ()
{
    local name=$1 first last status
    status=$(cat "$build/$name.status")
    first=$(sed -n 's/^.*INITED *cov: \([0-9]*\).*/\1/p' "$build/$name.log" | tail -1)
    last=$(sed -n 's/^#[0-9].* cov: \([0-9]*\).*/\1/p' "$build/$name.log" | tail -1)
    printf 'fuzz_%-8s %10s executions %8s a second, coverage %6s, %4s of it new%s\n' "$name" \
        "$(stat "$name" number_of_executed_units)" "$(stat "$name" average_exec_per_sec)" \
        "${last:-?}" "$((${last:-0} - ${first:-0}))" "$([ "$status" = 0 ] || echo ': FAILED')"
    [ "$status" = 0 ] && return
    failed=1
    grep -vE '^(#|INFO|stat::|NEW_|	)' "$build/$name.log" | tail -n 60
    ls "$build/$name"-{crash,oom,leak,timeout}-* 2> /dev/null
}

for program in "$build"/fuzz_*; do
    name=${program##*/fuzz_}
    case $name in *.*) continue ;; *"${FUZZ:-}"*) targets+=("$name") ;; esac
done

echo "fuzz: $each s for each of ${targets[*]}, SEED=$seed"
failed=0
for name in "${targets[@]}"; do
    if [ ${#running[@]} -ge "${TOGETHER:-2}" ]; then
        wait "${running[0]}"
        running=("${running[@]:1}")
    fi
    start "$name"
done
wait
total=0
for name in "${targets[@]}"; do
    tell "$name"
    total=$((total + $(stat "$name" number_of_executed_units || echo 0)))
done
[ "$failed" -eq 0 ] || { echo 'fuzz: FAILED'; exit 1; }
echo "${#targets[@]} targets, $total executions, no crash; $((SECONDS - began)) s"
