#!/bin/bash
#  What tasks ask for, as a user asks for it: priority, keys, orders, attempts and times.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN    where the programs are                      (.build/release)

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/scene.sh e2e_terms

#  Succeeds when the group has so many tasks in a state: there_are COUNT STATE GROUP
there_are ()
{
    [ "$(stint -q ls "$3" --state "$2" --limit 1000 2> /dev/null | awk 'NR > 1' | wc -l)" \
        -eq "$1" ]
}

#  Waits for that.
soon ()
{
    await 20 "$1 tasks of $3 are $2" there_are "$@"
}

#  What the tasks of a group wrote, one behind the other, is this: wrote TEXT
wrote ()
{
    local found
    found=$(tr -d '\n' < "$home/written")
    [ "$found" = "$1" ] || fail "the tasks ran as $found, not as $1"
    : > "$home/written"
}

#  A push that is refused says why: refused PATTERN ARGUMENT...
refused ()
{
    local pattern=$1 code
    shift
    stint push "$@" > "$home/out" 2> "$home/talk"
    code=$?
    [ "$code" -ne 0 ] || fail "stint push $* was taken"
    grep -qE -- "$pattern" "$home/talk" || fail "stint push $*: $(cat "$home/talk")"
}

begin broker stint-broker --store "$home/store" --listen "$STINT_BROKER"
broker=$last
stint --timeout 20s -q ping > /dev/null || fail 'no broker comes up'
: > "$home/written"
export WRITTEN=$home/written
write='read -r text; echo "$text" >> "$WRITTEN"'

#  Higher priorities first, and keys in turns
for letter in a b c; do stint push -q row "$letter" > /dev/null; done
stint push -q row --priority 9 d > /dev/null
stint push -q row --priority 1 e > /dev/null
begin worker stint-worker row --exec "$write"
soon 5 done row
wrote dabce
for number in 1 2 3 4 5 6; do stint push -q turns --key ann "$number" > /dev/null; done
stint push -q turns --key bob x > /dev/null
stint push -q turns --key bob y > /dev/null
begin worker stint-worker turns --exec "$write"
soon 8 done turns
wrote 1x2y3456

#  At most two of a key at once
stint group set few key_running=2 || fail 'key_running is not known'
printf 'a\nb\nc\n' > "$home/lines"
begin worker stint-worker few --slots 4 --exec 'cat > /dev/null; until [ -e "$WRITTEN.go" ]; do :; done'
for number in 1 2 3 4; do stint push -q few --key ann "$number" > /dev/null; done
soon 2 running few
stint push -q few --key bob 5 > /dev/null
soon 3 running few
soon 2 ready few
: > "$WRITTEN.go"
soon 5 done few

#  So many in a time, over a restart of the broker too
stint group set paced rate=30/m burst=2 key_rate=1/m || fail 'rate is not known'
stint group list | grep -qE ' RATE +BURST +KEY_RATE' || fail 'no column for rates'
stint group list | grep -qE '^paced .* 30/m +2 +1/m' || fail "$(stint group list)"
stint group list --json | grep -q '"rate_hourly":1800,"burst":2,"key_rate_hourly":60' ||
    fail "$(stint group list --json)"
stint group set paced rate=5 2> "$home/talk" && fail 'a rate without a unit was taken'
grep -q 'rate is a rate from 1/h to 1000000/s' "$home/talk" || fail "$(cat "$home/talk")"
begin worker stint-worker paced --slots 4 --exec 'cat > /dev/null'
worker=$last
for number in 1 2 3; do stint push -q paced "$number" > /dev/null; done
soon 2 done paced
stint explain paced | grep -q 'rate: the next token comes in' || fail "$(stint explain paced)"
soon 3 done paced
stint push -q paced --key ann 4 > /dev/null
soon 4 done paced
stint push -q paced --key ann 5 > /dev/null
stint explain "$(stint -q ls paced --state ready | awk 'NR == 2 { print $1 }')" |
    grep -q 'key_rate of key "ann": the next token comes in' || fail 'key_rate is not told'
murder "$broker"
begin broker stint-broker --store "$home/store" --listen "$STINT_BROKER"
broker=$last
soon 1 ready paced
stint group set paced key_rate=0
soon 5 done paced

