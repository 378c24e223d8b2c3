#!/bin/bash
#  Measures the broker beside what could replace it, in turns, and prints one table.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/bench.sh [--json | --history]   as make bench does; needs the built tree
#
#    BENCH        quick: one short round; long: ten rounds    (three rounds, 6 minutes)
#    PEERS        yes: beside Redis, gearmand, beanstalkd, NATS and RabbitMQ, too
#    SCALE        yes, or BENCH=long: up to 10 million tasks; no: none (up to a million)
#    STINT_BIN    where bench_tasks, stint-broker and the others are  (.build/release)
#    BENCH_DIR    where stores are made, a real disk                         (.build)
#
#  Each round measures every row once, so that a slow minute of the machine meets them all;
#  the table shows medians, and ends with the targets. A peer that does not run is one line
#  of text, and the rest goes on. What was measured stays in .build/bench, with a plot of
#  throughput against backlog and against connected workers.
#
#  --json prints each measurement and each row as one line of JSON instead. --history prints
#  the line of the last run for tests/bench_history.md, and measures nothing. The exit code
#  is not 0 when a result of ours was missing, wrong, or came twice; a target that is missed
#  is only said.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

STINT_BIN=${STINT_BIN:-$PWD/.build/release}
results=$PWD/.build/bench
json=0

usage ()
{
    echo "bench: $*" >&2
    exit 64
}

case ${BENCH:-} in
quick) rounds=1 flow=0.6 single=0.4 ;;
long)  rounds=10 flow=3 single=3 ;;
'')    rounds=3 flow=1.2 single=0.6 ;;
*)     usage "BENCH is quick, long or not set, and not \"$BENCH\"" ;;
esac
case ${PEERS:-no} in yes | no) ;; *) usage "PEERS is yes, no or not set" ;; esac
case ${SCALE:-} in yes | no | '') ;; *) usage "SCALE is yes, no or not set" ;; esac

#  Prints the table, or with history=1 the line of the history, from what was measured.
show ()
{
    awk -v json="$json" "$@" -f tests/bench.awk -f tests/bench_cost.awk \
        -f tests/bench_scale.awk -f tests/bench_targets.awk "$results/lines.json"
}

#  Draws throughput against backlog and against connected workers, with the points beside.
plot ()
{
    local kind
    for kind in backlog-other backlog-same workers; do
        show -v plot=$kind > "$results/$kind.points"
    done
    command -v gnuplot > /dev/null || sh tests/packages.sh bench >&2 || {
        echo 'bench: no plot, because there is no gnuplot; its points are in .build/bench' >&2
        return
    }
    for kind in backlog workers; do
        gnuplot -e "kind = '$kind'; folder = '$results'" tests/bench.gp
    done
}

#  Adds what another script measures, tests/bench_NAME.sh: more NAME. It says what is wrong
#  where its figures are.
more ()
{
    if ! STINT_BIN=$STINT_BIN bash "tests/bench_$1.sh" > "$sockets/more"; then
        say ''
        cat "$sockets/more" >&2
        exit 1
    fi
    [ "$json" -eq 0 ] || cat "$sockets/more"
    cat "$sockets/more" >> "$lines"
}

case ${1:-} in
'')     ;;
--json) json=1 ;;
--history)
    [ -e "$results/lines.json" ] || usage 'there is no last run; make bench first'
    version=$(sed -n 's/^#define STINT_VERSION "\(.*\)"/\1/p' common/stint.h)
    show -v history=1 -v version="$version" -v date="$(date -I -r "$results/lines.json")"
    exit ;;
*)      usage 'usage: tests/bench.sh [--json | --history]' ;;
esac

for program in bench_tasks bench_scale stint-broker; do
    if [ ! -x "$STINT_BIN/$program" ]; then
        echo "bench: there is no $STINT_BIN/$program; make bench builds it" >&2
        exit 69
    fi
done

# What else goes on here is not measured, but it decides what the figures are worth.
read -r load _ < /proc/loadavg
if [ "${load%.*}" -ge 1 ]; then
    echo "bench: something else is running here (load $load): these figures say little" >&2
fi

# The path of an ipc socket is short, so it is not put beside the store.
sockets=$(mktemp -d /tmp/stint-bench-XXXXXX)
stores=$(mktemp -d "${BENCH_DIR:-$PWD/.build}/bench-XXXXXX") || exit 74
trap 'rm -rf "$sockets" "$stores"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$results" || exit 74
lines=$sockets/lines
: > "$lines"

. tests/bench_rows.sh
for ((round = 1; round <= rounds; round++)); do
    measure_round
done
more cost
[ "${SCALE:-}" = no ] || more scale
say ''
mv "$lines" "$results/lines.json"

show -v rounds="$rounds" -v seconds="$flow" -v processors="$(nproc)" -v load="$load" \
    -v disk="$(df --output=fstype "$stores" | tail -n 1)"
[ "${SCALE:-}" = no ] || plot
