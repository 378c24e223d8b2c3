#!/bin/bash
#  Overloads a broker, and lets it live with peers that do not mean well; prints a table.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/soak.sh                   as make soak does; needs the built tree
#
#    STINT_BIN      where the programs are                             (.build/release)
#    SOAK_SECONDS   how long, about; below 120 everything is smaller   (600)
#    SOAK_WORKERS   connected workers       (10000; 2000 in a short run)
#    SOAK_PARTS     some of: overload slow workers files endless   (all of them)
#
#  overload  Workers that take a fixed time for each task are offered three times what they
#            can do. At least 90 % of it must be done, the rest be answered with FULL; the
#            time that accepted tasks take is bounded by what the group may hold; none may
#            be lost. The broker's memory is sampled, and must not rise (slope.awk).
#  slow      Half of the workers are stopped with tasks in hand, a client pushes and reads
#            nothing, another collects and acknowledges nothing: the others are served, and
#            memory stays bounded. One asks for long answers and never reads them.
#  workers   Thousands of connected workers: round trips, memory and processor; then the
#            broker is killed, and all have to be back in 30 s.
#  files     More connections than open files: the broker says so, and others are served.
#  endless   A message without an end. libzmq 4.3.4 collects it whatever the limits say;
#            LimitDATA (ulimit -d) bounds it.

# The function `take` assigns load_, slow_ and slope_.
# shellcheck disable=SC2154
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh "${SOAK_NAME:-soak}" soak_load soak_handler soak_workers soak_hostile crash_fill
total=${SOAK_SECONDS:-600}
short=0
[ "$total" -ge 120 ] || short=1
broker='' handlers=() table=() wrong=0
ulimit -c 0

#  ---------------------------------------------------------------------------------
#  Brokers and what they use

#  start_broker LOG LIMITS FLAG...: LIMITS is for ulimit, as in '-n 100', or ''.
start_broker ()
{
    local log=$1 limits=$2
    shift 2
    # shellcheck disable=SC2016
    begin "$log" bash -c '[ -z "$1" ] || ulimit $1; shift; exec stint-broker "$@"' _ "$limits" \
        --store "$home/store" --listen "$STINT_BROKER" "$@"
    broker=$last
    await 30 'the broker answers' answers
}

#  Succeeds when a number of the broker as a whole, not of a group, is that: total_is NAME
#  NUMBER
total_is ()
{
    [ "$(stint --timeout 5s --json status 2> /dev/null | sed 's/"groups".*//' | number "$1")" = "$2" ]
}

start_handlers ()
{
    local group=$1 count=$2 capacity=$3 milliseconds=$4
    handlers=()
    for ((at = 0; at < count; at++)); do
        begin handler soak_handler "$STINT_BROKER" "$group" "$capacity" "$milliseconds"
        handlers+=("$last")
    done
    await 20 'the workers are there' total_is workers "$count"
}

#  Ends what a part has begun.
clear_stage ()
{
    for pid in "${handlers[@]}"; do
        kill -CONT "$pid"
        murder "$pid"
    done
    handlers=()
    kill -TERM "$broker"
    end 20 "$broker"
    [ "$code" -eq 0 ] || fail "the broker ended with exit code $code"
    rm -rf "$home/store"
}

#  Milliseconds since 1970, in $now.
clock ()
{
    now=$((${EPOCHREALTIME/./} / 1000))
}

#  Waits for the end of a process and samples memory meanwhile: sample SECONDS PID FILE;
#  the most, in KiB, is in $most.
sample ()
{
    local until
    clock
    until=$((now + $1 * 1000))
    most=0
    until has_ended "$2"; do
        memory "$broker" RssAnon
        clock
        [ "$found" -le "$most" ] || most=$found
        echo "$now $found" >> "$3"
        [ "$now" -lt "$until" ] || fail "$(basename "$3") takes more than $1 s"
        nap 250
    done
}

#  Sets variables from NAME=VALUE..., with a prefix, out of what soak_load and slope.awk
#  print: take PREFIX LINE
take ()
{
    local pair
    for pair in $2; do
        declare -g "$1_${pair%%=*}=${pair#*=}"
    done
}

