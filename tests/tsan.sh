#!/bin/bash
#  Lets ThreadSanitizer watch all that has threads: the parts, and whole programs that die.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/tsan.sh BUILD             as make tsan does, with .build/tsan
#
#    TASKS    of each part of e2e_crash.sh    (optional, 10000)
#
#  Any report is a failure, of whatever process. The libraries were not built for
#  ThreadSanitizer, and libzmq hands memory from thread to thread by locks that it cannot
#  see: what it sees them do with memory is passed over (ignore_noninstrumented_modules),
#  and no single report is suppressed. That a race of our own is still seen is tried first.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=$(cd "$1" && pwd) || exit
home=$(mktemp -d /tmp/stint-tsan-XXXXXX) || exit
trap 'rm -rf "$home"' EXIT
began=$SECONDS

fail ()
{
    echo "tsan: FAILED: $*"
    head -n 60 "$home"/report.* 2> /dev/null
    grep -h FAILED "$home"/*.log
    tail -n 20 "$home"/*.log
    exit 1
}

look ()
{
    ! compgen -G "$home/report.*" > /dev/null || fail "reports of $1"
}

export TSAN_OPTIONS="log_path=$home/report ignore_noninstrumented_modules=1"
mkdir "$home/planted" "$home/parts"
"$build/tsan_parts" "$home/planted" race > "$home/planted.log" 2>&1 && fail 'a planted race is not seen'
grep -q 'data race' "$home"/report.* || fail 'a planted race is not reported'
rm -f "$home"/report.*

"$build/tsan_parts" "$home/parts" > "$home/parts.log" 2>&1 || fail 'tsan_parts fails'
look tsan_parts
STINT_BIN=$build TASKS=${TASKS:-10000} BROKER_KILLS=2 WORKER_KILLS=4 HEARTBEAT=10s \
    bash tests/e2e_crash.sh > "$home/crash.log" 2>&1 || fail 'e2e_crash.sh fails'
look e2e_crash.sh
echo "no report; $(tail -n 1 "$home/parts.log"); $(tail -n 1 "$home/crash.log"); $((SECONDS - began)) s"
