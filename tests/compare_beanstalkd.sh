#!/bin/bash
#  One error of the disk, then a kill: what beanstalkd had acknowledged, and what stint had.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/compare_beanstalkd.sh     as make compare does, which installs beanstalkd
#
#    STINT_BIN    where the programs are                          (.build/release)
#    TASKS        how many are pushed, one after another                    (5000)
#    NTH          which write of the log fails after the start, once, with EIO   (500)
#
#  Both keep everything on disk before they answer (beanstalkd: -b DIR -f0). io_fault.so
#  makes one write fail. Then the server is killed with SIGKILL and started again without
#  it, and what was acknowledged is compared with what is still there. Ends with 1 when
#  stint has lost one. Only the loopback is used, and only what was started here is killed.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh compare_beanstalkd crash_push io_fault.so
tasks=${TASKS:-5000}
nth=${NTH:-500}
command -v beanstalkd > /dev/null || PATH=$PATH:/usr/sbin
command -v beanstalkd > /dev/null || fail 'there is no beanstalkd; make compare installs it'
version=$(beanstalkd -v | tr -dc '0-9.')

#  Begins a command with one write below a directory failing: with_fault DIR LOG COMMAND...
#  The writes of a start without a fault are in $writes.
with_fault ()
{
    local where=$1 log=$2
    shift 2
    mkdir -p "$where"
    begin "$log" env LD_PRELOAD="$bin/io_fault.so" IO_FAULT_PATH="$where" \
        IO_FAULT_NTH=$((writes ? writes + nth : 0)) IO_FAULT_COUNT="$home/count" \
        IO_FAULT_CALL=write,pwrite,writev,pwritev "$@"
}

#  Counts the writes of a start: the server has just answered for the first time.
count_start ()
{
    murder "$last"
    writes=$(cat "$home/count")
    rm -r "$1"
}

#  ---------------------------------------------------------------------------------
#  beanstalkd

#  Connects, first where a failure ends a subshell only, and waits for an answer: it listens
#  before its log is ready.
dial ()
{
    local reply
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || return 1
    exec 3<> "/dev/tcp/127.0.0.1/$port"
    printf 'ignore default\r\n' >&3
    read -rt 10 reply <&3 && [ "$reply" = $'NOT_IGNORED\r' ]
}

#  Starts it on a free port: start_beanstalkd [COMMAND...]: what runs it.
start_beanstalkd ()
{
    chance 10000
    port=$((20000 + drawn))
    "$@" beanstalkd -l 127.0.0.1 -p $port -b "$home/binlog" -f0
    await 10 'beanstalkd answers' dial
}

#  Puts all jobs, their numbers as bodies; those that are INSERTED go to a file. A hundred at
#  a time, or the kernel would wait 40 ms for more of each.
put_all ()
{
    local number=1 answered=1 reply puts
    while [ $number -le "$tasks" ]; do
        puts=''
        for (( ; number <= tasks && number < answered + 100; number++)); do
            puts+="put 0 0 60 ${#number}"$'\r\n'"$number"$'\r\n'
        done
        printf '%s' "$puts" >&3
        for (( ; answered < number; answered++)); do
            read -rt 20 reply <&3 || fail "beanstalkd does not answer put $answered"
            case $reply in
            INSERTED*) echo $answered >> "$home/inserted" ;;
            *) echo "$answered ${reply%% *}" >> "$home/others" ;;
            esac
        done
    done
}

#  Takes all jobs that are there.
reserve_all ()
{
    local reply id body
    while printf 'reserve-with-timeout 0\r\n' >&3 && read -rt 20 reply id _ <&3; do
        [ "$reply" = RESERVED ] || break
        read -rt 20 body <&3
        echo "${body%$'\r'}" >> "$home/reserved"
        printf 'delete %s\r\n' "$id" >&3
        read -rt 20 reply <&3
    done
}

#  Counts lines of the first file that the second does not have.
missing ()
{
    comm -23 <(sort "$1") <(sort "$2") | wc -l
}

run_beanstalkd ()
{
    writes=0
    : > "$home/others"
    start_beanstalkd with_fault "$home/binlog" beanstalkd
    exec 3>&-
    count_start "$home/binlog"
    start_beanstalkd with_fault "$home/binlog" beanstalkd
    put_all
    [ "$(cat "$home/count")" -ge $((writes + nth)) ] || fail 'beanstalkd did not write so often'
    has_ended "$last" && fail 'beanstalkd has ended by itself'
    exec 3>&-
    murder "$last"
    start_beanstalkd begin beanstalkd
    reserve_all
    exec 3>&-
    murder "$last"
    theirs_accepted=$(wc -l < "$home/inserted")
    theirs_kept=$(wc -l < "$home/reserved")
    theirs_lost=$(missing "$home/inserted" "$home/reserved")
}

#  ---------------------------------------------------------------------------------
#  stint

list_all ()
{
    local after=0
    : > "$home/kept"
    while stint --json ls compare --limit 1000 --after "$after" > "$home/page" 2> /dev/null &&
        grep -q '"task"' "$home/page"; do
        sed -n 's/.*"task":\([0-9]*\).*/\1/p' "$home/page" >> "$home/kept"
        after=$(tail -n 1 "$home/kept")
    done
}

run_stint ()
{
    local pusher
    writes=0
    with_fault "$home/store" stint stint-broker --store "$home/store" --listen "$STINT_BROKER"
    await 20 'the broker answers' answers
    count_start "$home/store"
    with_fault "$home/store" stint stint-broker --store "$home/store" --listen "$STINT_BROKER"
    broker=$last
    await 20 'the broker answers' answers
    begin push crash_push "$STINT_BROKER" compare "$tasks" "$home/accepted"
    pusher=$last
    end 120 "$broker"
    ours_code=$code
    ours_first=$(wc -l < "$home/accepted")
    #  The same client goes on with the next life
    begin stint stint-broker --store "$home/store" --listen "$STINT_BROKER"
    broker=$last
    end 120 "$pusher"
    [ "$code" -eq 0 ] || fail "$(tail -n 1 "$home/push.log")"
    murder "$broker"
    begin stint stint-broker --store "$home/store" --listen "$STINT_BROKER"
    await 20 'the broker answers' answers
    list_all
    murder "$last"
    ours_accepted=$(wc -l < "$home/accepted")
    ours_kept=$(wc -l < "$home/kept")
    ours_lost=$(missing "$home/accepted" "$home/kept")
}

#  ---------------------------------------------------------------------------------

line ()
{
    printf '| %-35s | %-23s | %-24s |\n' "$1" "$2" "$3"
}

run_beanstalkd
run_stint
read -r theirs_first theirs_reply < "$home/others"
line "one write of the log fails with EIO" "beanstalkd $version -f0" "$(stint --version)"
line --- --- ---
line "acknowledged before that, of $tasks" "$((theirs_first - 1))" "$ours_first"
line 'what it does' "answers $theirs_reply, goes on" "stops with exit code $ours_code"
line 'acknowledged in the end' "$theirs_accepted" "$ours_accepted, once started again"
line 'found after kill -9 and a restart' "$theirs_kept" "$ours_kept"
line '**acknowledged and lost**' "**$theirs_lost**" "**$ours_lost**"
[ "$ours_code" -eq 74 ] || fail "the broker ended with exit code $ours_code, not 74"
[ "$ours_lost" -eq 0 ] || fail "stint has lost $ours_lost"
