#!/bin/bash
#  Counts the words of the texts that come with the system, while workers and broker die.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: examples/demo.sh                as make demo does; needs the built programs
#
#    STINT_BIN     where stint, stint-broker and stint-worker are     (.build/release)
#    DEMO_FILES    at most this many files                                      (1500)
#
#  Each file is a task. The tasks go through a broker with a durable store to an elastic
#  pool of one to four workers. On the way workers and the broker are killed with SIGKILL;
#  the pool replaces its workers, and the broker is started again on the same store. In the
#  end the counts must be the very bytes that one process comes to alone; if not, or if the
#  map fails, the exit code is not 0. Everything lives in a directory under /tmp that is
#  removed at the end; only processes that were started here are killed.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
PATH=${STINT_BIN:-$PWD/.build/release}:$PATH
home=$(mktemp -d /tmp/stint-demo-XXXXXX) || exit
export STINT_BROKER=ipc://$home/broker.sock
export LC_ALL=C RUNS=$home/runs
began=$(date +%s%N)
broker='' pool='' map=''
ends=()                               # of the workers that were killed: pid and time
broker_restarts=0
bold='' plain='' line=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m' line=$'\r\e[K'; fi

clean_up ()
{
    exec 2> /dev/null  # the shell remarks on whom it buries
    trap - EXIT
    local pids
    mapfile -t pids < <(workers)
    for pid in "$map" "$pool" "${pids[@]}" "$broker"; do
        [ -z "$pid" ] || kill -9 "$pid"
    done
    wait
    rm -rf "$home"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

elapsed ()
{
    local ms=$((($(date +%s%N) - began) / 1000000))
    printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

say ()
{
    printf '%s%6s s  %s\n' "$line" "$(elapsed)" "$*"
}

title ()
{
    printf '%s\n%s%s%s\n' "$line" "$bold" "$*" "$plain"
}

fail ()
{
    printf '%sdemo: FAILED: %s\n' "$line" "$*" >&2
    tail -n 5 "$home"/*.log >&2
    exit 1
}

#  Lists texts that any Debian has, up to the number wanted, evenly chosen. Programs count
#  as texts only where there is little else.
find_texts ()
{
    local all=$home/all
    for place in /usr/share/common-licenses /usr/share/doc /usr/share/perl /usr/lib/python3 \
                 /usr/share/man /usr/include; do
        [ ! -d $place ] || find -L $place -type f -readable -size -256k \
            ! -name '*[!a-zA-Z0-9._+:@~-]*' ! -path '*[[:space:]]*' \
            ! -name '*.png' ! -name '*.gif' ! -name '*.jpg' ! -name '*.pdf' ! -name '*.py[co]' \
            2> /dev/null
    done | head -n 8000 > "$all"
    awk -v want="${DEMO_FILES:-1500}" -v have="$(wc -l < "$all")" \
        'int (NR * want / have) > int ((NR - 1) * want / have) || have <= want' "$all"
}

start_broker ()
{
    stint-broker --store "$home/store" --listen "$STINT_BROKER" >> "$home/broker.log" 2>&1 &
    broker=$!
    stint --timeout 10s ping > /dev/null 2>> "$home/broker.log" ||
        fail 'the broker does not answer'
}

start_pool ()
{
    # The shell that a worker starts for each task expands what is quoted here.
    # shellcheck disable=SC2016
    stint-worker count --min 1 --max 4 --idle 2s --exec \
        'echo "$STINT_TASK_ID $STINT_ATTEMPT $STINT_WORKER" >> "$RUNS"
         exec examples/wordcount/count.sh' >> "$home/pool.log" 2>&1 &
    pool=$!
}

#  Prints the workers of the pool, which are its children.
workers ()
{
    [ -z "$pool" ] || cat /proc/[0-9]*/stat 2> /dev/null |
        sed 's/ (.*) / /' | awk -v pool="$pool" '$2 != "Z" && $3 == pool { print $1 }'
}

#  Kills one worker of the pool; there is always one.
kill_worker ()
{
    local pids
    mapfile -t pids < <(workers)
    [ ${#pids[@]} -gt 0 ] || fail 'the pool has no worker'
    kill -9 "${pids[0]}"
    ends+=("${pids[0]} killed at $(elapsed) s")
    say "worker ${pids[0]} killed, one of ${#pids[@]}; the pool replaces it"
}

kill_broker ()
{
    local pid=$broker
    kill -9 "$pid"
    wait "$pid" 2> /dev/null
    start_broker
    broker_restarts=$((broker_restarts + 1))
    say "broker $pid killed, broker $broker started on the same store"
}

show_status ()
{
    say 'stint status says:'
    stint status | sed 's/^/          /'
}

#  Does what is planned for when that much, in percent, is done.
survive ()
{
    local plan=('8 kill_worker' '20 kill_broker' '35 kill_worker' '45 show_status'
                '55 kill_broker' '65 kill_worker' '75 kill_broker' '85 kill_worker' '100 :')
    local done_percent
    for step in "${plan[@]}"; do
        while :; do
            kill -0 "$map" 2> /dev/null || return
            [ $SECONDS -lt 300 ] || fail 'the map does not come to an end'
            done_percent=$(($(find "$home/results" -type f | wc -l) * 100 / files))
            [ "$done_percent" -lt "${step% *}" ] || break
            sleep 0.1
        done
        ${step#* }
    done
}

#  Stops what a variable names, and wants it to end well.
stop ()
{
    kill -TERM "${!1}"
    wait "${!1}" || fail "the $1 ended with exit code $?"
    printf -v "$1" ''
}

#  Counts all the files again, one after another, by one process.
count_alone ()
{
    while read -r file; do
        gzip -dcf < "$file"
        echo
    done < "$home/list" | tr -c '[:alpha:]' '\n' | tr '[:upper:]' '[:lower:]' |
        awk 'NF { count [$1]++ } END { for (word in count) print count [word], word }' |
        sort -k 2 > "$home/alone"
}

#  Prints who ran how many tasks and how each worker ended.
print_workers ()
{
    printf '\n%-28s %6s  %s\n' WORKER TASKS END
    printf '%s\n' "${ends[@]}" |
        awk 'FNR == NR { end [$1] = substr ($0, length ($1) + 2); next }
             { tasks [$3]++ }
             END { for (name in tasks) {
                       pid = name
                       sub (/.*\//, "", pid)
                       how = pid in end ? end [pid] : "idle, sent away"
                       printf "%-28s %6d  %s\n", name, tasks [name], how } }' - "$RUNS" |
        sort -t / -k 2n
}

title "Word count of texts under /usr, in $home"
find_texts > "$home/list"
files=$(wc -l < "$home/list")
[ "$files" -gt 0 ] || fail 'there are no texts under /usr'
bytes=$(tr '\n' '\0' < "$home/list" | du -Lbc --files0-from=- | tail -n 1 | cut -f 1)
say "$files files, $((bytes / 1000000)) MB as they lie there"
mkdir "$home/results"
start_broker
start_pool
say "broker $broker, pool $pool of one to four workers"

# On a terminal the map shows its bar; elsewhere what it says goes to a log.
if [ -t 2 ]; then exec 3>&2; else exec 3> "$home/map.log"; fi
mapping=$(date +%s%N)
stint map count --files --out "$home/results" < "$home/list" 2>&3 &
map=$!
survive
wait "$map" || fail "the map ended with exit code $?"
map=
mapping=$((($(date +%s%N) - mapping) / 100000000))
say 'all results are there'
for pid in $(workers); do
    ends+=("$pid stopped at the end")
done
stop pool
stop broker

find "$home/results" -type f -exec cat {} + | sh examples/wordcount/merge.sh > "$home/words"
alone=$(date +%s%N)
count_alone
alone=$((($(date +%s%N) - alone) / 100000000))
say 'counted again, by one process'

title 'The ten most frequent words'
sort -k 1,1nr -k 2 "$home/words" | sed 10q | awk '{ printf "%10d  %s\n", $1, $2 }'
title 'What ran, and what was survived'
ran=$(wc -l < "$RUNS")
row () { printf '%-28s %8s\n' "$1" "$2"; }
row 'files, each a task' "$files"
row 'results' "$(find "$home/results" -type f | wc -l)"
row 'different words' "$(wc -l < "$home/words")"
row 'words' "$(awk '{ sum += $1 } END { printf "%d", sum }' "$home/words")"
row 'workers that ran tasks' "$(cut -d ' ' -f 3 "$RUNS" | sort -u | wc -l)"
row 'workers killed' "$(printf '%s\n' "${ends[@]}" | grep -c killed)"
row 'broker killed and restarted' "$broker_restarts"
row 'tasks run again' "$((ran - files))"
row 'time with all this' "$((mapping / 10)).$((mapping % 10)) s"
row 'time of one process alone' "$((alone / 10)).$((alone % 10)) s"
print_workers
echo
if ! cmp "$home/words" "$home/alone"; then
    diff "$home/words" "$home/alone" | head -n 10
    fail 'the words are not those of one process alone'
fi
printf '%sidentical%s: %d bytes of counts, the same as by one process alone\n' \
    "$bold" "$plain" "$(wc -c < "$home/words")"
