#!/bin/bash
#  Stops, continues, drains and reloads, and starts brokers where they may not be.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN    where the programs are                  (.build/release)

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh e2e_stop
store=$home/store
broker='' worker='' checks=0

ok ()
{
    checks=$((checks + 1))
    echo "ok: $*"
}

#  start_broker FLAG...: on the store, with quick heartbeats.
start_broker ()
{
    begin broker stint-broker --store "$store" --listen "$STINT_BROKER" --heartbeat 200ms "$@"
    broker=$last
    await 20 'the broker answers' answers
}

stop_broker ()
{
    kill -TERM "$broker"
    end 20 "$broker"
    [ "$code" -eq 0 ] || fail "the broker ended with exit code $code"
    [ ! -e "${STINT_BROKER#ipc://}" ] || fail 'its socket file is still there'
}

#  Starts a worker whose task says its name when the file is gone: start_worker NAME FILE
start_worker ()
{
    begin worker stint-worker slow --name "$1" --exec \
        "echo $1 >> $home/began; while [ -e $home/$2 ]; do read -r _ < $home/$2; done; echo $1"
    worker=$last
}

#  A task stands still as long as nobody writes to this pipe.
close_gate ()
{
    mkfifo "$home/$1"
}

open_gate ()
{
    mv "$home/$1" "$home/$1.open"
    # Wakes who waits in it; opened both ways it does not block.
    echo go 1<> "$home/$1.open"
}

has_begun ()
{
    [ "$(count_log_file "$home/began" "$1")" -ge "$2" ]
}

count_log_file ()
{
    if [ -e "$1" ]; then grep -c "^$2\$" "$1"; else echo 0; fi
}

status_is_at_least ()
{
    local found
    found=$(status "$1")
    [ -n "$found" ] && [ "$found" -ge "$2" ]
}

#  Starts a program that must refuse with this code and one line that has these words:
#  refuse CODE WORDS COMMAND...
refuse ()
{
    local wanted=$1 words=$2
    shift 2
    timeout 20 "$@" > "$home/refused" 2>&1 < /dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "$*: exit code $code, not $wanted: $(cat "$home/refused")"
    [ "$(wc -l < "$home/refused")" -eq 1 ] || fail "$*: not one line: $(cat "$home/refused")"
    grep -q -- "$words" "$home/refused" || fail "$*: no '$words' in: $(cat "$home/refused")"
    ok "refused with $wanted: $(sed "s|$home|HOME|g" "$home/refused")"
}

log_count_is ()
{
    [ "$(count_log broker "$1")" -ge "$2" ]
}

#  ---------------------------------------------------------------------------------
#  A worker that is stopped past its lease

late_worker ()
{
    local task
    start_broker
    close_gate late
    start_worker first late
    first=$worker
    task=$(stint push slow payload) || fail 'push'
    await 10 'the first worker has begun' has_begun first 1
    kill -STOP "$first"
    await 10 'the lease ends' status_is lost 1
    start_worker second none
    second=$worker
    [ "$(stint wait "$task" > /dev/null && stint result "$task")" = second ] ||
        fail "the second worker's result is '$(stint result "$task")'"
    open_gate late
    kill -CONT "$first"
    await 20 'the late result is counted as stale' status_is_at_least stale 1
    [ "$(stint result "$task")" = second ] || fail 'the late result has replaced the other'
    stint --json show "$task" | grep -q '"attempts":2' || fail "not two attempts"
    for pid in "$first" "$second"; do
        kill -TERM "$pid"
        end 10 "$pid"
        [ "$code" -eq 0 ] || fail "a worker ended with exit code $code"
    done
    stop_broker
    ok 'a worker stopped past its lease: its result is stale and counted, the other one stands'
}

#  A broker that was stopped itself does not blame its workers.

stalled_broker ()
{
    local task before
    start_broker
    before=$(count_log_file "$home/began" third)
    close_gate stall
    start_worker third stall
    task=$(stint push slow payload) || fail 'push'
    await 10 'the worker has begun' has_begun third $((before + 1))
    kill -STOP "$broker"
    nap 1500
    kill -CONT "$broker"
    await 10 'the broker answers again' answers
    await 10 'the worker is there again' status_is workers 1
    open_gate stall
    stint wait "$task" > /dev/null || fail 'the task does not end'
    [ "$(count_log_file "$home/began" third)" -eq $((before + 1)) ] || fail 'the task ran twice'
    [ "$(status lost)" = 0 ] || fail 'the worker was taken for lost'
    murder "$worker"
    stop_broker
    ok 'a broker that was stopped for longer than a lease blames nobody'
}

