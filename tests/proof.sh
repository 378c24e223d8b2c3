#!/bin/bash
#  Runs what tries to lose a task for as long as a release deserves, and writes a table.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/proof.sh                  as make proof does; needs the built trees
#
#    PROOF_SECONDS  how long, about (3600); below 600 some parts take longer than told
#    STINT_BIN      where the programs are             (.build/release)
#    FUZZERS        where the fuzz targets are         (.build/fuzz)
#
#  One after another: the simulator, the planted bugs it has to catch, deaths under load,
#  everything else that can be done to real processes, the soak, one disk error beside
#  beanstalkd, and the fuzzers. What each part said is in .build/proof/PART.log, the table in
#  .build/proof/table.md. Ends with 1 when a part failed, and then writes no table.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

bin=${STINT_BIN:-$PWD/.build/release}
fuzzers=${FUZZERS:-.build/fuzz}
total=${PROOF_SECONDS:-3600}
logs=.build/proof
rm -rf $logs
mkdir -p $logs
began=$SECONDS
rows=() failed=()

#  Runs one part: part NAME COMMAND...
part ()
{
    local name=$1 since=$SECONDS
    shift
    if "$@" > "$logs/$name.log" 2>&1 < /dev/null; then
        printf 'ok      %-10s %5d s  %s\n' "$name" $((SECONDS - since)) "$(tail -n 1 "$logs/$name.log")"
    else
        printf 'FAILED  %-10s %5d s  see %s\n' "$name" $((SECONDS - since)) "$logs/$name.log"
        failed+=("$name")
    fi
}

#  Prints the number that stands before a text in the log of a part, or 0: before PART TEXT
before ()
{
    local number
    number=$(grep -oE "[0-9.]+ $2" "$logs/$1.log" | tail -n 1)
    echo "${number%% *}" | grep . || echo 0
}

#  Prints the number behind a text in the log of a part, or 0: behind PART TEXT
behind ()
{
    local number
    number=$(grep -oE "$2 [0-9.]+" "$logs/$1.log" | tail -n 1)
    echo "${number##* }" | grep . || echo 0
}

#  Adds up a column of the chaos table over the faults whose name matches: faults PATTERN
#  [COLUMN], where 1 is how often it was met. Names are 32 wide.
faults ()
{
    sed -n '/^fault  /,/^$/p' "$logs/chaos.log" |
        awk -v pattern="$1" -v column="${2:-1}" \
            'substr($0, 1, 32) ~ pattern {split (substr($0, 33), n); all += n[column]} END {print all + 0}'
}

#  Adds up a column of the table of deaths under load: 2 tasks, 3 brokers, 4 workers.
deaths ()
{
    awk -v column="$1" '/^(both|living) / {all += $column} END {print all + 0}' "$logs/crash.log"
}

#  1234567 becomes 1,234,567.
readable ()
{
    echo "$1" | sed -e :a -e 's/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/;ta'
}

#  row WHAT TEXT
row ()
{
    rows+=("| $1 | $2 |")
}

of_simulator ()
{
    row 'simulated events' "$(readable "$(before simulator events)")"
    row 'simulated time' "$(behind simulator simulated) years"
    row 'crash-recoveries in it' "$(readable "$(before simulator recoveries)")"
    row 'tasks accepted in it' "$(readable "$(before simulator accepted)")"
    row 'blocks of its disk damaged' "$(readable "$(before simulator damaged)")"
    row 'planted bugs' "$(tail -n 1 "$logs/mutants.log" | sed 's/.*ok: //; s/:.*//')"
}

of_processes ()
{
    local kills
    kills=$(($(faults '^kill -9') + $(deaths 3) + $(deaths 4)))
    row 'real processes: kill -9' "$(readable $kills)"
    row 'stopped with SIGSTOP' "$(readable "$(faults SIGSTOP)")"
    row 'partitions and other cuts' "$(readable "$(faults '^(partition|half|reset|delay|1 byte|bytes)')")"
    row 'disks and stores full' "$(readable "$(faults '(disk full|size limit)')")"
    row 'errors of the disk' "$(readable "$(faults '^disk: ')")"
    row 'images of a loss of power' "$(readable "$(faults '^power lost')")"
    row 'damaged store files' "$(readable "$(faults '^store file damaged')")"
    row 'tasks accepted under all that' \
        "$(readable $(($(before chaos 'accepted tasks') + $(deaths 2))))"
}

of_losses ()
{
    row 'fuzzed inputs' "$(readable "$(before fuzz executions)"), crashes 0"
    row '**lost**' "**$(($(faults . 6) + $(behind simulator 'lost')))**"
    row '**recorded twice**' "**$(($(faults . 7) + $(behind simulator 'doubled')))**"
    row '**nobody had pushed**' "**$(faults . 8)**"
    row '**damaged and not noticed**' "**$(($(faults . 9) + $(behind simulator 'silent corruption')))**"
}

write_table ()
{
    of_simulator
    of_processes
    of_losses
    {
        echo "$(date -u +%Y-%m-%d), commit $(git describe --always --dirty 2> /dev/null || echo unknown)," \
            "$(nproc) cores, $(((SECONDS - began + 30) / 60)) minutes:"
        echo
        echo '| what | count |'
        echo '|---|---|'
        printf '%s\n' "${rows[@]}"
    } > $logs/table.md
    echo
    cat $logs/table.md
}

export STINT_BIN=$bin
kills=$((total / 18 > 20 ? total / 18 : 20))
part simulator env SIM_SECONDS=$((total * 25 / 100)) bash tests/sim.sh "$bin"
part mutants make --no-print-directory mutants
part crash env TASKS=$((kills * 10000)) BROKER_KILLS=$kills WORKER_KILLS=$((kills * 5)) bash tests/e2e_crash.sh
part chaos bash tests/e2e_chaos.sh --seconds $((total * 44 / 100))
part soak env SOAK_SECONDS=$((total / 8)) bash tests/soak.sh
part compare bash tests/compare_beanstalkd.sh

#  The fuzzers, six and two at a time, have what the others have left of the time.
each=$(((total - (SECONDS - began)) / 3 + 1))
part fuzz env SECONDS_EACH=$((each > total / 40 ? each : total / 40 + 1)) bash tests/fuzz.sh "$fuzzers"
if [ ${#failed[@]} -gt 0 ]; then
    echo "proof: FAILED: ${failed[*]}"
    exit 1
fi
write_table
