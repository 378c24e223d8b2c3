#!/bin/bash
#  Uses the program stint as people and scripts do: each command, its output, its exit code.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN    where the programs are                      (.build/release)
#    PYTHON       any Python 3, to read the JSON              (python3)

set -uo pipefail
cd "$(dirname "$0")/.." || exit
bin=${STINT_BIN:-$PWD/.build/release}
python=${PYTHON:-python3}
home=$(mktemp -d /tmp/stint-cli-XXXXXX) || exit
export STINT_BROKER=ipc://$home/broker.sock
unset NO_COLOR XDG_RUNTIME_DIR
broker=''
workers=''
checks=0

clean_up ()
{
    exec 2> /dev/null  # what bash says of those that are killed now
    for pid in $workers $broker; do
        kill -9 "$pid" 2> /dev/null
    done
    wait 2> /dev/null
    rm -rf "$home"
}
trap clean_up EXIT

fail ()
{
    echo "e2e_cli: FAILED: $*"
    tail -n 20 "$home"/*.log "$home/out" "$home/err" "$home/talk" 2> /dev/null
    exit 1
}

#  With its store, or as the arguments say.
start_broker ()
{
    "$bin/stint-broker" "${@:---store=$home/store}" --listen "$STINT_BROKER" \
        >> "$home/broker.log" 2>&1 &
    broker=$!
    "$bin/stint" --timeout 20s ping > "$home/out" 2> "$home/err" || fail 'no broker comes up'
}

start_worker ()
{
    "$bin/stint-worker" "$@" >> "$home/worker.log" 2>&1 &
    workers="$workers $!"
}

#  Runs stint and looks at its exit code; output goes to $home/out, talk to $home/err. No
#  call may take longer than 60 seconds: run CODE ARGUMENT...
run ()
{
    local wanted=$1 code
    shift
    timeout 60 "$bin/stint" "$@" > "$home/out" 2> "$home/err"
    code=$?
    checks=$((checks + 1))
    [ "$code" -eq "$wanted" ] || fail "stint $*: exit code $code, not $wanted"
}

#  The output, or the talk, of the last run is these lines: says out|err LINE...
says ()
{
    local file=$home/$1
    shift
    checks=$((checks + 1))
    [ $# -eq 0 ] || printf '%s\n' "$@" > "$home/right"
    [ $# -gt 0 ] || : > "$home/right"
    cmp -s "$home/right" "$file" || fail "wanted: $(cat "$home/right")"
}

#  It has a line that matches: has out|err PATTERN
has ()
{
    checks=$((checks + 1))
    grep -qE -- "$2" "$home/$1" || fail "nothing like $2"
}

#  Each line of the output is JSON, or each line of the talk: is_json [out|err]
is_json ()
{
    checks=$((checks + 1))
    "$python" -c 'import json, sys
lines = sys.stdin.read().splitlines()
assert lines
[json.loads (line) for line in lines]' < "$home/${1:-out}" || fail 'that is not JSON'
}

#  With --json an error is one line of JSON on standard error: fails_in_json CODE ARGUMENT...
fails_in_json ()
{
    local code=$1
    run "$@"
    is_json err
    has err "^\{\"error\":\".+\",\"code\":$code\}\$"
    [ "$(wc -l < "$home/err")" -eq 1 ] || fail 'more than one line of error'
}

#  ---------------------------------------------------------------------------------
#  Without a broker

run 0 --version
says out 'stint 0.1.0'
says err
for program in stint stint-broker stint-worker; do
    for option in --version -V; do
        [ "$("$bin/$program" $option)" = "$program 0.1.0" ] || fail "$program $option"
    done
    "$bin/$program" --help > "$home/out" || fail "$program --help"
    has out '^  -h, --help  +print this help$'
    has out '^  -V, --version  +print the version$'
done
run 0 help
commands='push map wait result status ls show explain cancel retry drop ping group worker
          version help'
for command in $commands; do
    has out "^  $command "
done
for command in $commands; do
    run 0 "$command" --help
    has out "^usage: stint $command"
    says err
    run 0 help "$command"
done

started=$EPOCHREALTIME
run 69 --timeout 300ms ping
took=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))
[ "$took" -lt 3000 ] || fail "that took $took ms"
has err "^stint: cannot reach the broker at $STINT_BROKER"
has err '^       .*from: \$STINT_BROKER .*stint-broker'
says out
printf 'one\n' > "$home/one"
run 69 --timeout 300ms map upper "$home/one"
run 69 --timeout 300ms
run 64 -b nowhere ping
has err '^stint: "nowhere" \(from -b\) is not an endpoint$'

run 64 -b '' ping
has err '^stint: --broker: its ENDPOINT is empty; give one, or leave the option out$'

run 64 psuh upper
has err '^stint: "psuh" is not a command; did you mean "push"\?$'
run 64 push
run 64 push upper one two
run 64 map upper --windwo 3
has err 'did you mean --window'
run 64 map upper --window 0
run 64 --timeout 5 ping
run 64 ls --state ded
has err 'did you mean "dead"'
run 64 group set resize backof=5s
has err 'did you mean "backoff"'
run 64 group sett resize
run 64 group set
has err '^stint: group set: which group\?$'
run 64 group set resize
has err 'which setting\? there are max_tasks, max_bytes, max_attempts, backoff, backoff_max, keep_results, max_running, weight, key_running, time_limit, rate, burst, key_rate, key_burst$'
run 64 group set resize max_attempts=1001
has err '^stint: "max_attempts=1001": max_attempts is a number from 1 to 1000, or 0 for'
run 64 group set resize max_bytes=65T
has err 'max_bytes is a size from 1 to 64T,'
run 64 group set resize max_tasks=10 keep_results=999ms
has err 'keep_results is a time from 1s to 365d,'
run 64 group set resize backoff
run 64 group set resize max_tasks=-1
run 65 show one
run 65 map upper "$home/nothing"
has err "^stint: cannot read $home/nothing: No such file"
run 65 push upper --file "$home/nothing"

fails_in_json 64 psuh upper --json
fails_in_json 64 --json map upper --window 0
fails_in_json 64 group set resize backof=5s --json
fails_in_json 65 show one --json
fails_in_json 69 --json --timeout 300ms ping
says out
run 64 push upper -- --json more  # an argument, not the option
has err '^stint: push: "more" is one argument too many$'

#  ---------------------------------------------------------------------------------
#  One task

start_broker
start_worker upper --slots 4 --exec 'tr a-z A-Z'
start_worker picky --slots 2 --exec \
    'read -r line; case $line in bad*) echo "no such page: $line" >&2; exit 65;; esac; echo "$line"'

run 0 ping
has out "^$STINT_BROKER answered in [0-9]+\.[0-9]{2} ms$"
run 0 -v ping
has err "^stint: the broker at $STINT_BROKER \(from .STINT_BROKER\)$"

run 0 push upper hello
has out '^[0-9]+$'
task=$(cat "$home/out")
run 0 wait "$task"
says out
run 0 result "$task"
[ "$(cat "$home/out")" = HELLO ] || fail 'wrong result'
[ "$(wc -c < "$home/out")" -eq 5 ] || fail 'the result has grown'
run 0 show "$task"
has out '^state +done$'
has out '^payload +-$'
run 0 ls upper
has out "^ *$task +upper +done +1 .* - +5 +-$"
run 0 push --wait upper hello
[ "$(cat "$home/out")" = HELLO ] || fail 'wrong result'

# What a worker is sent and what it sends back are bytes, not text.
head -c 100000 /dev/urandom > "$home/bytes"
start_worker bytes -- cat
run 0 push bytes --wait --file "$home/bytes"
cmp "$home/out" "$home/bytes" || fail 'other bytes came back'
timeout 60 "$bin/stint" push bytes --wait - < "$home/bytes" | cmp - "$home/bytes" ||
    fail 'other bytes came back'

run 1 push picky --wait 'bad one'
says out
has err '^stint: task [0-9]+ is dead after 1 attempt:$'
has err 'no such page: bad one'
run 0 ls picky --state dead
dead=$(awk 'NR == 2 { print $1 }' "$home/out")
run 1 wait "$task" "$dead"
run 1 result "$dead"
run 0 show "$dead"
has out '^state +dead$'
has out '^error +exit 65: no such page: bad one$'
has out '^ +bad one$'
run 0 show "$dead" --payload "$home/payload"
says out
[ "$(cat "$home/payload")" = 'bad one' ] || fail 'another payload'
run 65 show "$task" --payload "$home/payload"
has err "^stint: task $task is done: its payload is gone$"
run 65 show 999999 --payload "$home/payload"
run 65 wait 999999
run 65 show 999999
run 65 cancel "$task"
has err "cannot cancel task $task"

run 0 push nobody one
waiting=$(cat "$home/out")
run 124 wait "$waiting" --timeout 200ms
has err "^stint: task $waiting has not ended yet$"
has err "^       wait for it: stint wait $waiting$"
run 124 result "$waiting" --timeout 200ms
has err "^stint: task $waiting has not ended yet$"
run 0 push nobody two
other=$(cat "$home/out")
run 124 wait "$waiting" "$task" "$dead" "$other" --timeout 200ms
has err "^stint: task $dead is dead after 1 attempt:$"
has err "^stint: tasks $waiting $other have not ended yet$"
has err "^       wait for them: stint wait $waiting $other$"
run 124 wait "$waiting" "$task" "$other" --timeout 200ms --json
has out "^\{\"task\":$task,\"state\":\"done\""
says err "{\"error\":\"tasks $waiting $other have not ended yet\",\"code\":124}"
run 124 push --wait nobody three --timeout 200ms
has err '^stint: task [0-9]+ has not ended yet$'
run 0 cancel "$other" "$((other + 1))"
run 0 ls nobody
has out "^ *$waiting +nobody +ready "
run 0 cancel "$waiting"
run 65 push 'no group' x

#  ---------------------------------------------------------------------------------
#  Dead and cancelled tasks

run 0 retry "$waiting"
has err "^stint: task $waiting is ready again$"
run 0 retry "$waiting"
has err "^stint: task $waiting is waiting or running already$"
run 65 drop "$waiting"
has err "^stint: cannot drop task $waiting: .*has not ended"
run 65 retry "$task" "$waiting"
has err "^stint: cannot retry task $task: .*ended well"
has err "^stint: task $waiting is waiting"
run 0 push upper gone
gone=$(cat "$home/out")
run 0 wait "$gone"
run 0 drop "$gone"
run 65 show "$gone"
run 64 retry
has err '^stint: retry: which tasks\?$'
run 64 retry 1 --group picky
run 64 drop --group picky --state dad
has err 'did you mean "dead"'
run 65 retry --group picky --state done
run 65 retry --group no-such-group
has err '^stint: there is no group "no-such-group"$'
run 65 retry --group picky --batch no-such-batch
has err '^stint: there is no batch "no-such-batch" in group "picky"$'
for page in one two three; do
    run 1 push picky --wait "bad $page"
done
run 0 retry --group picky --error-like 'no such page: bad two' --dry-run
has out '^[0-9]+$'
[ "$(wc -l < "$home/out")" -eq 1 ] || fail 'more than one task'
has err '^stint: would retry 1 task of picky$'
run 0 retry --group picky --error-like 'bad t' --json
says out '{"group":"picky","retried":2}'
run 0 drop --group picky --error-like 'bad t' --quiet
says err
run 0 push nobody one
run 0 cancel --group nobody --state ready
has err '^stint: cancelled [2-9] tasks of nobody$'
run 0 retry --group nobody --state cancelled
has err '^stint: retried [2-9] tasks of nobody$'
run 0 group purge nobody
has err '^stint: cancelled [2-9] and dropped [2-9] tasks of nobody$'
run 0 ls nobody
says out
run 0 group purge nobody --json
says out '{"group":"nobody","cancelled":0,"dropped":0}'
run 65 group purge no-such-group

#  ---------------------------------------------------------------------------------
#  Many tasks

printf 'one\ntwo\n' > "$home/in"
run 0 map upper "$home/in"
says out ONE TWO
says err
printf 'one\ntwo\n' | timeout 60 "$bin/stint" map upper > "$home/out" 2> "$home/err" ||
    fail 'map of a pipe'
says out ONE TWO
seq 1 500 > "$home/in"
run 0 map upper "$home/in"
cmp "$home/in" "$home/out" || fail 'the order is lost'
run 0 map upper --window 3 --unordered "$home/in"
sort -n "$home/out" | cmp - "$home/in" || fail 'results are lost'
run 0 map upper "$home/in" "$home/in" --json
is_json
[ "$(wc -l < "$home/out")" -eq 1000 ] || fail 'not a line a task'
printf 'a\nb\0c' > "$home/in"
run 0 map -0 bytes "$home/in"
says out a b c
run 0 map upper /dev/null
says out
{ printf 'one\ntwo\n'; head -c 70000000 /dev/zero; } > "$home/long"
run 65 map upper "$home/long"
has err "^stint: $home/long: line 3 is longer than 64 MiB, the most that a task may be$"
has err '^       keep such tasks in files and push their names: stint map --files GROUP FILE'
has err '^stint: stopped; [0-2] tasks? go(es)? on at the broker$'
run 65 push upper --file "$home/long"
has err "^stint: $home/long is too large: a payload has at most 64 MiB$"
rm "$home/long"

# Names of files are tasks; results are files.
run 0 map upper --files x/one.txt two.txt
says out X/ONE.TXT TWO.TXT
run 0 map bytes --out "$home/results" --files a b
says out
[ "$(cd "$home/results" && ls -A)" = $'1\n2' ] || fail 'wrong files'
[ "$(cat "$home/results/2")" = b ] || fail 'wrong file'
run 74 map upper --files a --out "$home/in"
timeout 60 "$bin/stint" map upper --files a > /dev/full 2> "$home/err"
[ $? -eq 74 ] || fail 'a full disk was not told'
has err '^stint: cannot write to standard output: No space left'

# Failures are told at the end, and the others are printed.
printf 'good\nbad cat\nfine\n' > "$home/in"
run 1 map picky "$home/in"
says out good fine
has err '^stint: 1 of 3 tasks failed:$'
has err '^  #2  +bad cat  1 attempt  +exit 65: no such page: bad cat$'
run 1 map picky --json "$home/in"
is_json
has out '^\{"number":2,"task":[0-9]+,"state":"dead","attempts":1,"error":"exit 65: no such'

# Results come while the input goes on.
mkfifo "$home/fifo"
timeout 60 "$bin/stint" map upper > "$home/live" 2> "$home/err" < "$home/fifo" &
mapper=$!
exec 9> "$home/fifo"
echo first >&9
for ((tries = 0; tries < 2000; tries++)); do
    [ ! -s "$home/live" ] || break
    "$bin/stint" ping > /dev/null
done
[ "$(cat "$home/live")" = FIRST ] || fail 'no result before the end of the input'
echo second >&9
exec 9>&-
wait "$mapper" || fail 'map of a pipe that was slow'
[ "$(cat "$home/live")" = $'FIRST\nSECOND' ] || fail 'wrong results'

# Who reads may have had enough: the last word tells what goes on, and no error.
seq 1 5000 > "$home/in"
{
    timeout 60 "$bin/stint" map bytes --window 100 "$home/in" 2> "$home/err"
    echo $? > "$home/code"
} | head -n 1 > "$home/out"
says out 1
[ "$(cat "$home/code")" -eq 74 ] || fail "exit code $(cat "$home/code") for a closed pipe"
[ "$(wc -l < "$home/err")" -eq 1 ] || fail 'more than a last word'
has err '^stint: stopped; [0-9]+ tasks? go(es)? on at the broker$'

# Ctrl-C says what goes on.
env --default-signal=INT timeout 60 "$bin/stint" map nobody --files a b c \
    > "$home/out" 2> "$home/err" &
mapper=$!
until "$bin/stint" -q ls nobody --state ready | awk 'END { exit NR != 4 }'; do
    kill -0 "$mapper" || fail 'map has ended'
done
kill -INT "$mapper"
wait "$mapper"
[ $? -eq 130 ] || [ $? -eq 124 ] || fail 'another exit code after Ctrl-C'
has err '^stint: stopped; 3 tasks go on at the broker$'

# A terminal has a line of progress.
if command -v script > /dev/null; then
    seq 1 200 > "$home/in"
    TERM=xterm script -qec "'$bin/stint' map upper '$home/in' > /dev/null" /dev/null \
        < /dev/null > "$home/out"
    has out 'upper  \[#+\]  100 %  200/200  0 running  [0-9.]+ '
    TERM=xterm script -qec "'$bin/stint' -q map upper '$home/in' > /dev/null" /dev/null \
        < /dev/null > "$home/out"
    says out
fi

#  ---------------------------------------------------------------------------------
#  Groups, and all that prints JSON

run 0 group set small max_tasks=2 backoff=5s max_bytes=1M keep_results=2h
run 0 group list
has out '^small +0 +2 +1M +[0-9]+ +5s +[0-9a-z]+ +2h +1$'
run 0 push small a
run 0 push small b
run 75 push small c
has err '^stint: no room for a task of group "small": '
run 65 group remove small
run 65 group remove nothing
run 0 group set gone max_tasks=5 max_attempts=1000
run 0 group list
has out '^gone +0 +5 .* 1000 '
run 0 group set gone max_tasks=0
run 0 group list
has out '^gone +0 +4000000 .* 1000 '
run 0 group remove gone
run 0
has out '^stint-broker 0\.1\.0  up .*  store .*  3 workers$'
has out '^GROUP +DELAYED +READY +OLDEST +RUNNING +DONE +DEAD '
has out '^small +0 +2 '
cp "$home/out" "$home/alone"
run 0 status
[ "$(wc -l < "$home/out")" -eq "$(wc -l < "$home/alone")" ] || fail 'stint is not stint status'
has out '^upper '
run 0 --color always status
grep -q "$(printf '\033\\[1m')GROUP" "$home/out" || fail 'no colour'
for line in 'status' 'ls' 'ls small' "show $dead" 'group list' 'ping' 'version' \
    'push upper x' 'push upper x --wait' 'explain upper' 'map upper --files a b'; do
    # The line is split into words on purpose.
    run 0 $line --json
    is_json
done
run 1 wait "$dead" --json
is_json
run 1 result "$dead" --json
is_json
fails_in_json 65 show 999999 --json
fails_in_json 65 cancel "$task" --json
fails_in_json 75 push small c --json
run 0 push upper x --json
has out '^\{"task":[0-9]+\}$'
run 0 show "$dead" --json
has out '^\{"task":[0-9]+,.*"pushed_ms":[0-9]+,"until_ms":0,.*"error":"exit 65: no such page'
has out '"payload":7,'
run 0 show "$task" --json
if grep -q '"payload"' "$home/out"; then fail 'a payload that the broker let go of is told'; fi
run 0 status --json
has out '"uptime_ms":[0-9]+,.*"oldest_ms":[0-9]+,.*"backoff_ms":5000,.*"keep_results_ms":7200000'

# A paused group takes tasks, says so, and gives none out.
run 0 group set later max_running=1 weight=3
run 0 group pause later
run 0 group list
has out '^later +0 .* 1 +3 +paused( by .*)?$'
run 0 push later x
held=$(cat "$home/out")
start_worker later --slots 2 --exec cat
timeout 30 sh -c "until '$bin/stint' status | grep -q '^later[*] .* 1\$'; do :; done" ||
    fail 'the worker of a paused group is not there'
run 0 status
has out '^later\* +0 +1 '
run 124 wait "$held" --timeout 300ms
run 0 group resume later
run 0 wait "$held"
run 0 group list
has out '^later .* 3$'

# Who stops a group says why, over a restart.
STINT_USER=ann run 0 group pause later --reason 'moving disks'
kill -9 "$broker"
wait "$broker" 2> /dev/null
start_broker
run 0 group list
has out '^later .* paused by ann: "moving disks"$'
run 0 status
has out '^\*later, for [0-9.]+ m?s: paused by ann: "moving disks"$'
run 0 group list --json
has out '"paused_by":"ann","paused_reason":"moving disks","paused_at_ms":[0-9]+\}$'
run 65 group pause later --reason "$(printf 'two\nlines')"
has err 'm says why and n says who: at most 256 and 64 bytes of UTF-8 without control char'
STINT_USER=$(printf '%065d' 0) run 65 group drain later
has err '^stint: .STINT_USER is a name of at most 64 bytes'
run 64 group resume later --reason x
has err '^stint: group resume: --reason is for pause and drain$'

# A group that drains takes nothing, and does what it has.
run 0 group drain later
run 0 group list
has out '^later .* paused, draining by '
run 75 push later y
has err '^stint: no task for group "later": the group drains: it takes no tasks until somebody'
has err '^       who and why: stint status      go on: stint group resume GROUP$'
run 75 map later --files a b
has err ': the group drains: it takes no tasks until'
run 0 group resume later
run 0 push later y
held=$(cat "$home/out")
run 0 group drain later
run 0 wait "$held"
run 0 group resume later
run 0 push later --wait z
run 64 group set later weight=1001
has err 'weight is a number from 1 to 1000, or 0 for the broker.s own'
run 64 group paus later
has err 'did you mean "pause"'

# Why nothing happens.
run 0 push silent x
held=$(cat "$home/out")
run 0 push silent y
run 0 explain "$((held + 1))"
says out "$(sed -n 1p "$home/out")" '  no worker serves the group' \
    '  1 task is ahead of it in line' \
    '  the group is not paused; 0 of any number running' \
    'try: stint-worker silent --exec ...      who is there: stint worker list'
has out "^task $((held + 1)) \"silent\" ready, pushed [0-9.]+ m?s ago, attempt 1 of [0-9]+\$"
STINT_USER=ann run 0 group pause silent --reason 'moving disks'
run 0 explain silent
has out '^group "silent": 2 ready, 0 delayed, 0 blocked, 0 running$'
has out '^  the group is paused by ann, for [0-9.]+ m?s: "moving disks"$'
has out '^try: stint group resume silent$'
run 0 explain "$held" --json
is_json
has out '"gates":\[\{"gate":"paused",.*"by":"ann","reason":"moving disks","since_ms":[0-9]+\}'
run 0 explain "$dead"
has out '^  it ended .* ago, dead after 1 attempt; what it came to is kept for '
run 65 explain 999999
run 65 explain nothing
run 64 explain

# A worker finishes what it runs, and leaves.
start_worker leaving --name leaver --slots 1 --exec "until [ -e $home/go ]; do :; done; cat"
leaver=${workers##* }
run 0 push leaving x
held=$(cat "$home/out")
run 0 push leaving y
timeout 30 sh -c "until '$bin/stint' worker | grep -qE '^leaver .* busy$'; do :; done" ||
    fail 'the worker is not listed as busy'
run 0 worker drain leaver
run 0 worker list
has out '^leaver +[0-9]+ +leaving +1 .* draining$'
run 0 worker --json
is_json
has out '"name":"leaver",.*"draining":1\}$'
timeout 60 "$bin/stint" worker drain leaver --wait --json > "$home/live" 2> "$home/talk" &
drainer=$!
run 0 explain "$held"
has out 'attempt 1 is at worker leaver, for '
: > "$home/go"
wait "$drainer" || fail "drain --wait: exit code $?"
[ "$(cat "$home/live")" = '{"workers":1}' ] || fail 'other words of drain --wait'
wait "$leaver" || fail "a worker that drained: exit code $?"
run 0 result "$held"
run 0 ls leaving --state ready
has out "^ *$((held + 1)) "
run 0 explain "$((held + 1))"
has out '^  no worker serves the group; the last one, leaver, was heard [0-9.]+ m?s ago$'
run 65 worker drain leaver
has err '^stint: no worker "leaver" is connected$'
run 64 worker drain
run 64 worker stop leaver
run 64 worker list --wait

start_worker leaving --name pool --min 2 --max 2 --exec cat
leaver=${workers##* }
timeout 30 sh -c "until '$bin/stint' worker | grep -q '^pool/2 '; do :; done" ||
    fail 'the pool is not there'
run 0 worker drain pool --wait
wait "$leaver" || fail "a pool that drained: exit code $?"

# A group may hold less than a push would like to bring.
run 0 group set narrow max_tasks=5
start_worker narrow --slots 2 --exec cat
seq 1 300 > "$home/in"
run 0 map narrow "$home/in"
cmp "$home/out" "$home/in" || fail 'map through a narrow group is not what went in'

# A program says how far it is, and its last word is shown until it ends.
mkfifo "$home/turn"
start_worker pages --exec "echo nonsense >&3; echo progress 40.5 page 4 of 10 >&3; cat $home/turn"
run 0 push pages book
book=$(cat "$home/out")
timeout 30 sh -c "until '$bin/stint' show $book | grep -q ^progress; do :; done" ||
    fail 'no progress is shown'
run 0 show "$book"
has out '^progress  40\.5 % \(page 4 of 10\), [0-9.]+ m?s ago$'
run 0 show "$book" --json
is_json
has out '"progress":405,"note":"page 4 of 10","noted_ms":[0-9]+[,}]'
run 0 ls pages
has out "^ *$book +pages +running +1 +40\.5 % "
checks=$((checks + 1))
[ "$(grep -c 'progress_ignored.*nonsense' "$home/worker.log")" -eq 1 ] ||
    fail 'a line that says nothing is not warned of once'
echo read > "$home/turn"
run 0 wait "$book"
run 0 show "$book"
checks=$((checks + 1))
! grep -q '^progress' "$home/out" || fail 'a task that has ended shows progress'

#  ---------------------------------------------------------------------------------
#  A broker that dies in the midst

start_worker slow --slots 2 --exec 'head -c 3000000 /dev/zero | md5sum > /dev/null; cat'
seq 1 300 > "$home/in"
timeout 120 "$bin/stint" map slow "$home/in" > "$home/live" 2> "$home/err" &
mapper=$!
for ((deaths = 1; deaths <= 3; deaths++)); do
    until [ "$(wc -l < "$home/live")" -ge $((deaths * 60)) ]; do
        kill -0 "$mapper" || fail 'map has ended'
    done
    kill -9 "$broker" || fail 'the broker has died by itself'
    wait "$broker" 2> /dev/null
    start_broker
done
wait "$mapper" || fail "map over the death of the broker: exit code $?"
cmp "$home/live" "$home/in" || fail 'results are lost or doubled'

# One that has kept nothing does not know what it was asked to do.
kill -9 "$broker"
wait "$broker" 2> /dev/null
start_broker --ephemeral
timeout 60 "$bin/stint" map nobody --files a b > "$home/live" 2> "$home/talk" &
mapper=$!
until "$bin/stint" -q ls nobody --state ready 2> /dev/null | awk 'END { exit NR != 3 }'; do
    kill -0 "$mapper" || fail 'map has ended'
done
kill -9 "$broker"
wait "$broker" 2> /dev/null
start_broker --ephemeral
wait "$mapper"
[ $? -eq 65 ] || fail 'map of a batch that is gone has another exit code'
has talk '^stint: batch batch-[0-9a-f]+: no such batch$'
says live

echo "e2e_cli: ok: $checks checks"
