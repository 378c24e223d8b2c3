#!/bin/bash
#  Measures what must not change when there is much of something; prints lines of JSON.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/bench_scale.sh            as tests/bench.sh does, which makes a table of it
#
#    STINT_BIN    where the programs are                               (.build/release)
#    BENCH_DIR    where stores are made, a real disk                           (.build)
#    BENCH, SCALE as for tests/bench.sh
#    PARTS        some of: backlog workers groups limit map ping       (all of them)
#
#  backlog  Throughput, in tasks that the broker has recorded as done, with tasks waiting in
#           another group, and in the same, where the workers need not wait for the client;
#           memory for each of them; seconds from the start after kill -9 to an answer.
#  workers  Processor of the broker for the heartbeats of connected workers, throughput of
#           two real ones beside them, seconds until all are back after kill -9.
#  groups   Throughput with a task waiting in each of many other groups.
#  limit    Throughput with limits of the group that are set and never reached.
#  map      Lines through the program true, beside GNU parallel and xargs.
#  ping     The whole process.
#
#  All but limit have a durable store. What fails is said, and ends it with 1.

# tests/scene.sh assigns what is used here.
# shellcheck disable=SC2154
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh bench_scale bench_scale crash_fill soak_workers
socket=$home/broker.sock
store=$(mktemp -d "${BENCH_DIR:-$PWD/.build}/bench-XXXXXX") || exit 74
trap 'clean_up; rm -rf "$store"' EXIT
broker=''

sizes=(0 10000 100000 1000000) crowds=(10 1000 10000) tribes=(0 1000 10000) rounds=2 seconds=1 idle=5 tasks=500
case ${BENCH:-} in
quick) sizes=(0 10000 100000) crowds=(10 1000) tribes=(0 1000) rounds=1 seconds=0.5 idle=2 tasks=200 ;;
long)  SCALE=yes rounds=3 seconds=3 idle=10 tasks=2000 ;;
esac
[ "${SCALE:-}" != yes ] || sizes=(0 10000 100000 1000000 10000000)

#  Says at a terminal what goes on; the next word takes its place.
say ()
{
    [ ! -t 2 ] || printf '\r\033[Kbench, %s' "$*" >&2
}

#  Prints a measurement: tell KIND N NAME NUMBER...
tell ()
{
    printf '{"scale":"%s","n":%s' "$1" "$2"
    shift 2
    while [ $# -gt 0 ]; do
        printf ',"%s":%s' "$1" "$2"
        shift 2
    done
    echo '}'
}

#  Starts a broker: start_broker --ephemeral, or start_broker --store DIR. There is room for
#  all that any part holds.
start_broker ()
{
    STINT_LIMITS_GROUPS=$((tribes[-1] + 100)) STINT_LIMITS_TASKS=$((sizes[-1] + 4000000)) \
        STINT_GROUP_DEFAULTS_MAX_TASKS=$((sizes[-1] + 4000000)) \
        begin broker stint-broker --log warning --listen "$STINT_BROKER" "$@"
    broker=$last
    bench_scale --socket "$socket" --answer || fail 'the broker does not answer'
}

stop_broker ()
{
    kill -TERM "$broker"
    end 60 "$broker"
    [ "$code" -eq 0 ] || fail "the broker ended with exit code $code"
    rm -rf "$store/store"
}

#  Runs bench_scale beside the broker; $rate and $cpu are what it measured.
flow ()
{
    local line
    line=$(bench_scale --socket "$socket" --server "$broker" --seconds "$seconds" "$@") ||
        fail 'tasks are missing'
    rate=$(number rate <<< "$line")
    cpu=${line#*\"cpu\":}
    cpu=${cpu%%[,\}]*}
}

#  Microseconds since 1970, in $now.
clock ()
{
    now=${EPOCHREALTIME/./}
}

#  A number of the broker as a whole is that: total_is NAME NUMBER
total_is ()
{
    [ "$(stint --timeout 5s --json status 2> /dev/null | sed 's/"groups".*//' | number "$1")" = "$2" ]
}

in_seconds ()
{
    printf '%d.%03d' $(($1 / 1000000)) $(($1 / 1000 % 1000))
}

. tests/bench_parts.sh
for part in ${PARTS:-backlog workers groups limit map ping}; do
    case $part in
    backlog | groups)
        for ((round = 0; round < rounds; round++)); do
            $part
        done ;;
    workers)
        for crowd in "${crowds[@]}"; do
            workers "$crowd"
        done ;;
    *) $part ;;
    esac
done