#  ---------------------------------------------------------------------------------
#  SIGTERM

drain ()
{
    local task began
    start_broker --drain 30s
    close_gate drain
    began=$(count_log_file "$home/began" fourth)
    start_worker fourth drain
    task=$(stint push slow payload) || fail 'push'
    await 10 'the worker has begun' has_begun fourth $((began + 1))
    kill -TERM "$broker"
    await 10 'the broker says that it drains' log_count_is 'broker.draining running=1' 1
    stint --timeout 3s push slow more > "$home/refused" 2>&1 && fail 'a push during the drain'
    has_ended "$broker" && fail 'the broker did not wait for the running task'
    open_gate drain
    end 10 "$broker"
    [ "$code" -eq 0 ] || fail "the drained broker ended with exit code $code"
    start_broker
    [ "$(stint result "$task")" = fourth ] || fail 'the result of the drain is not there'
    [ "$(status tasks)" -ge 1 ] || fail 'no task is left'
    murder "$worker"
    stop_broker
    ok 'SIGTERM waits for what runs, takes no pushes, and keeps the result'
}

drain_ends ()
{
    local task began
    close_gate forever
    began=$(count_log_file "$home/began" fifth)
    start_broker --drain 300ms
    start_worker fifth forever
    task=$(stint push slow payload) || fail 'push'
    await 10 'the worker has begun' has_begun fifth $((began + 1))
    kill -TERM "$broker"
    end 10 "$broker"
    [ "$code" -eq 0 ] || fail "exit code $code when the drain was over"
    start_broker --drain 60s
    await 20 'the worker is back' status_is workers 1
    kill -TERM "$broker"
    await 10 'it drains' log_count_is 'broker.draining running=1' 2
    kill -TERM "$broker"
    end 10 "$broker"
    [ "$code" -eq 0 ] || fail "exit code $code after the second SIGTERM"
    start_broker
    await 20 'the worker is back' status_is workers 1
    open_gate forever
    stint wait "$task" > /dev/null || fail 'the task does not end'
    [ "$(count_log_file "$home/began" fifth)" -eq $((began + 1)) ] ||
        fail 'the task ran again though its worker lived'
    murder "$worker"
    stop_broker
    ok 'a drain ends in time or at a second SIGTERM; the running task is adopted afterwards'
}

#  ---------------------------------------------------------------------------------
#  SIGHUP

write_config ()
{
    printf '%s\n' group_defaults "    max_attempts = $1" log "    level = $2" broker \
        "    liveness = $3" > "$home/broker.zpl"
}

reload ()
{
    write_config 3 info 3
    start_broker --config "$home/broker.zpl"
    write_config 7 info 3
    kill -HUP "$broker"
    await 10 'a reload' log_count_is config.reloaded 1
    stint push reload x > /dev/null || fail 'push'
    stint --json status | grep -q '"max_attempts":7' || fail 'the reload changed nothing'
    for wrong in 'many info 3' '9 loud 3' '9 info 4'; do
        before=$(count_log broker config.kept)
        # shellcheck disable=SC2086
        write_config $wrong
        kill -HUP "$broker"
        await 10 "'$wrong' is refused" log_count_is config.kept $((before + 1))
        stint --json status | grep -q '"max_attempts":7' || fail "'$wrong' was taken in part"
    done
    log_count_is 'config.needs_restart path=broker/liveness running=3 file=4' 1 ||
        fail 'what needs a restart is not named'
    log_count_is 'config.changed' 2 && fail 'a change is claimed that was not made'
    log_count_is 'config.changed path=group_defaults/max_attempts before=3 after=7' 1 ||
        fail 'the change that was made is not in the log'
    write_config 3 info 3
    kill -HUP "$broker"
    await 10 'the way back' log_count_is config.reloaded 2
    log_count_is 'path=group_defaults/max_attempts before=7 after=3' 1 ||
        fail 'the way back is not in the log'
    stop_broker
    ok 'SIGHUP takes over a good file, and nothing of one that is wrong or needs a restart'
}

#  ---------------------------------------------------------------------------------
#  Two at one place, and wrong stores

