#!/bin/bash
#  Measures the broker beside a bare libzmq relay, in turns, and prints one table.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/bench.sh [--json]         as make bench does; needs the built tree
#
#    STINT_BIN    where bench_tasks and stint-broker are     (.build/release)
#    BENCH        quick: one short round; long: ten rounds   (three rounds, 2 minutes)
#    BENCH_DIR    where the durable store is made, a real disk          (.build)
#
#  Each round measures every row once, so that a slow minute of the machine meets them all;
#  the table shows medians. --json prints each measurement and each row as one line of JSON
#  instead. The exit code is not 0 when a result was missing, wrong, or came twice; a
#  target that is missed is only said.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

STINT_BIN=${STINT_BIN:-$PWD/.build/release}
case ${BENCH:-} in
quick) rounds=1 flow=0.9 single=0.6 ;;
long)  rounds=10 flow=3 single=3 ;;
'')    rounds=3 flow=1.5 single=1 ;;
*)     echo "bench: BENCH is quick, long or not set, and not \"$BENCH\"" >&2; exit 64 ;;
esac
json=0
case ${1:-} in
'')     ;;
--json) json=1 ;;
*)      echo "bench: usage: tests/bench.sh [--json]" >&2; exit 64 ;;
esac
for program in bench_tasks stint-broker; do
    if [ ! -x "$STINT_BIN/$program" ]; then
        echo "bench: there is no $STINT_BIN/$program; make bench builds it" >&2
        exit 69
    fi
done

# The path of an ipc socket is short, so it is not put beside the store.
sockets=$(mktemp -d /tmp/stint-bench-XXXXXX)
stores=$(mktemp -d "${BENCH_DIR:-$PWD/.build}/bench-XXXXXX") || exit 74
trap 'rm -rf "$sockets" "$stores"' EXIT
trap 'exit 130' INT TERM
lines=$sockets/lines

#  Measures one row once: measure WAY PAYLOAD WINDOW SECONDS
measure ()
{
    local way=$1 payload=$2 window=$3 seconds=$4 arguments
    arguments=(--peer stint --socket "$sockets/s" --payload "$payload" --window "$window" --seconds "$seconds")
    case $way in
    relay)    arguments+=(--peer relay) ;;
    packed)   arguments+=(--peer relay --pack 64) ;;
    volatile) arguments+=(--program "$STINT_BIN/stint-broker") ;;
    durable)  arguments+=(--program "$STINT_BIN/stint-broker" --store "$stores/store") ;;
    esac
    [ -t 2 ] && printf '\r\033[K%s, round %d of %d: %s, %d bytes' bench "$round" "$rounds" "$way" "$payload" >&2
    if ! "$STINT_BIN/bench_tasks" "${arguments[@]}" > "$sockets/line"; then
        echo "bench: FAILED: $way, $payload bytes, window $window" >&2
        exit 1
    fi
    cat "$sockets/line" >> "$lines"
    [ "$json" -eq 0 ] || cat "$sockets/line"
    rm -rf "$sockets"/s* "$stores/store"
}

for ((round = 1; round <= rounds; round++)); do
    for payload in 64 1024 65536; do
        window=$((payload > 4096 ? 256 : 4096))
        for way in relay packed volatile durable; do
            measure $way $payload $window $flow
            [ $way = packed ] || measure $way $payload 1 $single
        done
    done
done
[ -t 2 ] && printf '\r\033[K' >&2

awk -v json="$json" -v rounds="$rounds" -v seconds="$flow" -v processors="$(nproc)" \
    -v disk="$(df --output=fstype "$stores" | tail -n 1)" -f tests/bench.awk "$lines"
