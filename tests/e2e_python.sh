#!/bin/bash
#  Runs the Python client and worker against the broker, over its death and the worker's.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN    where the programs are          (.build/release)
#    PYTHON       a Python with zmq and msgpack          (python3)

set -uo pipefail
cd "$(dirname "$0")/.." || exit
bin=${STINT_BIN:-$PWD/.build/release}
python=${PYTHON:-python3}
home=$(mktemp -d /tmp/stint-python-XXXXXX) || exit
endpoint=ipc://$home/broker.sock
broker='' worker=''

clean_up ()
{
    exec 2> /dev/null  # the shell remarks on whom it buries
    for pid in "$worker" "$broker"; do
        [ -z "$pid" ] || kill -9 "$pid"
    done
    wait
    rm -rf "$home"
}
trap clean_up EXIT

fail ()
{
    echo "e2e_python: FAILED: $*"
    tail -n 20 "$home"/*.log
    exit 1
}

start_broker ()
{
    "$bin/stint-broker" --store "$home/store" --listen "$endpoint" >> "$home/broker.log" 2>&1 &
    broker=$!
}

start_worker ()
{
    "$python" examples/worker.py "$endpoint" upper >> "$home/worker.log" 2>&1 &
    worker=$!
}

#  Kills what a variable names, and waits for its end.
murder ()
{
    kill -9 "${!1}" || fail "the $1 has died by itself"
    wait "${!1}" 2> /dev/null
}

exec {silent}<> <(:)  # a pipe that nobody writes to, to wait at

#  Waits until the broker says that that many tasks have ended; it counts from its start.
await_finished ()
{
    local finished=0 until=$((SECONDS + 60))
    while [ "$SECONDS" -lt "$until" ]; do
        finished=$("$bin/stint" -b "$endpoint" --json status 2> /dev/null |
            sed -n 's/.*"finished": *\([0-9]*\).*/\1/p' | head -n 1)
        [ "${finished:-0}" -lt "$1" ] || return 0
        read -rt 0.05 -u "$silent"
    done
    fail "only ${finished:-no} tasks have ended"
}

#  Compares what the client prints with what it should.
check ()
{
    wait "$client" || fail "$1: the client ended with exit code $?"
    cmp "$home/output" "$home/right" || fail "$1: wrong output"
}

for program in client worker; do
    [ "$(wc -l < examples/$program.py)" -lt 40 ] || fail "$program.py has 40 lines or more"
done

# Short, empty and long lines: the last travel in frames of their own.
{
    printf 'one\n\ntwo words\n'
    head -c 100000 /dev/zero | tr '\0' 'x'
    echo
    head -c 65536 /dev/zero | tr '\0' 'y'
    echo
    head -c 65537 /dev/zero | tr '\0' 'z'
    echo
    seq -f 'line %.0f' 1 994
} > "$home/input"
tr '[:lower:]' '[:upper:]' < "$home/input" > "$home/right"

# Everybody waits for a broker that comes last.
start_worker
timeout 60 "$python" examples/client.py "$endpoint" upper < "$home/input" > "$home/output" \
    2> "$home/client.log" &
client=$!
start_broker
check 'plain'

# The broker and the worker are killed while there is work, and started again.
seq -f 'line %.0f' 1 30000 > "$home/input"
tr '[:lower:]' '[:upper:]' < "$home/input" > "$home/right"
timeout 120 "$python" examples/client.py "$endpoint" upper < "$home/input" > "$home/output" \
    2> "$home/client.log" &
client=$!
await_finished 2000
murder broker
start_broker
await_finished 4000
murder worker
start_worker
check 'over deaths'

kill -TERM "$broker"
wait "$broker" || fail "the broker ended with exit code $?"
broker=
echo "$(wc -l < "$home/right") lines, a broker and a worker killed, output right"
