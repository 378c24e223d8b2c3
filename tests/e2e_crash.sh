#!/bin/bash
#  Kills broker and workers over and over and counts what becomes of 200 000 tasks.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN       where the programs are               (.build/release)
#    SEED            repeats who is killed when
#    TASKS           tasks of each part, at least         (200000)
#    BROKER_KILLS    deaths of the broker in each part    (20)
#    WORKER_KILLS    deaths of workers in the first part  (100)
#    HEARTBEAT       of the second part; more for programs that are slow  (1s)
#
#  First part: broker and workers are killed with SIGKILL at random moments. Each task must
#  come to one result with the right bytes: none lost, doubled or unexpected. Second part:
#  only the broker is killed. What was running on the living workers must be adopted: no
#  accepted task may run again. A quarter of the broker's deaths come while it recovers.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh e2e_crash crash_client crash_worker crash_check
WORKERS=6 CAPACITY=32
workers=()                            # pids, by slot
broker=''
broker_kills=0 worker_kills=0
tasks=0 all=0                         # of a part, and of both
executions=0 again=0 never=0 lost=0 doubled=0 twice=0 unrun=0    # of the last report

start_broker ()
{
    begin "$part.broker" stint-broker --store "$home/$part.store" \
        --listen "$STINT_BROKER" --heartbeat "$heartbeat"
    broker=$last
}

start_worker ()
{
    begin "$part.worker" crash_worker "$STINT_BROKER" crash $CAPACITY "$home/$part.starts"
    workers[$1]=$last
}

#  Reads how far the client has come.
read_progress ()
{
    read -r pushed _ taken < "$home/$part.progress"
}

has_come_to ()
{
    ! has_ended "$client" || fail "part $part: $(tail -n 1 "$home/$part.client.log")"
    read_progress 2> /dev/null && [ "$taken" -ge "$1" ]
}

state_lines ()
{
    [ "$(count_log "$part.broker" broker.state)" -gt "$1" ]
}

#  Makes the broker write down its counters.
ask_state ()
{
    local lines
    lines=$(count_log "$part.broker" broker.state)
    kill -USR1 "$broker" || fail 'the broker has ended by itself'
    await 10 'the broker writes its state' state_lines "$lines"
}

#  Adds up a counter over all lives of the broker: total NAME
total ()
{
    sed -n "/broker.state/s/.* $1=\([0-9]*\).*/\1/p" "$home/$part.broker.log" |
        awk '{ sum += $1 } END { print sum + 0 }'
}

kill_broker ()
{
    ask_state
    murder "$broker"
    broker_kills=$((broker_kills + 1))
    start_broker
    chance 4
    if [ "$drawn" -eq 0 ]; then
        chance 30
        nap "$drawn"
        murder "$broker"
        broker_kills=$((broker_kills + 1))
        start_broker
    fi
    await 20 'the broker is back' answers
}

kill_worker ()
{
    chance $WORKERS
    murder "${workers[$drawn]}"
    worker_kills=$((worker_kills + 1))
    start_worker "$drawn"
}

#  Prints the plan: how many results there are when who is killed. The client goes on until
#  all of it is done, also when an act is late, on a machine that is busy.
plan ()
{
    for ((at = 0; at < $2 + $3; at++)); do
        chance "$1"
        echo "$drawn $([ $at -lt "$2" ] && echo kill_broker || echo kill_worker)"
    done | sort -n
}

finish ()
{
    kill -TERM "$client"
    end 90 "$client"
    [ "$code" -eq 0 ] || fail "part $part: $(tail -n 1 "$home/$part.client.log")"
    read_progress
    tasks=$pushed all=$((all + pushed))
    await 20 'nothing is left in the broker' status_is tasks 0
    ask_state
    for pid in "${workers[@]}"; do
        kill -TERM "$pid"
        end 20 "$pid"
        [ "$code" -eq 0 ] || fail "a worker ended with exit code $code"
    done
    workers=()
    kill -TERM "$broker"
    end 20 "$broker"
    [ "$code" -eq 0 ] || fail "the broker ended with exit code $code"
}

#  Adds a row to the table, and sets $again, $never and so on.
report ()
{
    local line
    line=$(crash_check "$home/$part.starts" "$home/$part.ends" "$tasks") || fail "$line"
    # shellcheck disable=SC2086
    declare -g $line
    printf '%-8s %7d %7d %8d %11d %8d %7d %8d %6d %5d %8d %8d\n' "$part" "$tasks" \
        "$broker_kills" "$worker_kills" "$executions" "$again" "$never" "$(total adopted)" \
        "$(total stale)" "$lost" "$doubled" $((SECONDS - began)) >> "$home/table"
    [ "$lost" -eq 0 ] || fail "part $part: $lost tasks are lost"
    [ "$doubled" -eq 0 ] || fail "part $part: $doubled results came twice"
    [ "$twice" -eq 0 ] || fail "part $part: $twice attempts ran twice"
    [ "$unrun" -eq 0 ] || fail "part $part: $unrun results of tasks that nobody ran"
}

#  run PART TASKS BROKER_KILLS WORKER_KILLS HEARTBEAT
run ()
{
    part=$1 heartbeat=$5
    began=$SECONDS broker_kills=0 worker_kills=0
    start_broker
    for ((slot = 0; slot < WORKERS; slot++)); do
        start_worker $slot
    done
    await 20 'all workers are there' status_is workers $WORKERS
    begin "$part.client" crash_client "$STINT_BROKER" crash "$2" "$seed" \
        "$home/$part.progress" "$home/$part.ends" 8192 on
    client=$last
    plan "$2" "$3" "$4" > "$home/$part.plan"
    while read -r -u 3 threshold act; do
        await 90 "there are $threshold results" has_come_to "$threshold"
        chance 40
        nap "$drawn"
        $act
    done 3< "$home/$part.plan"
    finish
    report
}

echo "SEED=$seed"
printf '%-8s %7s %7s %8s %11s %8s %7s %8s %6s %5s %8s %8s\n' part tasks brokers workers \
    executions again never adopted stale lost doubled seconds > "$home/table"
run both "${TASKS:-200000}" "${BROKER_KILLS:-20}" "${WORKER_KILLS:-100}" 250ms
[ "$broker_kills" -ge "${BROKER_KILLS:-20}" ] || fail "the broker died $broker_kills times"
[ "$worker_kills" -ge "${WORKER_KILLS:-100}" ] || fail "$worker_kills workers died"
run living "${TASKS:-200000}" "${BROKER_KILLS:-20}" 0 "${HEARTBEAT:-1s}"
cat "$home/table"
[ "$again" -eq 0 ] || fail "$again tasks on living workers ran again"
adopted=$(total adopted)
[ "$adopted" -gt 0 ] || fail 'nothing was adopted'
echo "$all tasks over deaths of broker and workers, then of the broker alone: none lost, none" \
    "doubled; $adopted attempts adopted, none run again; SEED=$seed; $SECONDS s"
