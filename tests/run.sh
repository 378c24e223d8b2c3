#!/bin/bash
#  Runs the tests of a built tree, one after another, and ends with one line of summary.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/run.sh BUILD...           as .build/release .build/asan
#
#  BUILD/check, the Criterion program, runs for each build. Then come the checks of the
#  house's own checks and each tests/e2e_*.sh, with the programs of the first build:
#
#    STINT_BIN    where they are            PYTHON    a Python that has zmq and msgpack
#    E2E          only the scripts whose name contains this       (optional)
#    E2E_SECONDS  how long one script may take                    (optional, 900)
#    OBJECTS      the simulator's, and the compiler's words, for tests/mutants.sh (optional)
#    TSAN         a build for tests/tsan.sh                       (optional)
#    FUZZERS      a build for tests/fuzz.sh                       (optional)
#
#  Of a build named asan the programs run some of the scripts again.
#
#  Everything runs even when something has failed. A script that fails shows its log. A
#  report of a sanitizer is a failure, even when the program that wrote it exits with 0,
#  which it does for leaks under Criterion.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

. tests/sanitizers.sh

first=$1
started=$SECONDS
failed=()
summary=()

#  Says how one part went: say ok|FAILED NAME SECONDS TEXT
say ()
{
    printf '%-7s %-28s %4d s  %s\n' "$1" "$2" "$3" "$4"
    if [ "$1" != ok ]; then failed+=("$2"); fi
}

#  Runs the Criterion program of one build and shows its closing lines.
run_check ()
{
    local build=$1 mode=${1##*/} began=$SECONDS status log tested reports
    log=$build/check.log
    sanitize_into "$PWD/$build/sanitizer"
    timeout -k 10 "${CHECK_SECONDS:-900}" "$build/check" --timeout 120 < /dev/null 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    tested=$(sed -n 's/.*Tested: [^0-9]*\([0-9][0-9]*\).*/\1/p' \
        <(sed 's/\x1b\[[0-9;]*m//g' "$log") | tail -1)
    reports=$(sanitizer_faults "$PWD/$build/sanitizer")
    if [ -n "$reports" ]; then
        head -40 "$(echo "$reports" | head -1)"
        say FAILED "check ($mode)" $((SECONDS - began)) "a sanitizer reports: $build/sanitizer.*"
    elif [ "$status" -ne 0 ]; then
        say FAILED "check ($mode)" $((SECONDS - began)) "exit code $status, see $log"
    elif [ "${tested:-0}" -eq 0 ]; then
        say FAILED "check ($mode)" $((SECONDS - began)) "no test has run, see $log"
    else
        say ok "check ($mode)" $((SECONDS - began)) "$tested tests"
    fi
    summary+=("${tested:-0} tests in $mode")
}

#  Runs one script; its last line is shown when all is well, its log when not. Words behind
#  the script are its arguments.
run_script ()
{
    local script=$1 name began=$SECONDS status log reports
    name=$(basename "$script" .sh)${mode:+ ($mode)}
    log=$first/${name// /.}.log
    sanitize_into "$PWD/$first/${name// /.}"
    timeout -k 10 "${E2E_SECONDS:-900}" bash "$@" < /dev/null > "$log" 2>&1
    status=$?
    reports=$(sanitizer_faults "$PWD/$first/${name// /.}")
    if [ -n "$reports" ]; then
        head -40 "$(echo "$reports" | head -1)"
        say FAILED "$name" $((SECONDS - began)) "a sanitizer reports: $(echo "$reports" | head -1)"
    elif [ "$status" -eq 0 ]; then
        say ok "$name" $((SECONDS - began)) "$(tail -n 1 "$log")"
    else
        sed 's/^/    /' "$log" | tail -n 200
        say FAILED "$name" $((SECONDS - began)) \
            "exit code $status, see $log: $(grep FAILED "$log" | tail -n 1)"
    fi
}

STINT_BIN=$(cd "$first" && pwd)
PYTHON=python3
if [ -x /usr/bin/python3 ] && ! python3 -c 'import zmq, msgpack' 2> /dev/null; then
    PYTHON=/usr/bin/python3
fi
export STINT_BIN PYTHON

for build in "$@"; do
    run_check "$build"
done
run_script tests/house_test.sh
run_script tests/sim.sh "$first"
[ -z "${OBJECTS:-}" ] || run_script tests/mutants.sh "$first"
count=0
for script in tests/e2e_*.sh; do
    [ -e "$script" ] || continue
    case $script in *"${E2E:-}"*) ;; *) continue ;; esac
    run_script "$script"
    count=$((count + 1))
done

#  The programs under sanitizers, where each process is seen to its end.
for build in "$@"; do
    [ "${build##*/}" = asan ] || continue
    run_script tests/leak_test.sh "$build"
    for script in tests/e2e_cli.sh tests/e2e_stop.sh tests/e2e_examples.sh; do
        case $script in *"${E2E:-}"*) ;; *) continue ;; esac
        mode=asan STINT_BIN=$(cd "$build" && pwd) CC="${CC:-cc} -fsanitize=address,undefined" \
            run_script "$script"
        count=$((count + 1))
    done
done
[ -z "${TSAN:-}" ] || run_script tests/tsan.sh "$TSAN"
[ -z "${FUZZERS:-}" ] || run_script tests/fuzz.sh "$FUZZERS"
summary+=("$count end-to-end scripts")

text=$(printf '%s, ' "${summary[@]}")
text="${text%, }; $((SECONDS - started)) s"
if [ ${#failed[@]} -gt 0 ]; then
    names=$(printf '%s, ' "${failed[@]}")
    echo "test: FAILED: ${names%, } ($text)"
    exit 1
fi
echo "test: ok: $text"
