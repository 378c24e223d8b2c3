#!/bin/bash
#  Measures what a small task costs in each process and thread; prints lines of JSON.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/bench_cost.sh             as tests/bench.sh does, which makes a table of it
#
#    STINT_BIN    where the programs are                               (.build/release)
#    BENCH_DIR    where stores are made, a real disk                           (.build)
#
#  While tasks of 64 bytes flow, looks twice at how long each thread was on a processor, as
#  the kernel counts it, and how often it has allocated (count_alloc.c).

set -uo pipefail
cd "$(dirname "$0")/.." || exit
bin=${STINT_BIN:-$PWD/.build/release}
place=$(mktemp -d /tmp/stint-cost-XXXXXX) || exit 74
store=$(mktemp -d "${BENCH_DIR:-$PWD/.build}/bench-XXXXXX") || exit 74
trap 'rm -rf "$place" "$store"' EXIT
declare -A spent=()  # between the two looks, by who it was

#  Prints who a thread is, a word: who PROCESS THREAD
who ()
{
    local process thread
    { read -r process < "/proc/$1/comm" && read -r thread < "/proc/$1/task/$2/comm"; } \
        2> /dev/null || return
    case $process:$thread in
    stint-broker:stint-store) echo broker-store ;;
    stint-broker:stint-broker) echo broker-turn ;;
    stint-broker:*) echo broker-libzmq ;;
    *:ZMQ*) echo "$process-libzmq" ;;
    *) echo "$process-own" ;;
    esac
}

#  Adds what each thread has spent so far, times 1 or -1: look BENCHMARK SIGN
look ()
{
    local pid task name on counted
    declare -A allocated=()
    while read -r task counted; do
        allocated[$task]=$counted
    done < <(od -An -v -tu8 -w16 "$place/counts")
    for pid in $(pgrep -P "$1"); do
        for task in "/proc/$pid/task/"*; do
            name=$(who "$pid" "${task##*/}")
            read -r on _ 2> /dev/null < "$task/schedstat" || continue
            spent[$name-ns]=$((${spent[$name-ns]:-0} + $2 * on))
            spent[$name-n]=$((${spent[$name-n]:-0} + $2 * ${allocated[${task##*/}]:-0}))
        done
    done
}

#  Measures one durability: cost VOLATILE|DURABLE OPTION...
cost ()
{
    local kind=$1 bench began ended rate name
    shift
    spent=()
    head -c 4096 /dev/zero > "$place/counts"
    COUNT_ALLOC=$place/counts LD_PRELOAD=$bin/count_alloc.so "$bin/bench_tasks" --peer stint \
        --program "$bin/stint-broker" --socket "$place/s" --seconds 3 "$@" > "$place/line" &
    bench=$!
    sleep 1
    began=${EPOCHREALTIME/./}
    look $bench -1
    sleep 1.5
    ended=${EPOCHREALTIME/./}
    look $bench 1
    wait $bench || exit 1
    rate=$(sed 's/.*"rate":\([0-9]*\).*/\1/' "$place/line")
    for name in client-own client-libzmq broker-turn broker-libzmq broker-store worker-own \
        worker-libzmq; do
        awk -v kind="$kind" -v name=$name -v tasks=$((rate * (ended - began))) \
            -v ns="${spent[$name-ns]:-0}" -v count="${spent[$name-n]:-0}" 'BEGIN {
                printf "{\"cost\":\"%s\",\"thread\":\"%s\",\"ns\":%.1f,\"allocations\":%.4f}\n",
                    kind, name, 1e6 * ns / tasks, 1e6 * count / tasks }'
    done
    rm -rf "$place/s"* "$store/store"
}

cost volatile
cost durable --store "$store/store"
