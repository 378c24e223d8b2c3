#!/bin/bash
#  Tests the checks of the house: each must pass on the tree and fail on a planted fault.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/house_test.sh             as make test does; needs the built tree
#
#  Works on a copy of the sources and of the objects in $STINT_BIN (.build/release), so
#  that nothing is planted in the tree and only the planted file is compiled again.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

copy=$(mktemp -d /tmp/stint-house-XXXXXX)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/.build"
cp -a Makefile common broker worker client tests "$copy"
mkdir "$copy/examples"
cp -a "${STINT_BIN:-.build/release}" "$copy/.build/release"

planted=0
wrong=0

#  Runs one check in the copy; its output goes to a file beside it.
house ()
{
    env -u MAKEFLAGS -u MAKELEVEL make -C "$copy" MODE=release "$1" > "$copy/output" 2>&1
}

#  Adds the text on standard input to a copy of FILE, expects CHECK to fail and to name
#  the file and WORDS, and takes the fault away: plant CHECK FILE WORDS
plant ()
{
    local check=$1 file=$2 words=$3
    [ -e "$file" ] || { echo "wrong: there is no $file to plant in"; wrong=1; return; }
    cat >> "$copy/$file"
    planted=$((planted + 1))
    if house "$check"; then
        echo "wrong: make $check passes with this in $file: $words"
        wrong=1
    elif ! grep -q "${file%.*}.*$words" "$copy/output"; then
        echo "wrong: make $check fails, but does not name $file and $words:"
        cat "$copy/output"
        wrong=1
    fi
    cp -a "$file" "$copy/$file"
    rm -f "$copy/.build/release/${file%.c}.o"
}

#  Prints a line so many times: lines COUNT TEXT
lines ()
{
    yes "$2" | head -n "$1"
}

for check in layers lengths guards banned purity; do
    if ! house "$check"; then
        echo "wrong: make $check fails on the tree as it is:"
        cat "$copy/output"
        wrong=1
    fi
done

plant purity broker/core.c 'calls time' << 'END'
long time (long *at);
long planted (void);
long planted (void) { return time ((void *) 0); }
END
plant purity common/stint_wire.c 'calls rand' << 'END'
int rand (void);
int planted (void);
int planted (void) { return rand (); }
END
plant layers broker/core.c 'broker.h' <<< '#include "broker.h"'
plant layers broker/core.c '<time.h>' <<< '#include <time.h>'
plant layers broker/task.c '<sys/socket.h>' <<< '#  include <sys/socket.h>'
plant layers common/stint_pack.c 'stint_client.h' <<< '#include "stint_client.h"'
plant layers broker/broker.c '<lmdb.h>' <<< '#include <lmdb.h>'
plant layers common/stint_wire.c '<msgpack.h>' <<< '#include <msgpack.h>'
plant banned broker/core.c 'time ()' <<< 'int64_t now = (int64_t) time (NULL);'
plant banned client/main.c 'sprintf ()' <<< 'sprintf (text, "%d", 1);'
plant banned worker/main.c 'sleep ()' <<< '    sleep (1);'
plant guards common/stint_wire.h 'SPDX' < <(sed -i 2d "$copy/common/stint_wire.h")
plant guards common/stint_wire.h 'guard' \
    < <(sed -i 's/STINT_WIRE_H/STINT_OTHER_H/' "$copy/common/stint_wire.h")
plant lengths broker/core.c 'planted has' \
    < <(printf 'void\nplanted (void)\n{\n'; lines 60 '    ;'; echo '}')
plant lengths broker/task.c 'more than 600 lines' < <(lines 600 '//  long')
plant lengths common/stint_wire.h 'more than 150 lines' < <(lines 150 '//  long')

#  Installs a package of which make believes that it is missing, on a machine that has only
#  what is said here: apt-get and sudo are played. installs CODE WORDS NAME=VALUE...
installs ()
{
    local wanted=$1 words=$2 code
    shift 2
    env -i PATH="$copy/machine" TMPDIR="$copy" "$@" setsid -w sh tests/packages.sh compare \
        > "$copy/output" 2>&1 < /dev/null
    code=$?
    if [ "$code" -ne "$wanted" ] || ! grep -q -- "$words" "$copy/output"; then
        echo "wrong: packages.sh with $*: exit code $code, not $wanted, or no '$words':"
        cat "$copy/output"
        wrong=1
    fi
    if [ "$code" -eq 0 ] && [ "$(wc -l < "$copy/output")" -ne 1 ]; then
        echo "wrong: packages.sh with $* says more than one line:"
        cat "$copy/output"
        wrong=1
    fi
}

mkdir "$copy/machine"
for tool in sh env tr sort cat mktemp rm setsid touch chmod true; do
    ln -s "$(type -P $tool)" "$copy/machine/$tool"
done
printf '#!/bin/sh\necho "$USER_ID"\n' > "$copy/machine/id"
cat > "$copy/machine/apt-get" << 'END'
#!/bin/sh
echo 'debconf: unable to initialize frontend: Dialog' >&2
[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 1
case " $* " in *" update "*) exit 0 ;; esac
[ -z "$APT_FAILS" ] || { echo 'E: no space left'; exit 100; }
touch "${0%/*}/beanstalkd" && chmod +x "${0%/*}/beanstalkd"
END
chmod +x "$copy/machine/id" "$copy/machine/apt-get"
installs 1 'E: no space left' USER_ID=0 APT_FAILS=1
installs 1 'neither root nor sudo.* apt-get install beanstalkd' USER_ID=1000
printf '#!/bin/sh\n[ "$1" = -n ] && [ -n "$MAY" ] && shift && exec env APT_FAILS= "$@"\n' \
    > "$copy/machine/sudo"
chmod +x "$copy/machine/sudo"
installs 1 'no terminal where sudo.* apt-get install beanstalkd' USER_ID=1000
installs 0 'installing Debian packages.*: beanstalkd' USER_ID=1000 MAY=yes
rm "$copy/machine/beanstalkd"
installs 0 'installing Debian packages.*: beanstalkd' USER_ID=0

[ "$wrong" -eq 0 ] || exit 1
echo "$planted planted faults, all found"
