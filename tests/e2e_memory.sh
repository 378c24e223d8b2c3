#!/bin/bash
#  Holds many pending tasks of 1 KiB in little memory, and serves again soon after a kill.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN    where the programs are                          (.build/release)
#    FULL         1: a million tasks and a budget of 256 MiB      (100 000 and 16 MiB)
#
#  The broker may use its budget for payloads, 128 bytes a task, and 64 MiB. What counts is
#  memory of its own: pages of the store's file that are mapped (the column `mapped`) are
#  the kernel's cache, which takes them back when it needs them.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh e2e_memory crash_fill crash_worker
TASKS=100000 BUDGET=16
if [ "${FULL:-0}" = 1 ]; then TASKS=1000000 BUDGET=256; fi
limit=$((BUDGET * 1024 + TASKS * 128 / 1024 + 64 * 1024))
broker='' most=0

start_broker ()
{
    begin broker stint-broker --store "$home/store" --listen "$STINT_BROKER" \
        --memory "${BUDGET}M"
    broker=$last
}

#  Notes the memory in use, and succeeds when the process has ended or the command does:
#  watch PID, or watch '' COMMAND...
watch ()
{
    memory "$broker" RssAnon
    [ "$found" -le "$most" ] || most=$found
    if [ -n "$1" ]; then has_ended "$1"; else shift; "$@"; fi
}

#  Adds a row to the table and compares it with the limit: report WHAT MILLISECONDS
report ()
{
    memory "$broker" RssFile
    printf '%-28s %8d %8d %8d %8d\n' "$1" $((most / 1024)) $((limit / 1024)) \
        $((found / 1024)) "$2"
    [ "$most" -le "$limit" ] || fail "$1: $most KiB of memory, more than $limit"
    most=0
}

now ()
{
    echo $((${EPOCHREALTIME/./} / 1000))
}

has_finished ()
{
    local found
    found=$(status finished)
    [ -n "$found" ] && [ "$found" -ge "$1" ]
}

printf '%-28s %8s %8s %8s %8s\n' "$TASKS tasks of 1 KiB" 'own MiB' limit mapped ms
start_broker
await 20 'the broker answers' answers
began=$(now)
begin fill crash_fill "$STINT_BROKER" many $TASKS 1024
await 300 'all is pushed' watch "$last"
end 5 "$last"
[ "$code" -eq 0 ] || fail "$(cat "$home/fill.log")"
status_is tasks $TASKS || fail "the broker holds $(status tasks) tasks"
watch '' true
report 'pushed' $(($(now) - began))

murder "$broker"
began=$(now)
start_broker
await 60 'the broker is back' answers
took=$(($(now) - began))
status_is tasks $TASKS || fail "the broker holds $(status tasks) tasks after its restart"
watch '' true
report 'killed and started again' $took
[ "$took" -le 3000 ] || fail "it took $took ms until the broker served again, not 3000"

began=$(now)
begin worker crash_worker "$STINT_BROKER" many 256 "$home/starts"
begin worker crash_worker "$STINT_BROKER" many 256 "$home/starts"
await 120 'a part of the tasks has ended' watch '' has_finished $((TASKS / 10))
report 'a tenth of it done' $(($(now) - began))
echo "$TASKS pending tasks of 1 KiB in ${BUDGET} MiB, 128 bytes each and 64 MiB;" \
    "served again $took ms after a kill"
