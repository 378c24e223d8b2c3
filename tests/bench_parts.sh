#!/bin/bash
#  The parts of tests/bench_scale.sh: what is measured with much of something.
#  SPDX-License-Identifier: MPL-2.0
#
#  Is sourced by tests/bench_scale.sh, which says what each part is and what it uses.

# tests/bench_scale.sh and tests/scene.sh assign and read what is used here.
# shellcheck disable=SC2034,SC2154

#  Pushes what is missing until so many tasks wait in a group that nobody serves.
fill ()
{
    [ "$1" -gt "$held" ] || return 0
    crash_fill "$STINT_BROKER" waiting $(($1 - held)) 64 || fail 'the tasks are not taken'
    held=$1
}

#  The first flow of a new store is not measured: its file has yet to grow.
backlog ()
{
    local size base held=0 began
    start_broker --store "$store/store"
    flow
    memory "$broker" RssAnon
    base=$found
    for size in "${sizes[@]}"; do
        say "$size tasks in another group"
        fill "$size"
        memory "$broker" RssAnon
        nap 1000  # what the push has left for the disk to do
        flow
        tell backlog-other "$size" rate "$rate" cpu "$cpu" memory $(((found - base) * 1024))
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

    #  The backlog is in flight, and what waits for the disk should not be less without it
    start_broker --store "$store/store"
    flow
    nap 1000
    for size in "${sizes[@]}"; do
        say "$size tasks in the same group"
        flow --backlog "$size" --window 16384
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
    flow
    echo 0 > "$home/progress"
    begin crowd soak_workers "$STINT_BROKER" crowd "$count" "$home/progress" idle
    crowd=$last
    await 60 "$count workers are there" crowd_is "$count"
    nap 1500
    processor "$broker"
    spent=$used
    nap $((idle * 1000))
    processor "$broker"
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

#  Measures with so many groups, in each of which a task waits for workers of its own.
groups ()
{
    local count
    start_broker --store "$store/store"
    flow
    for count in "${tribes[@]}"; do
        say "$count groups"
        [ "$count" = 0 ] || crash_fill "$STINT_BROKER" tribe "$count" 64 "$count" ||
            fail 'the tasks are not taken'
        nap 500
        flow
        tell groups "$count" rate "$rate" cpu "$cpu"
    done
    stop_broker
}

#  In turns, on one broker; whoever was second is first the next time. Without, the group has
#  the broker's own limits, which cannot be taken away. A difference of two hundredths takes
#  many short pairs to be seen.
limit ()
{
    local round set seconds=0.5
    start_broker --ephemeral
    flow
    for ((round = 0; round < 5 * rounds; round++)); do
        for set in $((round % 2)) $((1 - round % 2)); do
            say "a limit of the group, $set"
            stint -q group set bench max_tasks=$((set * 3000000)) max_bytes=$((set * 3))G \
                > /dev/null || fail 'group set'
            flow
            tell limit "$set" rate "$rate" cpu "$cpu"
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
