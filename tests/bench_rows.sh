#!/bin/bash
#  The rows of tests/bench.sh: who carries tasks of which size, and what they are told.
#  SPDX-License-Identifier: MPL-2.0
#
#  Is sourced by tests/bench.sh. A way is the name of a peer, with a + behind it when every
#  task is on disk before it is acknowledged. "packed" is the relay with 64 tasks in a
#  message. Each measurement is a line of JSON in $lines.

# tests/bench.sh assigns what is used here, and calls measure_round.
# shellcheck disable=SC2154
declare -A left_out=()  # peers that failed are not tried again

floors=(relay packed epoll epoll+)
ours=(stint stint+)
peers=()
if [ "${PEERS:-no}" = yes ]; then
    sh tests/packages.sh peers >&2 || echo 'bench: goes on with the peers that are there' >&2
    peers=(redis redis+ redis-pop gearmand gearmand+ beanstalkd beanstalkd+ nats nats+
        rabbitmq rabbitmq+)
fi

#  Says at a terminal what goes on; the next word takes its place.
say ()
{
    [ ! -t 2 ] || printf '\r\033[K%s' "$*" >&2
}

#  Finds two ports next to each other that nobody listens on: $port is the first. Those the
#  kernel gives away by itself begin at 32768.
find_port ()
{
    local at busy=1
    while [ $busy = 1 ]; do
        port=$((10000 + RANDOM % 20000))
        busy=0
        for at in $port $((port + 1)); do
            ! (exec 3<> "/dev/tcp/127.0.0.1/$at") 2> /dev/null || busy=1
        done
    done
}

#  Measures one way once: measure WAY PAYLOAD WINDOW SECONDS [OPTION...]
measure ()
{
    local way=$1 payload=$2 window=$3 seconds=$4 peer=${1%+} port arguments
    shift 4
    [ -z "${left_out[$way]:-}" ] || return 0
    [ "$way" != packed ] || peer=relay
    arguments=(--peer "$peer" --socket "$sockets/s" --payload "$payload"
        --window "$window" --seconds "$seconds" "$@")
    case $way in
    packed) arguments+=(--pack 64) ;;
    epoll*) [ "$window" -lt 4096 ] || arguments+=(--pack 64) ;;
    stint*) arguments+=(--program "$STINT_BIN/stint-broker") ;;
    gearmand* | nats* | rabbitmq*) find_port; arguments+=(--port "$port") ;;
    esac
    [[ $way != *+ ]] || arguments+=(--store "$stores/store")
    say "bench, round $round of $rounds: $way, $payload bytes, window $window $*"
    if "$STINT_BIN/bench_tasks" "${arguments[@]}" > "$sockets/line" 2> "$sockets/why"; then
        cat "$sockets/line" >> "$lines"
        [ "$json" -eq 0 ] || cat "$sockets/line"
    else
        give_up "$way" "$payload bytes, window $window" "$*"
    fi
    rm -rf "$sockets"/s* "$stores/store"
}

#  What is ours must work, and the floor it is measured against; a peer is left out.
give_up ()
{
    local way=$1
    shift
    say ''
    case $way in
    relay | packed | stint*)
        cat "$sockets/why" >&2
        echo "bench: FAILED: $way, $*" >&2
        exit 1 ;;
    esac
    left_out[$way]=1
    echo "bench: without $way: $(tail -n 1 "$sockets/why" | sed 's/^bench: //')" >&2
}

#  A window for throughput of that payload, in $window.
choose_window ()
{
    case $1 in
    65536)   window=256 ;;
    1048576) window=32 ;;
    *)       window=4096 ;;
    esac
}

#  Throughput and, unless it goes by packs, one in flight: row WAY PAYLOAD [OPTION...]
row ()
{
    local way=$1 payload=$2 window
    shift 2
    choose_window "$payload"
    measure "$way" "$payload" "$window" "$flow" "$@"
    [ "$way" = packed ] || measure "$way" "$payload" 1 "$single" "$@"
}

#  Measures every row once.
measure_round ()
{
    local payload way port window
    for payload in 64 1024 65536 1048576; do
        for way in "${floors[@]}" "${ours[@]}"; do
            #  Packing is for small tasks
            [[ $way = packed && $payload -gt 4096 ]] || row "$way" $payload
        done
    done
    for way in relay packed stint; do
        find_port
        row $way 64 --port "$port"
    done
    for workers in 1 4; do
        for way in packed epoll epoll+ "${ours[@]}"; do
            measure "$way" 64 4096 "$flow" --workers $workers
        done
    done
    for payload in 64 1024 65536; do
        for way in "${peers[@]}"; do
            choose_window $payload
            measure "$way" $payload "$window" "$flow"
            [ $payload -gt 64 ] || measure "$way" 64 1 "$single"
        done
    done
}
