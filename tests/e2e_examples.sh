#!/bin/bash
#  Installs the library, compiles the examples in C with it, runs them and the one in shell.
#  SPDX-License-Identifier: MPL-2.0
#
#    STINT_BIN    where the programs and the library are     (.build/release)

set -uo pipefail
cd "$(dirname "$0")/.." || exit
bin=${STINT_BIN:-$PWD/.build/release}
home=$(mktemp -d /tmp/stint-examples-XXXXXX) || exit
export STINT_BROKER=ipc://$home/broker.sock PATH=$bin:$PATH
pids=()

clean_up ()
{
    exec 2> /dev/null  # the shell remarks on whom it buries
    for pid in "${pids[@]}"; do
        kill -9 "$pid"
    done
    wait
    rm -rf "$home"
}
trap clean_up EXIT

fail ()
{
    echo "e2e_examples: FAILED: $*"
    tail -n 20 "$home"/*.log
    exit 1
}

stint-broker --ephemeral --listen "$STINT_BROKER" > "$home/broker.log" 2>&1 &
pids+=($!)

# As into /usr/local, but that the system's cache of libraries is left alone.
prefix=$home/prefix
install ()
{
    env -u MAKEFLAGS -u MAKELEVEL make -s "$1" B="$bin" PREFIX="$prefix" LDCONFIG=: \
        > "$home/install.log" 2>&1 || fail "make $1"
}
install install
for program in stint stint-broker stint-worker; do
    [ "$("$prefix/bin/$program" --version)" = "$program 0.1.0" ] || fail "$program was not installed"
done
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
[ "$(pkg-config --modversion stint)" = 0.1.0 ] || fail 'stint.pc has another version'

# The examples name a socket in /tmp; the test has one of its own.
for side in push work; do
    source=examples/hello/hello_$side.c
    [ "$(wc -l < $source)" -lt 20 ] || fail "$source has 20 lines or more"
    sed "s|ipc:///tmp/hello.sock|$STINT_BROKER|" $source > "$home/$side.c"
    # shellcheck disable=SC2046
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -o "$home/$side" "$home/$side.c" \
        $(pkg-config --cflags --libs stint) > "$home/cc.log" 2>&1 ||
        fail "$source does not compile"
done
"$home/work" > "$home/work.log" 2>&1 &
pids+=($!)
text=$("$home/push" 2> "$home/push.log") || fail 'hello_push fails'
[ "$text" = 'hello, world' ] || fail "hello_push prints $text"

stint-worker upper --exec 'tr a-z A-Z' > "$home/worker.log" 2>&1 &
pids+=($!)
sh examples/client.sh upper > "$home/output" 2> "$home/client.log" || fail 'client.sh fails'
printf '%s\n' 'ONE TASK' '#!/BIN/SH' ONE TWO THREE 'no broker there' > "$home/right"
diff "$home/output" "$home/right" || fail 'client.sh prints something else'

install uninstall
left=$(find "$prefix" ! -type d)
[ -z "$left" ] || fail "make uninstall leaves $left"

echo 'hello in C with the installed library, and a client in shell'
