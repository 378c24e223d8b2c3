#!/bin/bash
#  Plants a leak in a test and one in the broker: each must be found, or no leak would be.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/leak_test.sh BUILD        as make test does, with .build/asan
#
#  Works on a copy, as house_test.sh does.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/sanitizers.sh

copy=$(mktemp -d /tmp/stint-leak-XXXXXX) || exit
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/.build"
cp -a Makefile common broker worker client tests "$copy"
cp -a "${1:-.build/asan}" "$copy/.build/asan"
cd "$copy" || exit

fail ()
{
    echo "leak_test: FAILED: $*"
    tail -n 30 "$copy"/*.log
    exit 1
}

#  Builds a target of the copy: build TARGET
build ()
{
    env -u MAKEFLAGS -u MAKELEVEL make MODE=asan B=.build/asan "$1" > "$copy/build.log" 2>&1 \
        || fail "cannot build $1"
}

cat >> tests/test_text.c << 'END'
#include <stdlib.h>
char *volatile lost;
Test (planted, leak)
{
    lost = malloc (77);
    lost = NULL;
}
END
build .build/asan/check
sanitize_into "$copy/check"
.build/asan/check --filter 'planted/*' > check.log 2>&1 < /dev/null
grep -q 'Tested: .*1 ' check.log || fail 'the planted test has not run'
sanitizer_faults "$copy/check" > /dev/null || fail 'a leak of a test passes'

cat >> broker/main.c << 'END'
char *volatile lost;
__attribute__ ((constructor)) static void
planted (void)
{
    lost = malloc (77);
    lost = NULL;
}
END
build .build/asan/stint-broker
sanitize_into "$copy/broker"
.build/asan/stint-broker --ephemeral --listen "ipc://$copy/socket" > broker.log 2>&1 < /dev/null &
broker=$!
for _ in $(seq 200); do
    grep -q broker.ready broker.log && break
    read -r -t 0.05 < <(tail -f /dev/null --pid=$broker)
done
kill -TERM $broker
wait $broker
grep -q broker.ready broker.log || fail 'the broker does not start'
sanitizer_faults "$copy/broker" > /dev/null || fail 'a leak of the broker passes'

echo 'a leak in a test and one in the broker, both found'