#  One after the other, over a failure and a restart of the broker
stint group set cart backoff=50ms
begin worker stint-worker cart --slots 4 --exec \
    'read -r text; [ "$text" != 2 ] || [ "$STINT_ATTEMPT" -gt 1 ] || exit 1
     echo "$text" >> "$WRITTEN"'
worker=$last
for number in 1 2 3; do stint push -q cart --order 7 "$number" > /dev/null; done
soon 3 done cart
wrote 123
kill "$worker"
end 10 "$worker"
for number in 4 5 6; do stint push -q cart --order 7 "$number" > /dev/null; done
soon 2 blocked cart
stint status | grep -qE '^GROUP +DELAYED +BLOCKED ' || fail 'status does not tell of them'
murder "$broker"
begin broker stint-broker --store "$home/store" --listen "$STINT_BROKER"
broker=$last
soon 2 blocked cart
stint show "$(stint -q ls cart --state blocked | awk 'NR == 2 { print $1 }')" > "$home/out"
grep -qE '^order +7$' "$home/out" || fail "show does not tell the order: $(cat "$home/out")"
begin worker stint-worker cart --slots 4 --exec "$write"
soon 6 done cart
wrote 456

#  Attempts, and times
stint push -q once --attempts 1 x > /dev/null
begin worker stint-worker once --exec 'exit 1'
soon 1 dead once
stint push -q late --expires 50ms x > /dev/null
soon 1 cancelled late
stint wait "$(stint -q ls late | awk 'NR == 2 { print $1 }')" 2> "$home/talk"
grep -q 'it expired before a worker was free for it' "$home/talk" || fail 'no word of its end'
begin worker stint-worker slow --exec 'sleep 600'
stint push -q slow --deadline 300ms x > /dev/null
soon 1 cancelled slow
stint push -q slow --time-limit 100ms --attempts 1 y > /dev/null
soon 1 dead slow
stint wait "$(stint -q ls slow --state dead | awk 'NR == 2 { print $1 }')" 2> "$home/talk"
grep -q 'time limit of 0.1 s' "$home/talk" || fail "not its limit: $(cat "$home/talk")"

#  By the clock: each run is one task, over a broker that is killed, and a pause has none
STINT_USER=ann stint schedule set pulse beat '@every 1s' x > "$home/out" || fail 'not scheduled'
grep -qE '^pulse runs next at [0-9-]+ [0-9:]+ UTC, in ' "$home/out" \
    || fail "schedule does not tell the next run: $(cat "$home/out")"
soon 2 ready beat
stint schedule pause pulse || fail 'it is not paused'
murder "$broker"
begin broker stint-broker --store "$home/store" --listen "$STINT_BROKER"
broker=$last
stint --timeout 20s -q ping > /dev/null || fail 'no broker comes up'
soon "$(stint --json schedule | sed 's/.*"runs":\([0-9]*\).*/\1/')" ready beat
stint schedule | grep -qE '^pulse +beat +@every 1s +UTC +paused .* ann$' || fail 'not listed'
stint schedule resume pulse > /dev/null
soon "$(($(stint --json schedule | sed 's/.*"runs":\([0-9]*\).*/\1/') + 1))" ready beat
stint schedule remove pulse || fail 'it is not removed'
refuses ()
{
    local pattern=$1
    shift
    stint schedule set odd beat "$@" > /dev/null 2> "$home/talk" && fail "set $* was taken"
    grep -qE -- "$pattern" "$home/talk" || fail "schedule set $*: $(cat "$home/talk")"
}
refuses 'never runs' '0 0 30 2 *'
refuses 'the second field' '0 24 * * *'
refuses 'zones with a name' '@daily' --zone Europe/Berlin
refuses 'missed is skip, once or all' '@daily' --missed twice

#  What is refused
refused 'not a number from 1 to 9' row --priority 10 x
refused 'its delay is not before its expires' row --delay 5m --expires 1m x
refused 'its deadline is before its expires' row --deadline 1m --expires 2m x
refused 'at most 64 bytes of text' row --key "$(printf '%065d' 0)" x
refused 'without control characters' row --order $'a\tb' x

echo 'e2e_terms: ok'
