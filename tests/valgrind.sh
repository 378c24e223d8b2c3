#!/bin/bash
#  Runs broker, worker and client under valgrind, end to end, and fails on any report.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/valgrind.sh BUILD [SCRIPT]      as .build/debug tests/e2e_hello.sh
#
#  Puts programs into BUILD/valgrind that start the real ones under valgrind, and runs
#  SCRIPT, or the short run below, with those as STINT_BIN.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=$(cd "$1" && pwd)
script=${2:-}
wrapped=$build/valgrind
rm -rf "$wrapped" && mkdir -p "$wrapped"
for program in stint stint-broker stint-worker; do
    cat > "$wrapped/$program" << END
#!/bin/sh
export LD_PRELOAD='$build/pidfd.so'
exec valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect \\
    --errors-for-leak-kinds=definite,indirect --error-exitcode=99 \\
    --log-file='$wrapped/$program.%p.log' '$build/$program' "\$@"
END
    chmod +x "$wrapped/$program"
done
export STINT_BIN=$wrapped

#  Valgrind has less address space to give than a store may take by default.
export STINT_STORE_SIZE_MAX=4G

#  Starts a broker and waits until it answers.
start_broker ()
{
    "$STINT_BIN/stint-broker" --store "$place/store" --listen "$STINT_BROKER" &
    broker=$!
    "$STINT_BIN/stint" --timeout 60s ping
}

#  A broker with a durable store, a worker, a map of 200 lines over a broker that is killed
#  and comes back, every command of the client once, and clean stops.
short_run ()
{
    local place broker worker mapper status=0
    place=$(mktemp -d /tmp/stint-valgrind-XXXXXX)
    export STINT_BROKER=ipc://$place/broker
    start_broker || status=1
    "$STINT_BIN/stint-worker" upper --slots 2 --exec 'tr a-z A-Z' &
    worker=$!
    seq -f 'line %g' 200 | "$STINT_BIN/stint" map upper > "$place/got" &
    mapper=$!
    until [ -s "$place/got" ] || ! kill -0 "$mapper"; do read -rt 0.1 <> <(:); done
    kill -9 "$broker"
    start_broker || status=1
    wait "$mapper" || status=1
    seq -f 'LINE %g' 200 | cmp - "$place/got" || status=1
    every_command || status=1
    kill -TERM "$worker" && wait "$worker" || status=1
    kill -TERM "$broker" && wait "$broker" || status=1
    rm -rf "$place"
    return "$status"
}

every_command ()
{
    local id
    [ "$("$STINT_BIN/stint" push upper one --wait)" = ONE ] || return
    id=$("$STINT_BIN/stint" push later two) || return
    "$STINT_BIN/stint" show "$id" && "$STINT_BIN/stint" ls later \
        && "$STINT_BIN/stint" cancel "$id" && "$STINT_BIN/stint" --json status \
        && "$STINT_BIN/stint" group set later max_tasks=10 \
        && ! "$STINT_BIN/stint" result 999999
}

if [ -n "$script" ]; then
    bash "$script"
else
    short_run
fi
status=$?

logs=("$wrapped"/*.log)
reports=$(find "$wrapped" -name '*.log' -size +0)
for report in $reports; do
    echo "--- $report"
    head -60 "$report"
done
if [ -n "$reports" ] || [ "$status" -ne 0 ] || [ ! -e "${logs[0]}" ]; then
    echo "valgrind: FAILED, exit code $status, logs in $wrapped"
    exit 1
fi
echo "valgrind: ok, ${#logs[@]} processes and no report"
