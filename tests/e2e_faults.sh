#!/bin/bash
#  Makes the disk fail under the broker: one clear line, exit code 74, nothing accepted lost.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN    where the programs are                  (.build/release)
#    SEED         repeats which calls fail
#
#  A client pushes tasks, in half of the cases with workers at work. The n-th write or sync
#  of the store fails (io_fault.h), once or from then on; then a small tmpfs really gets
#  full. The broker must stop at once, with one line of error and exit code 74. What the
#  client was told to be accepted is compared with what the broker finds when it is started
#  again; then the client goes on, and each of its tasks must come to one right result.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh e2e_faults crash_client crash_worker io_fault.so
TASKS=6000
WRITES=write,pwrite,writev,pwritev SYNCS=fdatasync,fsync,msync
broker='' client='' workers=()
lives=0 cases=0 skipped=''
store=$home/store

#  start_broker [VARIABLE=VALUE...]: each life has a log of its own.
start_broker ()
{
    lives=$((lives + 1))
    begin "broker.$lives" env "$@" stint-broker --store "$store" --listen "$STINT_BROKER" \
        --heartbeat 250ms
    broker=$last
}

log_has ()
{
    grep -qs "$1" "$home/broker.$lives.log"
}

is_ready_or_dead ()
{
    has_ended "$broker" || log_has broker.ready
}

read_progress ()
{
    accepted=0 taken=0
    [ ! -s "$home/progress" ] || read -r _ accepted taken < "$home/progress"
}

start_client ()
{
    rm -f "$home/progress"
    begin client crash_client "$STINT_BROKER" faults "$1" "$seed" "$home/progress" \
        "$home/ends" "$1" flush
    client=$last
}

start_workers ()
{
    for _ in 1 2; do
        begin worker crash_worker "$STINT_BROKER" faults 64 "$home/starts"
        workers+=("$last")
    done
}

#  Says whether the client has not heard of anything new for a moment.
client_is_quiet ()
{
    local before
    read_progress
    before="$accepted $taken"
    nap 100
    read_progress
    [ "$before" = "$accepted $taken" ]
}

#  The broker must have ended with 74 and one line that says why: expect_death CASE
expect_death ()
{
    local log=$home/broker.$lives.log lines
    end 20 "$broker"
    [ "$code" -eq 74 ] || fail "$1: the broker ended with exit code $code"
    lines=$(grep -vc -e ' info ' -e ' warning ' "$log")
    [ "$lines" -eq 1 ] || fail "$1: $lines lines of error: $(cat "$log")"
    tail -n 1 "$log" | grep -q "$store" || fail "$1: the last line does not name the store"
}

#  The broker comes up again and has all that was accepted, and everything ends well.
expect_recovery ()
{
    local held
    await 5 'the client is quiet' client_is_quiet
    kill -STOP "$client"
    read_progress
    start_broker
    await 20 'the broker is up again' is_ready_or_dead
    log_has broker.ready || fail "$1: the broker does not start: $(cat "$home/broker.$lives.log")"
    held=$(sed -n 's/.*broker.ready.* tasks=\([0-9]*\).*/\1/p' "$home/broker.$lives.log")
    [ "$held" -ge $((accepted - taken)) ] ||
        fail "$1: $accepted accepted, $taken collected, but $held held"
    kill -CONT "$client"
    [ ${#workers[@]} -gt 0 ] || start_workers
    end 70 "$client"
    [ "$code" -eq 0 ] || fail "$1: $(tail -n 1 "$home/client.log")"
    client=''
    printf '%-44s accepted %5d  held %5d\n' "$1" "$accepted" "$held"
    cases=$((cases + 1))
}

#  Ends the workers and the broker, and forgets the store.
clear_stage ()
{
    for pid in "${workers[@]}"; do
        murder "$pid"
    done
    workers=()
    kill -TERM "$broker"
    end 20 "$broker"
    [ "$code" -eq 0 ] || fail "the broker ended with exit code $code"
    rm -rf "${store:?}"/*
}

#  fault CALLS NTH ERRNO FOREVER WORKERS
fault ()
{
    local name="$1 $2 $3"
    [ "$4" = 0 ] || name+=' for ever'
    [ "$5" = 0 ] || name+=', workers'
    mkdir -p "$store"
    start_broker LD_PRELOAD="$bin/io_fault.so" IO_FAULT_PATH="$store" IO_FAULT_CALL="$1" \
        IO_FAULT_NTH="$2" IO_FAULT_ERRNO="$3" IO_FAULT_FOREVER="$4" \
        IO_FAULT_COUNT="$home/count"
    await 20 "$name: the broker starts" is_ready_or_dead
    start_client $TASKS
    [ "$5" = 0 ] || start_workers
    expect_death "$name"
    expect_recovery "$name"
    clear_stage
}

all_accepted ()
{
    read_progress
    [ "$accepted" -eq $TASKS ]
}

#  Counts the calls of a run without faults: when all is accepted in $pushing, when all has
#  ended in $working: count CALLS
count ()
{
    mkdir -p "$store"
    start_broker LD_PRELOAD="$bin/io_fault.so" IO_FAULT_PATH="$store" IO_FAULT_CALL="$1" \
        IO_FAULT_COUNT="$home/count"
    start_client $TASKS
    await 20 'all tasks are accepted' all_accepted
    pushing=$(cat "$home/count")
    start_workers
    end 60 "$client"
    [ "$code" -eq 0 ] || fail "without a fault: $(tail -n 1 "$home/client.log")"
    working=$(cat "$home/count")
    echo "$1: $pushing calls to accept $TASKS tasks, $working to end them"
    clear_stage
}

#  Draws a number of a call that will come; at work there may be fewer than were counted:
#  draw WORKERS
draw ()
{
    chance $(($([ "$1" = 1 ] && echo "$((working / 2))" || echo "$pushing") / 2))
    drawn=$((drawn + 3))
}

#  A file system of its own that gets full.
fill_disk ()
{
    store=$home/disk/store
    mkdir "$home/disk"
    if ! mount -t tmpfs -o size=6m tmpfs "$home/disk" 2> /dev/null; then
        skipped=', no full disk: a tmpfs cannot be mounted here'
        return
    fi
    mounted=$home/disk
    mkdir "$store"
    start_broker
    await 20 'the broker starts' is_ready_or_dead
    start_client 60000
    expect_death 'full disk'
    mount -o remount,size=256m "$mounted" || fail 'the tmpfs cannot be made larger'
    expect_recovery 'full disk, made larger'
    clear_stage
}

for calls_of in $WRITES $SYNCS; do
    count "$calls_of"
    fault "$calls_of" 1 EIO 1 0
    fault "$calls_of" 2 EIO 0 0
    fault "$calls_of" 6 ENOSPC 0 1
    for work in 0 1; do
        draw $work
        fault "$calls_of" $drawn EIO 0 $work
        draw $work
        fault "$calls_of" $drawn EIO 1 $work
    done
    draw 1
    fault "$calls_of" $drawn ENOSPC 1 1
done
fill_disk
echo "$cases faults of the disk, one line and exit code 74 each, nothing accepted lost$skipped"
