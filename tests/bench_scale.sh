#!/bin/bash
#  Measures what must not change when there is much of something; prints lines of JSON.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/bench_scale.sh            as tests/bench.sh does, which makes a table of it
#
#    STINT_BIN    where the programs are                               (.build/release)
#    BENCH_DIR    where stores are made, a real disk                           (.build)
#    BENCH, SCALE as for tests/bench.sh
#    PARTS        some of: backlog workers limit map ping              (all of them)
#
#  backlog  Throughput with tasks waiting in another group, and in the same; memory for each
#           of them; seconds from the start after kill -9 to the first answer.
#  workers  Processor of the broker for the heartbeats of connected workers, throughput of
#           two real ones beside them, seconds until all are back after kill -9.
#  limit    Throughput with limits of the group that are set and never reached.
#  map      Lines through the program true, beside GNU parallel and xargs.
#  ping     The whole process.
#
#  All but limit have a durable store. What fails is said, and ends it with 1.

# bench_scale prints what take_rate reads.
# shellcheck disable=SC2154
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh bench_scale bench_scale crash_fill soak_workers
socket=$home/broker.sock
store=$(mktemp -d "${BENCH_DIR:-$PWD/.build}/bench-XXXXXX") || exit 74
trap 'clean_up; rm -rf "$store"' EXIT
broker=''

sizes=(0 10000 100000 1000000) crowds=(10 1000 10000) rounds=2 seconds=1 idle=5 tasks=500
case ${BENCH:-} in
quick) sizes=(0 10000 100000) crowds=(10 1000) rounds=1 seconds=0.5 idle=2 tasks=200 ;;
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
    STINT_LIMITS_TASKS=$((sizes[-1] + 4000000)) \
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

#  Memory of the broker's own, in bytes, in $found.
memory ()
{
    local name rest
    while read -r name rest _; do
        [ "$name" != RssAnon: ] || found=$((rest * 1024))
    done < "/proc/$broker/status"
}

#  Milliseconds of processor that the broker has used, in $used.
processor ()
{
    local fields
    read -r fields < "/proc/$broker/stat"
    # shellcheck disable=SC2086
    set -- ${fields##*) }
    used=$(((${12} + ${13}) * 1000 / $(getconf CLK_TCK)))
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

#  ---------------------------------------------------------------------------------
#  The parts

#  Pushes what is missing until so many tasks wait in a group that nobody serves.
fill ()
{
    [ "$1" -gt "$held" ] || return 0
    crash_fill "$STINT_BROKER" waiting $(($1 - held)) 64 || fail 'the tasks are not taken'
    held=$1
}

backlog ()
{
    local size base held=0 began
    start_broker --store "$store/store"
    flow
    memory
    base=$found
    for size in "${sizes[@]}"; do
        say "$size tasks in another group"
        fill "$size"
        memory
        nap 1000  # what the push has left for the disk to do
        flow
        tell backlog-other "$size" rate "$rate" cpu "$cpu" memory $((found - base))
    done
    say "recovery of $held tasks"
    murder "$broker"
    clock
    began=$now
    start_broker --store "$store/store"
    clock
    tell recovery "$held" seconds "$(in_seconds $((now - began)))"
    stint --json status | sed 's/.*"group":"waiting"//' > "$home/status"
    [ "$(number ready < "$home/status")" = "$held" ] || fail "not all of $held tasks are there"
    stop_broker

    start_broker --store "$store/store"
    for size in "${sizes[@]}"; do
        say "$size tasks in the same group"
        flow --backlog "$size"
        tell backlog-same "$size" rate "$rate" cpu "$cpu"
    done
    stop_broker
}

crowd_is ()
{
    local accepted
    read -r accepted _ < "$home/progress" 2> /dev/null || return 1
    [ "${accepted:-0}" -eq "$1" ]
}

#  Measures with so many connected workers, which have nothing to do. A process that cannot
#  have a descriptor for each is no failure of ours.
workers ()
{
    local count=$1 crowd began spent round
    if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt $((count + 100)) ]; then
        echo "bench: no $count workers: only $(ulimit -Hn) open files, see ulimit -Hn" >&2
        return
    fi
    say "$count idle workers"
    start_broker --store "$store/store"
    echo 0 > "$home/progress"
    begin crowd soak_workers "$STINT_BROKER" crowd "$count" "$home/progress" idle
    crowd=$last
    await 60 "$count workers are there" crowd_is "$count"
    nap 1500
    processor
    spent=$used
    nap $((idle * 1000))
    processor
    spent=$((used - spent))
    for ((round = 0; round < rounds; round++)); do
        flow
        tell workers "$count" rate "$rate" cpu "$cpu"
    done
    murder "$broker"
    clock
    began=$now
    await 5 'the workers have noticed' crowd_is 0
    start_broker --store "$store/store"
    await 60 'all workers are back' crowd_is "$count"
    clock
    tell workers "$count" idle $((spent / idle / 10)).$((spent / idle % 10)) \
        back "$(in_seconds $((now - began)))"
    has_ended "$crowd" && fail "$(tail -n 1 "$home/crowd.log")"
    murder "$crowd"
    stop_broker
}

#  In turns, on one broker. With 0 the group has the broker's own limits, which cannot be
#  taken away.
limit ()
{
    local round set
    start_broker --ephemeral
    flow
    for ((round = 0; round < 2 * rounds; round++)); do
        for set in 0 1; do
            say "a limit of the group, $set"
            stint -q group set bench max_tasks=$((set * 3000000)) max_bytes=$((set * 3))G \
                > /dev/null || fail 'group set'
            flow
            tell limit $set rate "$rate" cpu "$cpu"
        done
    done
    stop_broker
}

#  Measures lines a second through a command that reads them: lines NAME COMMAND...
lines ()
{
    local by=$1 began
    shift
    say "$tasks lines through $by"
    clock
    began=$now
    seq "$tasks" | "$@" > /dev/null 2>> "$home/lines.log" || fail "$by, $tasks lines"
    clock
    tell map "\"$by\"" rate $((tasks * 1000000 / (now - began)))
}

map ()
{
    local round at
    start_broker --store "$store/store"
    for at in 1 2; do
        begin "map$at" stint-worker map --log warning -- true {}
    done
    await 20 'the workers are there' total_is workers 2
    for ((round = 0; round < rounds; round++)); do
        lines stint stint map map
        lines xargs xargs -P2 -n1 true
        if parallel --version 2> /dev/null | grep -q GNU; then
            lines parallel parallel --will-cite -j2 true
        fi
    done
    for pid in "${!alive[@]}"; do
        [ "$pid" -eq "$broker" ] || murder "$pid"
    done
    stop_broker
}

ping ()
{
    local count began
    say 'stint ping'
    start_broker --store "$store/store"
    for ((count = 0; count < 40; count++)); do
        clock
        began=$now
        stint -q ping > /dev/null || fail 'no answer'
        clock
        tell ping 1 ms "$(in_seconds $(((now - began) * 1000)))"
    done
    stop_broker
}

for part in ${PARTS:-backlog workers limit map ping}; do
    case $part in
    backlog)
        for ((round = 0; round < rounds; round++)); do
            backlog
        done ;;
    workers)
        for crowd in "${crowds[@]}"; do
            workers "$crowd"
        done ;;
    *) $part ;;
    esac
done
