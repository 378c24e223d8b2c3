#!/bin/bash
#  What the scripts tests/e2e_*.sh share: a place of their own, processes, and waiting.
#  SPDX-License-Identifier: MPL-2.0
#
#  Is sourced, from the root of the tree:   . tests/scene.sh NAME PROGRAM...
#
#    STINT_BIN    where the programs are     (.build/release)
#    SEED         repeats the random choices of a run
#    KEEP         1: the directory of the run is not removed
#
#  Afterwards there are $bin, the directory $home, which is removed at the end, and
#  $STINT_BROKER in it. Only processes that `begin` started are killed.

scene=$1
shift
bin=${STINT_BIN:-$PWD/.build/release}
PATH=$bin:$PATH
for program in stint stint-broker stint-worker "$@"; do
    [ -e "$bin/$program" ] || { echo "$scene: no $bin/$program; make scenes" >&2; exit 1; }
done
home=$(mktemp -d "/tmp/stint-${scene#e2e_}-XXXXXX") || exit
export STINT_BROKER=ipc://$home/broker.sock
export LC_ALL=C
declare -A alive=()                   # what was begun and has not ended, by pid
last=                                 # pid of what was begun last
seed=${SEED:-$(od -An -N2 -tu2 /dev/urandom)}
seed=${seed// /}
RANDOM=$seed
exec {silent}<> <(:)                   # a pipe that nobody writes to

clean_up ()
{
    trap - EXIT
    exec 2> /dev/null  # what bash says of those that are killed now
    for pid in "${!alive[@]}"; do
        kill -CONT "$pid" 2> /dev/null
        kill -9 "$pid" 2> /dev/null
    done
    wait 2> /dev/null
    [ -z "${mounted:-}" ] || umount "$mounted"
    if [ "${KEEP:-0}" = 1 ]; then echo "kept: $home"; else rm -rf "$home"; fi
}
trap clean_up EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

fail ()
{
    echo "$scene: FAILED: $* (SEED=$seed)"
    stint --timeout 1s --json status 2> /dev/null
    stint --timeout 1s --json ls 2> /dev/null | head -n 5
    local logs
    mapfile -t logs < <(ls -t "$home"/*.log)
    tail -n 20 "${logs[@]:0:5}"
    exit 1
}

#  Lets so many milliseconds pass. Only to look again for a condition, or as the random
#  moment of a murder.
nap ()
{
    local rest
    printf -v rest '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
    read -rt "$rest" -u "$silent"
    return 0
}

#  Repeats a command until it succeeds: await SECONDS WHAT COMMAND...
await ()
{
    local seconds=$1 what=$2 until=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift 2
    until "$@"; do
        [ "${EPOCHREALTIME/./}" -lt "$until" ] || fail "not within $seconds s: $what"
        nap 10
    done
}

#  Starts a process, its output appended to a log: begin LOG COMMAND...
begin ()
{
    local log=$home/$1.log
    shift
    "$@" < /dev/null >> "$log" 2>&1 &
    last=$!
    alive[$last]=1
}

#  Kills a process with SIGKILL.
murder ()
{
    kill -9 "$1" || fail "process $1 has ended by itself"
    wait "$1" 2> /dev/null
    unset "alive[$1]"
}

#  Waits for the end of a process; $code is its exit code: end SECONDS PID
end ()
{
    await "$1" "process $2 ends" has_ended "$2"
    wait "$2" 2> /dev/null
    # The caller reads it.
    # shellcheck disable=SC2034
    code=$?
    unset "alive[$2]"
}

has_ended ()
{
    local state
    { read -r state < "/proc/$1/stat"; } 2> /dev/null || return 0
    state=${state##*) }
    [ "${state%% *}" = Z ]
}

#  Reads a number of a process's memory, in KiB: memory PID NAME; it is in $found
# shellcheck disable=SC2034
memory ()
{
    local name rest
    found=0
    while read -r name rest _; do
        [ "$name" != "$2:" ] || found=$rest
    done < "/proc/$1/status"
}

#  Milliseconds of processor that a process has used: processor PID; they are in $used
processor ()
{
    local fields
    read -r fields < "/proc/$1/stat"
    # shellcheck disable=SC2086
    set -- ${fields##*) }
    # The caller reads it.
    # shellcheck disable=SC2034
    used=$(((${12} + ${13}) * 1000 / $(getconf CLK_TCK)))
}

#  Returns a random number below another: chance LIMIT; it is in $drawn.
chance ()
{
    # The caller reads it.
    # shellcheck disable=SC2034
    drawn=$(((RANDOM << 15 | RANDOM) % $1))
}

#  Succeeds when the broker answers.
answers ()
{
    stint --timeout 1s -q ping > /dev/null 2>&1
}

#  Prints a number out of JSON: number NAME < JSON
number ()
{
    sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" | head -n 1
}

#  Prints a number of the broker's state, "" when it does not answer: status NAME
status ()
{
    stint --timeout 2s --json status 2> /dev/null | number "$1"
}

#  Succeeds when a number of the broker's state is that: status_is NAME NUMBER
status_is ()
{
    [ "$(status "$1")" = "$2" ]
}

#  Counts lines of a log that match: count_log LOG PATTERN
count_log ()
{
    [ ! -e "$home/$1.log" ] || grep -c -- "$2" "$home/$1.log"
}
