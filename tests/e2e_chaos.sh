#!/bin/bash
#  Tries to lose a task: kills, stops, bad networks, full disks, disk errors, lost power, rot.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/e2e_chaos.sh [--seconds N] [PART...]
#
#    N            how long all of it may take, about (60); more than 90 is done in rounds
#    PART         kill stop net full limit sweep power rot; all of them when none is named
#    STINT_BIN    where the programs are              (.build/release)
#    SEED         repeats what is done to whom
#    KEEP         1: the directory of the run is not removed
#
#  Real processes, histories in files that survive SIGKILL (history.h), and a judge in the
#  manner of Jepsen's total-queue (judge.h): whatever is done to them, no accepted task may
#  be lost, none may be recorded twice, nothing may appear that nobody pushed. Ends with one
#  table that counts every fault, and with 1 when a task was lost.

# Numbers that programs have printed become variables.
# shellcheck disable=SC2154

set -uo pipefail
cd "$(dirname "$0")/.." || exit
total=60
if [ "${1:-}" = --seconds ]; then
    total=$2
    shift 2
fi
parts=${*:-kill stop net full limit sweep power rot}
. tests/scene.sh e2e_chaos chaos_client chaos_check chaos_proxy chaos_sweep chaos_power \
    chaos_rot crash_worker io_fault.so chaos_disk.so
CLIENTS=3 WORKERS=4
lease=600                             # milliseconds: heartbeat times liveness
broker='' proxy='' workers=() clients=()
life=0                                # of clients, for numbers of tasks
listen=$STINT_BROKER
options=()                            # of the broker
declare -A faults=() resume=() sums=()
rows=() round=0
all_acknowledged=0 all_executions=0 all_faults=0 skipped=

fast=/dev/shm
[ -w $fast ] || fast=/tmp
work=$(mktemp -d "$fast/stint-chaos-XXXXXX") || exit
trap 'if [ "${KEEP:-0}" = 1 ]; then echo "kept: $work"; else rm -rf "$work"; fi; clean_up' EXIT

#  Adds numbers to a row of the table, which is made when it is new: row NAME NUMBER...
row ()
{
    local name=$1 column=0 number
    shift
    [ -n "${sums[$name:0]:-}" ] || rows+=("$name")
    for number in "$@"; do
        sums[$name:$column]=$((${sums[$name:$column]:-0} + number))
        column=$((column + 1))
    done
}

print_table ()
{
    local name column numbers
    printf '%-32s %8s %9s %7s %7s %9s %5s %5s %6s %6s\n' fault count accepted unknown \
        recov. executed lost dupl. unexp. silent
    for name in "${rows[@]}"; do
        numbers=()
        for column in 0 1 2 3 4 5 6 7 8; do numbers+=("${sums[$name:$column]:-}"); done
        printf '%-32s %8s %9s %7s %7s %9s %5s %5s %6s %6s\n' "$name" "${numbers[@]}"
    done
}

count ()
{
    faults[$1]=$((${faults[$1]:-0} + 1))
}

#  ---------------------------------------------------------------------------------
#  Who takes part

start_broker ()
{
    begin broker stint-broker --store "$home/$part.store" --listen "$listen" \
        --heartbeat $((lease / 3))ms "${options[@]}"
    broker=$last
}

start_worker ()
{
    begin worker crash_worker "$STINT_BROKER" chaos 64 "$home/$part.history"
    workers[$1]=$last
}

#  Goes on with the batch of the client before; its tasks have numbers of their own.
start_client ()
{
    life=$((life + 1))
    begin client chaos_client "$STINT_BROKER" chaos "$part-$1" $((life << 32)) 100000000 \
        "$seed" "$home/$part.history" "$window"
    clients[$1]=$last
}

begin_part ()
{
    part=$1
    faults=()
    rm -rf "$home/$part.history"
    mkdir -p "$home/$part.history" "$home/$part.store"
    start_broker
    await 20 'the broker answers' answers
    for ((slot = 0; slot < WORKERS; slot++)); do start_worker $slot; done
    for ((slot = 0; slot < CLIENTS; slot++)); do start_client $slot; done
}

nothing_is_left ()
{
    stint --timeout 2s --json ls chaos > "$home/left" 2>&1
    ! grep -q '"task"' "$home/left" && answers
}