#  Adds a line to the table, and says whether the bound is kept:
#  promise WHAT FIGURE COMPARISON BOUND [UNIT]
promise ()
{
    local verdict=ok
    if ! awk "BEGIN { exit !($2 $3 $4) }"; then
        verdict=WRONG
        wrong=$((wrong + 1))
    fi
    table+=("$(printf '%-10s %-44s %9s  %2s %6s %-8s %s' "$part" "$1" "$2" "$3" "$4" "${5:-}" \
        "$verdict")")
}

#  Prints the figures of a part.
report ()
{
    printf '%-10s %s\n' "$part" "$*"
}

#  ---------------------------------------------------------------------------------
#  The parts

overload ()
{
    local limit=2000 measure=3 offer=5 rounds=1 goal=75 rises=0
    # Seconds on a machine that does other things as well prove less
    if [ $short = 0 ]; then
        goal=90 measure=10 offer=50 rounds=$(((total - 180) / 60 + 1))
    fi
    # Small tables and a small budget for payloads: the index of four million tasks alone is
    # 32 MiB, which are touched little by little
    STINT_LIMITS_TASKS=100000 start_broker broker '' --memory 8M
    stint -q group set overload max_tasks=$limit > /dev/null || fail 'group set'
    start_handlers overload 8 2 4
    begin load soak_load "$STINT_BROKER" overload 1000 3 $measure $offer $rounds
    sample $(((measure + offer + 30) * rounds + 30)) "$last" "$home/overload.samples"
    end 5 "$last"
    [ "$code" -eq 0 ] || fail "$(tail -n 1 "$home/load.log")"
    take load "$(tail -n 1 "$home/load.log")"
    await 20 'nothing is left in the broker' total_is tasks 0
    report "$load_capacity tasks/s; then offered $load_offered/s for $((offer * rounds)) s: done\
 $load_goodput/s, $load_refused refused with $load_full FULL, accepted ones took p50 $load_p50,\
 p99 $load_p99 ms (the group holds $limit), $load_backlog left were done in $load_drain ms,\
 none lost"
    promise 'done, of what the workers can do' "$load_percent" '>=' $goal %
    promise 'pushes answered with FULL' "$load_full" '>' 0
    # The machine may be slower now and then: p99 gets twice the time
    promise 'accepted tasks took, p50' "$load_p50" '<=' $((1250 * limit / load_goodput + 250)) ms
    promise 'accepted tasks took, p99' "$load_p99" '<=' $((2500 * limit / load_goodput + 250)) ms
    promise 'accepted tasks lost' 0 '<=' 0
    take slope "$(awk -f tests/slope.awk "$home/overload.samples")"
    [ "$slope_rises" = unknown ] || report "memory $slope_mib MiB over $slope_minutes min,\
 slope $slope_percent %/h, standard error $slope_error, rises: $slope_rises"
    [ "$slope_rises" != yes ] || rises=1
    promise 'memory rises (1: clearly above noise)' $rises '<=' 0
    clear_stage
}

slow ()
{
    local budget=32 bound=192 hoarder deaf load offer=5 at
    [ $short = 1 ] || offer=30
    start_broker slow '' --memory ${budget}M --heartbeat 500ms
    stint -q group set slow max_tasks=2000 > /dev/null || fail 'group set'
    stint -q group set deaf max_tasks=50000 > /dev/null || fail 'group set'
    start_handlers slow 8 16 4
    begin hoard soak_handler "$STINT_BROKER" hoard 4 0
    handlers+=("$last")
    begin slow.load soak_load "$STINT_BROKER" slow 1000 1 2 $offer 1
    load=$last
    nap 2500
    for ((at = 0; at < 4; at++)); do
        kill -STOP "${handlers[at]}"
    done
    begin deaf soak_hostile deaf "$STINT_BROKER" deaf 20000
    deaf=$last
    begin hoarder soak_hostile hoarder "$STINT_BROKER" hoard 4000
    hoarder=$last
    sample 120 "$load" "$home/slow.samples"
    end 5 "$load"
    [ "$code" -eq 0 ] || fail "$(tail -n 1 "$home/slow.load.log")"
    take slow "$(tail -n 1 "$home/slow.load.log")"
    await 30 'the hoarder is through' grep -qs outcomes "$home/hoarder.log"
    report "4 of 8 workers stopped: $slow_goodput of $slow_capacity tasks/s, none lost; a deaf\
 client $(tail -n 1 "$home/deaf.log"); a hoarder: $(tail -n 1 "$home/hoarder.log"); at most $((most / 1024))\
 MiB with $budget for payloads"
    promise 'done with half of the workers stopped' "$slow_percent" '>=' 35 %
    promise 'memory with deaf clients' $((most / 1024)) '<=' $bound MiB
    murder "$deaf"
    murder "$hoarder"
    asker
    clear_stage
}