two_brokers ()
{
    start_broker
    refuse 78 "in use by process $broker" stint-broker --store "$store" \
        --listen "ipc://$home/other.sock"
    refuse 69 'another program listens there' stint-broker --store "$home/other" \
        --listen "$STINT_BROKER"
    refuse 78 '--insecure' stint-broker --ephemeral --listen tcp://127.0.0.1:18741
    refuse 78 'loopback' stint-broker --ephemeral --insecure --listen tcp://0.0.0.0:18741
    for wrong in tcp://127.0.0.1:99999 tcp://127.0.0.1:0 tcp://127.0.0.1 ipc:// nonsense; do
        refuse 64 "--listen: cannot listen on \"$wrong\"" stint-broker --ephemeral \
            --insecure --listen "$wrong"
    done
    printf 'broker\n    listen = "tcp://127.0.0.1:99999"\n' > "$home/wrong.zpl"
    refuse 78 'wrong.zpl:2: cannot listen' stint-broker --ephemeral --config "$home/wrong.zpl"
    answers || fail 'the first broker does not answer any more'
    begin tcp stint-broker --ephemeral --insecure --listen 'tcp://127.0.0.1:*'
    local tcp=$last port wrong
    await 10 'a broker on tcp' grep -qs broker.ready "$home/tcp.log"
    port=$(sed -n 's/.*broker.ready.*tcp:[^ ]*:\([0-9]*\) .*/\1/p' "$home/tcp.log")
    refuse 69 "127.0.0.1:$port" stint-broker --ephemeral --insecure \
        --listen "tcp://127.0.0.1:$port"
    stint -b "tcp://127.0.0.1:$port" -q ping || fail 'the broker on tcp does not answer'
    kill -TERM "$tcp"
    end 10 "$tcp"
    stop_broker
}

wrong_stores ()
{
    local at offsets
    refuse 78 'ot a directory' stint-broker --store "$0" --listen "$STINT_BROKER"
    mkdir "$home/foreign"
    seq 5000 > "$home/foreign/data.mdb"
    refuse 78 "$home/foreign" stint-broker --store "$home/foreign" --listen "$STINT_BROKER"
    seq 5000 | cmp -s - "$home/foreign/data.mdb" || fail "a file that is not ours was changed"

    store=$home/rotten
    start_broker
    printf 'ROTTEN%.0s' {1..2000} > "$home/payload"
    for at in 1 2 3; do
        stint push keep -f "$home/payload" > /dev/null || fail 'push'
    done
    stop_broker
    cp "$store/data.mdb" "$home/whole.mdb"
    offsets=$(grep -obUa ROTTENROTTEN "$store/data.mdb" | cut -d : -f 1 | awk 'NR % 500 == 5')
    [ -n "$offsets" ] || fail 'the payload is not in the file of the store'
    for at in $offsets; do
        printf x | dd of="$store/data.mdb" bs=1 seek="$at" conv=notrunc 2> /dev/null
    done
    refuse 78 'block' stint-broker --store "$store" --listen "$STINT_BROKER"

    # The last block is no exception: what it holds may have been acknowledged.
    for at in $(grep -obUa ROTTENROTTEN "$home/whole.mdb" | tail -n 1 | cut -d : -f 1); do
        cp "$home/whole.mdb" "$store/data.mdb"
        printf x | dd of="$store/data.mdb" bs=1 seek="$at" conv=notrunc 2> /dev/null
        refuse 78 'block' stint-broker --store "$store" --listen "$STINT_BROKER"
    done
    cp "$home/whole.mdb" "$store/data.mdb"
    start_broker
    status_is tasks 3 || fail 'the restored store does not hold three tasks'
    [ "$(count_log broker store.open_to_all)" -eq 0 ] || fail 'a store of ours is not open to all'
    stop_broker
    ok 'a store that was restored from a copy holds all'

    # Nor is a file without its head taken for a new one.
    dd if=/dev/zero of="$store/data.mdb" bs=4096 count=2 conv=notrunc 2> /dev/null
    refuse 78 'its head is damaged' stint-broker --store "$store" --listen "$STINT_BROKER"
    cp "$home/whole.mdb" "$store/data.mdb"
    chmod 777 "$store"
    start_broker
    log_count_is "store.open_to_all store=$store .*chmod o-w" 1 ||
        fail 'nothing is said about a store that every user may change'
    stop_broker
    ok 'a store that every user may change is warned about'
}

#  ---------------------------------------------------------------------------------
#  What is printed

full_output ()
{
    local flag
    for flag in --print-config --help --version; do
        stint-broker "$flag" > /dev/full 2> "$home/refused"
        code=$?
        [ "$code" -eq 74 ] || fail "$flag into a full disk: exit code $code"
        [ "$(wc -l < "$home/refused")" -eq 1 ] || fail "$flag: not one line"
        stint-broker "$flag" > "$home/refused" || fail "$flag: exit code $?"
    done
    ok 'what cannot be printed is an error'
}

full_output
late_worker
stalled_broker
drain
drain_ends
reload
two_brokers
wrong_stores
echo "$checks checks: stops, drains, reloads and refusals"