#  Everybody is well now: the clients collect what is left, and histories are judged.
end_part ()
{
    local line name names all=0
    : > "$home/$part.history/.stop"
    for pid in "${clients[@]}"; do
        end 90 "$pid"
        [ "$code" -eq 0 ] || fail "$part: a client ended with $code: $(tail -n 2 "$home/client.log")"
    done
    await 20 "$part: nothing is left in the broker" nothing_is_left
    for pid in "${workers[@]}"; do murder "$pid"; done
    kill -TERM "$broker"
    end 20 "$broker"
    [ "$code" -eq 0 ] || fail "$part: the broker ended with exit code $code"
    line=$(chaos_check "$home/$part.history")
    code=$?
    # shellcheck disable=SC2086
    declare -g $line
    [ ${#faults[@]} -gt 0 ] || fail "$part: there was no time for any fault"
    mapfile -t names < <(printf '%s\n' "${!faults[@]}" | sort)
    for name in "${names[@]}"; do
        row "$name" "${faults[$name]}"
        all=$((all + faults[$name]))
    done
        row "= $part" $all "$acknowledged" "$unknown" "$recovered" "$executions" "$lost" \
        "$duplicated" "$unexpected" 0
    all_faults=$((all_faults + all))
    all_acknowledged=$((all_acknowledged + acknowledged))
    all_executions=$((all_executions + executions))
    [ $code -eq 0 ] || fail "$part: $line"
    [ "$dead" -eq 0 ] || fail "$part: $dead tasks are dead, though no handler failed"
    [ "$acknowledged" -gt 0 ] || fail "$part: nothing was accepted"
    workers=() clients=()
    rm -rf "$home/$part.store"/* "$home/$part.history"
}

#  ---------------------------------------------------------------------------------
#  Killing

kill_broker ()
{
    murder "$broker"
    count 'kill -9 broker'
    start_broker
    chance 4
    [ "$drawn" -eq 0 ] || return
    chance 30
    nap "$drawn"
    murder "$broker"
    count 'kill -9 broker recovering'
    start_broker
}

kill_worker ()
{
    chance $WORKERS
    murder "${workers[$drawn]}"
    count 'kill -9 worker'
    start_worker "$drawn"
}

kill_client ()
{
    chance $CLIENTS
    murder "${clients[$drawn]}"
    count 'kill -9 client'
    start_client "$drawn"
}

#  Adds up what clients and workers have written that is no zero.
size_of_histories ()
{
    cat "$home/$part.history"/* | tr -d '\0' | wc -c
}

histories_grow ()
{
    [ "$(size_of_histories)" -gt $(($1 + 1000)) ]
}

part_kill ()
{
    local until=$((SECONDS + $1)) acts=0 before
    begin_part kill
    while [ $SECONDS -lt $until ]; do
        chance 10
        case $drawn in
        [0-4]) kill_broker ;;
        [5-8]) kill_worker ;;
        *) kill_client ;;
        esac
        acts=$((acts + 1))
        chance 120
        nap "$drawn"
        # Now and then somebody gets on, however long a start takes on this machine.
        if [ $((acts % 15)) -eq 0 ]; then
            await 20 'the broker answers' answers
            before=$(size_of_histories)
            await 20 'the clients get on' histories_grow "$before"
            nap 300
        fi
    done
    end_part
}

#  ---------------------------------------------------------------------------------
#  Stopping for a while

stop_for ()
{
    kill -STOP "$1" || fail "process $1 has ended by itself"
    resume[$1]=$((${EPOCHREALTIME/./} / 1000 + $2))
    count "$3"
}

continue_due ()
{
    local now=$((${EPOCHREALTIME/./} / 1000))
    for pid in "${!resume[@]}"; do
        [ "${resume[$pid]}" -le $((now + ${1:-0})) ] || continue
        kill -CONT "$pid"
        unset "resume[$pid]"
    done
}

part_stop ()
{
    local until=$((SECONDS + $1)) span
    begin_part stop
    while [ $SECONDS -lt $until ]; do
        continue_due
        chance $((3 * lease - 100))
        span=$((drawn + 100))
        chance 5
        if [ "$drawn" -eq 0 ] && [ -z "${resume[$broker]:-}" ]; then
            stop_for "$broker" $span 'SIGSTOP broker'
        elif [ "$drawn" -gt 0 ] && [ -z "${resume[${workers[$((drawn - 1))]}]:-}" ]; then
            stop_for "${workers[$((drawn - 1))]}" $span 'SIGSTOP worker'
        fi
        chance 250
        nap "$drawn"
    done
    continue_due 1000000
    end_part
}

#  ---------------------------------------------------------------------------------
#  Bad networks, between everybody and the broker

#  tell COMMAND...: the proxy has obeyed when this returns.
tell ()
{
    echo "$*" >&"$tells"
    read -rt 10 -u "$hears" _ || fail "the proxy does not answer '$*'"
}

flap ()
{
    for _ in 1 2 3 4 5 6; do
        tell cut both
        chance 120
        nap "$drawn"
        tell heal
        chance 60
        nap "$drawn"
    done
}

start_proxy ()
{
    mkfifo "$home/tells" "$home/hears"
    chaos_proxy "$1" "$2" < "$home/tells" > "$home/hears" 2>> "$home/proxy.log" &
    proxy=$!
    alive[$proxy]=1
    exec {tells}> "$home/tells" {hears}< "$home/hears"
    tell heal
}

part_net ()
{
    local until=$((SECONDS + $1)) port
    chance 10000
    port=$((20000 + drawn))
    listen=tcp://127.0.0.1:$port
    options=(--insecure)
    STINT_BROKER=tcp://127.0.0.1:$((port + 1))
    start_proxy $((port + 1)) $port
    begin_part net
    while [ $SECONDS -lt $until ]; do
        chance 9
        case $drawn in
        0) tell cut both; count 'partition' ;;
        1) tell cut up; count 'partition, to the broker' ;;
        2) tell cut down; count 'partition, from the broker' ;;
        3) flap; count 'partition, flapping' ;;
        4) tell half; count 'half-open' ;;
        5) tell reset; count 'reset' ;;
        6) chance 300; tell delay "$drawn"; count 'delay up to 300 ms' ;;
        7) tell trickle; count '1 byte a second' ;;
        8) kill_broker ;;
        esac
        # Many short ones, and some that are longer than a lease.
        chance 3
        chance $((drawn ? lease / 3 : 2 * lease))
        nap "$drawn"
        tell heal
        chance 200
        nap "$drawn"
    done
    part_noise 2
    end_part
    murder "$proxy"
    exec {tells}>&- {hears}<&-
    rm "$home/tells" "$home/hears"
    listen=ipc://$home/broker.sock
    export STINT_BROKER=$listen
    options=()
}

#  Bytes that change are not seen by TCP here, nor by anything else without keys: who is
#  behind such a line is on its own, but the broker and all others must not mind. They
#  connect directly, through the first proxy; a second one spoils a client and a worker.
part_noise ()
{
    local port=${listen##*:} noise line
    line=tcp://127.0.0.1:$((port + 2))
    mkdir -p "$home/noise"
    mkfifo "$home/noise/tells" "$home/noise/hears"
    chaos_proxy $((port + 2)) "$port" < "$home/noise/tells" > "$home/noise/hears" &
    noise=$!
    alive[$noise]=1
    exec {noisy}> "$home/noise/tells" {noised}< "$home/noise/hears"
    local until=$((SECONDS + $1))
    mkdir "$home/noise/history"
    while [ $SECONDS -lt $until ]; do
        begin noise chaos_client "$line" noise noise $((1 << 60)) 100000 1 \
            "$home/noise/history" 512
        local client=$last
        begin noise crash_worker "$line" noise 16 "$home/noise/history"
        echo heal >&"$noisy"; read -rt 10 -u "$noised" _
        nap 200
        echo corrupt >&"$noisy"; read -rt 10 -u "$noised" _
        count 'bytes changed on another line'
        nap 400
        kill -9 "$client" "$last" 2> /dev/null
        wait "$client" "$last" 2> /dev/null
        unset "alive[$client]" "alive[$last]"
        has_ended "$broker" && fail 'the broker ended over bytes that changed'
    done
    murder "$noise"
    exec {noisy}>&- {noised}<&-
    rm -rf "$home/noise"
}

#  ---------------------------------------------------------------------------------
#  Full disks and full stores

start_clients ()
{
    for ((slot = 0; slot < CLIENTS; slot++)); do start_client $slot; done
}

#  A small file system of its own gets full: the broker stops, comes up again when there is
#  room, and has all that it had accepted.
part_full ()
{
    local until=$((SECONDS + $1))
    part=full
    faults=()
    mkdir -p "$home/full.history" "$home/full.store"
    if ! mount -t tmpfs -o size=2m tmpfs "$home/full.store" 2> /dev/null; then
        skipped='; no full disk, for a tmpfs cannot be mounted here (it takes root)'
        return
    fi
    mounted=$home/full.store
    window=1000000
    start_broker
    await 20 'the broker answers' answers
    start_clients
    local size=2
    while :; do
        await 30 'the disk is full' has_ended "$broker"
        end 5 "$broker"
        [ "$code" -eq 74 ] || fail "full: the broker ended with exit code $code"
        tail -n 1 "$home/broker.log" | grep -q 'the disk is full' ||
            fail "full: the last line is $(tail -n 1 "$home/broker.log")"
        count 'disk full, then larger'
        size=$((size + 1))
        if [ $SECONDS -ge $until ] || [ $size -ge 200 ]; then break; fi
        mount -o remount,size=${size}m "$mounted" || fail 'the tmpfs cannot be made larger'
        start_broker
    done
    mount -o remount,size=512m "$mounted"
    start_broker
    for ((slot = 0; slot < WORKERS; slot++)); do start_worker $slot; done
    await 20 'the broker answers' answers
    end_part
    umount "$mounted"
    mounted=''
    rm -rf "$home/full.store" "$home/full.history"
    window=2048
}

#  Nothing comes in or ends: held stays as it is.
quiet ()
{
    local before=$held
    nap 150
    held=$(status tasks)
    [ -n "$held" ] && [ "$held" -gt 0 ] && [ "$held" = "$before" ]
}

#  The store itself has a limit: pushes hear FULL, nobody stops, and it goes on when there
#  is room again.
part_limit ()
{
    local until=$((SECONDS + $1)) held pushed small=$seed
    # Payloads are large, as results have to fit into the other half of the store.
    seed=$((seed + (1 << 40)))
    printf '%s\n' store '    size_max = 16M' > "$home/limit.zpl"
    options=(--config "$home/limit.zpl")
    window=50000
    begin_part limit
    while :; do
        for pid in "${workers[@]}"; do murder "$pid"; done
        held=
        nap 300
        await 20 'the store is full' quiet
        pushed=$(status pushed)
        count 'store at its size limit'
        for ((slot = 0; slot < WORKERS; slot++)); do start_worker $slot; done
        await 20 'the broker takes pushes again' status_grows pushed "$pushed"
        nap 300
        has_ended "$broker" && fail 'limit: the broker has ended'
        [ $SECONDS -lt $until ] || break
    done
    end_part
    options=()
    window=2048
    seed=$small
}

#  Succeeds when a number of the broker's state is above that: status_grows NAME NUMBER
status_grows ()
{
    local now
    now=$(status "$1")
    [ -n "$now" ] && [ "$now" -gt "$2" ]
}

#  ---------------------------------------------------------------------------------
#  Programs of their own

#  Takes over the numbers of the last line: numbers_of LOG
numbers_of ()
{
    # shellcheck disable=SC2046
    declare -g $(tail -n 1 "$home/$1.log" | grep -o '[a-z]*=[0-9]*')
}

#  The sweep ends by itself, and is not cut short unless something hangs.
part_sweep ()
{
    local kind met
    chaos_sweep "$bin" "$home/sweep" "$seed" $(($1 + 60)) > "$home/sweep.log" 2>&1
    code=$?
    [ $code -eq 0 ] || fail "sweep: $(grep WRONG "$home/sweep.log" | head -n 3)"
    numbers_of sweep
    [ "$early" -eq 0 ] || fail "sweep: $early kinds of faults were not swept to their end"
    while read -r _ kind met acknowledged executions; do
        row "disk: $kind" "$met" "$acknowledged" 0 0 "$executions" 0 0 0 0
        all_faults=$((all_faults + met))
        all_acknowledged=$((all_acknowledged + acknowledged))
        all_executions=$((all_executions + executions))
    done < <(grep '^row ' "$home/sweep.log")
    rm -rf "$home/sweep"
}

#  Starts the broker of a part, what it tells the disk written down.
start_recorded ()
{
    begin broker env CHAOS_DISK_PATH="$home/$part.store" CHAOS_DISK_LOG="$home/$part.disk" \
        LD_PRELOAD="$bin/chaos_disk.so" stint-broker --store "$home/$part.store" \
        --listen "$listen" --heartbeat $((lease / 3))ms --sync "$1"
    broker=$last
}

#  Makes a run that is written down, with deaths of the broker in it: record PART SYNC TASKS
record ()
{
    part=$1
    mkdir "$home/$part.history" "$home/$part.store"
    start_recorded "$2"
    start_worker 0
    life=$((life + 1))
    begin client chaos_client "$STINT_BROKER" chaos "$part" $((life << 32)) "$3" "$seed" \
        "$home/$part.history" 512 2
    clients=("$last")
    for _ in 1 2 3 4; do
        chance 500
        nap $((drawn + 100))
        murder "$broker"
        # As a death in the middle of an entry of the log leaves it
        head -c 20 "$home/$part.disk" >> "$home/$part.disk"
        start_recorded "$2"
    done
    end 90 "${clients[0]}"
    [ "$code" -eq 0 ] || fail "$part: the client ended with $code"
    murder "$broker"
    murder "${workers[0]}"
    workers=() clients=()
}

#  power_images NAME SYNC TASKS SECONDS
power_images ()
{
    rm -rf "${work:?}/$1"
    mkdir "$work/$1"
    record "$1" "$2" "$3"
    chaos_power "$home/$1.disk" "$home/$1.history" "$seed" $((seed + round)) 1000000 "$4" "$2" \
        "$work/$1" "$bin/stint-broker" > "$home/$1.log" 2>&1
    code=$?
    numbers_of "$1"
    rm -rf "$home/$1.disk" "$home/$1.history" "$home/$1.store"
}

part_power ()
{
    local seconds=$(($1 / 4 > 0 ? $1 / 4 : 1)) sync
    for sync in always interval; do
        power_images power-$sync $sync 6000 $seconds
        [ $code -eq 0 ] || fail "power, sync $sync: $(head -n 3 "$home/power-$sync.log")"
        row "power lost, sync $sync" "$images" "$accepted" 0 0 0 "$lost" "$duplicated" \
            "$unexpected" 0
        echo "power lost, sync $sync: $images images in $ms ms, $unsure writes not synced," \
            "$tasks tasks in them, $real given to the real broker"
        all_faults=$((all_faults + images))
    done

    # Without syncs the same must be found to lose tasks, or it would find nothing.
    power_images power-none none 4000 1
    if [ $code -ne 1 ] || [ "$lost" -eq 0 ]; then
        fail 'a store without syncs seems to survive a loss of power: nothing is checked'
    fi
    echo "planted: without syncs $((images - opened)) of $images images are refused," \
        "in the others $lost tasks are missing"
}

part_rot ()
{
    local held=
    part=rot
    rm -rf "${work:?}/rot"
    mkdir "$home/rot.history" "$home/rot.store" "$work/rot"
    start_broker
    start_worker 0
    window=3000
    start_client 0
    nap 700
    murder "${workers[0]}"
    await 20 'the store is quiet' quiet
    # What is in the last block was acknowledged too.
    life=$((life + 1))
    begin client chaos_client "$STINT_BROKER" chaos rot $((life << 32)) 1 "$seed" \
        "$home/rot.history"
    await 20 'one more task' status_is tasks $((held + 1))
    nap 200
    murder "$last"
    murder "$broker"
    murder "${clients[0]}"
    workers=() clients=()
    window=2048
    chaos_rot "$home/rot.store" "$home/rot.history" "$seed" $((seed + round)) 1000000 "$1" "$work/rot" \
        "$bin/stint-broker" > "$home/rot.log" 2>&1
    code=$?
    numbers_of rot
    row 'store file damaged' "$images" "$tasks" 0 0 0 "$lost" "$duplicated" "$unexpected" \
        "$missed"
    all_faults=$((all_faults + images))
    [ $code -eq 0 ] || fail "rot: $(head -n 3 "$home/rot.log")"
    echo "rot: $images damaged files in $ms ms: $refused refused, $harmless harmless," \
        "$crashed ended a process, $real given to the real broker"
    rm -rf "$home/rot.history" "$home/rot.store"
}

#  ---------------------------------------------------------------------------------

#  Shares of the time, in hundredths.
declare -A share=([kill]=24 [stop]=16 [net]=24 [full]=4 [limit]=1 [sweep]=1 [power]=16 [rot]=6)

#  Does all parts once, in about so many seconds.
do_round ()
{
    local name began seconds
    round=$((round + 1))
    for name in $parts; do
        [ -n "${share[$name]:-}" ] || fail "there is no part $name"
        began=$SECONDS
        seconds=$(($1 * share[$name] / 100))
        "part_$name" $((seconds > 0 ? seconds : 1))
        echo "round $round, $name: $((SECONDS - began)) s"
    done
}

echo "SEED=$seed"
window=2048
while [ $round -eq 0 ] || [ $SECONDS -lt $((total - 45)) ]; do
    do_round $((total < 90 ? total : 90))
    [ "$total" -le 90 ] || print_table > "$home/table.$round"
done
echo
print_table
echo
echo "$all_faults faults over $all_acknowledged accepted tasks, $all_executions executions: none" \
    "lost, none duplicated, nothing unexpected or silent; SEED=$seed; $SECONDS s$skipped"