#  Whoever asks and never reads is cut off after 10 000 answers. These are long ones. A part
#  of what they cost, 64 MiB, may stay with the broker (host.h).
asker ()
{
    local count=3000 peak before
    memory "$broker" RssAnon
    before=$((found / 1024))
    [ $short = 1 ] || count=30000
    begin asker soak_hostile asker "$STINT_BROKER" deaf $count
    await 60 'the asker is through' grep -qs . "$home/asker.log"
    await 60 'the answers are there' stands_still
    await 20 'the broker answers' answers
    memory "$broker" RssAnon
    peak=$((found / 1024))
    murder "$last"
    [ $short = 1 ] || await 30 'the memory is given back' gives_back $((before + 80))
    memory "$broker" RssAnon
    report "$count questions for 1000 tasks each, no answer read: $peak MiB\
$([ $short = 1 ] || echo ", and $((found / 1024)) MiB when it had gone")"
    promise 'memory with one that asks and never reads' $peak '<=' 2048 MiB
}

#  Succeeds when memory has not grown for a second.
stands_still ()
{
    local before
    memory "$broker" RssAnon
    before=$found
    nap 1000
    memory "$broker" RssAnon
    [ "$found" -le $((before + 1024)) ]
}

gives_back ()
{
    memory "$broker" RssAnon
    [ $((found / 1024)) -le "$1" ]
}

all_are_there ()
{
    local accepted
    read -r accepted _ < "$home/progress" 2> /dev/null || return 1
    [ "$accepted" -eq "$count" ]
}

workers ()
{
    local count=${SOAK_WORKERS:-$([ $short = 1 ] && echo 2000 || echo 10000)}
    local crowd first p50 p99 spent steady=2000 began back base
    [ $short = 1 ] || steady=20000
    start_broker workers ''
    memory "$broker" RssAnon
    base=$found
    clock
    began=$now
    echo 0 > "$home/progress"
    begin crowd soak_workers "$STINT_BROKER" crowd "$count" "$home/progress"
    crowd=$last
    await 60 "$count workers are there" all_are_there
    clock
    first=$((now - began))
    nap 1000
    kill -USR1 "$crowd"
    processor "$broker"
    spent=$used
    nap $steady
    processor "$broker"
    spent=$(((used - spent) * 1000 / steady))
    read -r _ _ p50 p99 _ < "$home/progress"
    memory "$broker" RssAnon
    murder "$broker"
    clock
    began=$now
    await 5 'the workers have noticed' all_are_gone
    start_broker workers ''
    await 60 'all workers are back' all_are_there
    clock
    back=$((now - began))
    has_ended "$crowd" && fail "$(tail -n 1 "$home/crowd.log")"
    await 20 'the restarted broker counts them' total_is workers "$count"
    report "$count connected in $first ms: round trip p50 $p50 ms, p99 $p99 ms,\
 $(((found - base) / 1024)) MiB, $((spent / 10)).$((spent % 10)) % of a core for heartbeats; the\
 broker killed: all back in $back ms"
    promise "round trip with $count workers, p99" "$p99" '<=' 1000 ms
    promise "$count workers back after a kill" "$back" '<=' 30000 ms
    murder "$crowd"
    clear_stage
}

all_are_gone ()
{
    local accepted
    read -r accepted _ < "$home/progress"
    [ "$accepted" -eq 0 ]
}

log_says ()
{
    [ "$(count_log "$1" "$2")" -ge "$3" ]
}

served ()
{
    [ "$(stint --timeout 5s push "$1" hello --wait 2> /dev/null)" = hello ]
}

files ()
{
    local room=100 count=150
    [ $short = 1 ] || count=400
    local idle greeted after left endpoint
    start_broker files "-n $room" --listen 'tcp://127.0.0.1:*' --insecure
    endpoint=$(sed -n 's/.*broker.ready.*endpoint=\(tcp:[^ ]*\).*/\1/p' "$home/files.log")
    start_handlers files 1 4 0
    begin idle soak_hostile idle "$endpoint" x "$count"
    idle=$last
    await 20 'the broker says that it is crowded' log_says files broker.crowded 1
    clock
    after=$now
    await 60 'a new client is served' served files
    clock
    after=$((now - after))
    murder "$idle"
    await 20 'the broker has room again' log_says files broker.roomy 1
    begin greeted soak_hostile greeted "$endpoint" x "$count"
    greeted=$last
    await 20 'the broker is crowded again' log_says files broker.crowded 2
    murder "$greeted"
    clock
    left=$now
    await 20 'a new client is served' served files
    clock
    left=$((now - left))
    report "$count silent tcp connections, $room open files: the log says so, a new client was\
 served after $after ms; $count that shake hands and stay: $left ms after they had left"
    promise 'new client served, files used up' "$after" '<=' 30000 ms
    promise 'new client served when they had left' "$left" '<=' 10000 ms
    clear_stage
}

#  Lets a hostile peer talk: talk KIND COUNT; $most is what the broker took, in MiB.
talk ()
{
    begin "$1" soak_hostile "$1" "$STINT_BROKER" endless "$2"
    hostile=$last
    most=0
    clock
    local until=$((now + 60000))
    until grep -qs . "$home/$1.log"; do
        has_ended "$broker" || memory "$broker" RssAnon
        [ "$found" -le "$most" ] || most=$found
        clock
        [ "$now" -lt $until ] || fail "$1 is not through"
        nap 20
    done
    most=$((most / 1024))
}

endless ()
{
    local mib=200 limit hostile free cut rest kept
    start_broker endless.broker ''
    crash_fill "$STINT_BROKER" endless 1000 64 || fail 'the tasks are not taken'
    talk endless $mib
    free=$most
    memory "$broker" VmData
    limit=$((found - free * 1024 + 256 * 1024))
    murder "$hostile"
    murder "$broker"
    rm "$home/endless.log"

    start_broker endless.broker "-d $limit"
    talk endless 2000
    cut=$(sed 's/[^0-9]//g' "$home/endless.log" | tail -n 1)
    grep -q 'cut off' "$home/endless.log" || fail 'the endless message was not cut off'
    await 20 'the broker answers' answers
    memory "$broker" RssAnon
    rest=$((found / 1024))
    murder "$hostile"

    talk crumbs 30000
    end 20 "$broker"
    [ "$code" -eq 134 ] || fail "the broker ended with exit code $code, not by SIGABRT"
    murder "$hostile"
    start_broker endless.broker "-d $limit"
    kept=$(status tasks)
    report "$free MiB of memory for $mib MiB of one message; with LimitDATA 256 MiB above the\
 start: its peer is cut off after $cut MiB, $rest MiB are left; in frames of an octet: the broker\
 aborts, and has its 1000 tasks when it is started again"
    promise 'endless message, until its peer is cut off' "$cut" '<=' 300 MiB
    promise 'tasks lost when the broker aborts' $((1000 - kept)) '<=' 0
    clear_stage
}

for part in ${SOAK_PARTS:-overload slow workers files endless}; do
    $part
done
echo
printf '%s\n' "${table[@]}"
[ $wrong -eq 0 ] || { echo "$scene: FAILED: $wrong bounds are not kept"; exit 1; }
echo "$scene: ok: ${#table[@]} bounds kept, $SECONDS s"
