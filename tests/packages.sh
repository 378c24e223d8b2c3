#!/bin/sh
#  Installs what the asked for sets need and this machine does not have, and nothing else.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/packages.sh SET...   sets: build demo test check fuzz valgrind compare peers
#                                          bench
#
#  Each line of the table is a set, a Debian package, and how to see without asking a
#  package database that its content is there, so that hand-made installations and other
#  systems count as well: a pkg-config module, a program, a header, a Python module, or a
#  part of clang's runtime.

set -eu

table='
build     pkg-config       program  pkg-config
build     libc6-dev        header   assert.h
build     libczmq-dev      module   libczmq
build     libzmq3-dev      module   libzmq
build     libmsgpack-dev   module   msgpack
build     liblmdb-dev      module   lmdb
build     libxxhash-dev    module   libxxhash
demo      procps           program  ps
test      procps           program  ps
test      libcriterion-dev module   criterion
test      python3          program  python3
test      python3-zmq      python   zmq
test      python3-msgpack  python   msgpack
check     clang            program  clang
check     clang-format     program  clang-format
check     clang-tidy       program  clang-tidy
check     cppcheck         program  cppcheck
fuzz      clang            program  clang
fuzz      libclang-rt-14-dev runtime fuzzer
valgrind  valgrind         program  valgrind
compare   beanstalkd       program  beanstalkd
bench     gnuplot-nox      program  gnuplot
peers     parallel         program  parallel
peers     redis-server     program  redis-server
peers     gearman-job-server program gearmand
peers     nats-server      program  nats-server
peers     rabbitmq-server  program  rabbitmq-server
peers     beanstalkd       program  beanstalkd
'

#  Servers are where the path of a user need not lead.
PATH=$PATH:/usr/sbin

#  Debian's modules are seen by Debian's Python, which need not be the first in the path.
has_module ()
{
    "$1" -c "import importlib.util as u, sys; sys.exit(not u.find_spec('$2'))"
}

#  Prints the packages of the sets "$@" whose content is not there.
missing ()
{
    echo "$table" | while read -r set package kind name; do
        case " $* " in *" $set "*) ;; *) continue ;; esac
        case $kind in
            module) pkg-config --exists "$name" ;;
            program) command -v "$name" ;;
            header) [ -e "/usr/include/$name" ] ;;
            runtime) [ -e "$(clang -print-runtime-dir)/libclang_rt.$name-$(uname -m).a" ] ;;
            python) has_module /usr/bin/python3 "$name" || has_module python3 "$name" ;;
        esac > /dev/null 2>&1 || echo "$package"
    done | sort -u
}

wanted=$(missing "$@" | tr '\n' ' ')
[ -n "$wanted" ] || exit 0

if ! command -v apt-get > /dev/null; then
    echo "stint: missing, by their Debian names: $wanted"
    echo 'stint: there is no apt-get here; install what provides them and run make again'
    exit 1
fi

#  Says that we may not install anything, and what to type instead.
not_root ()
{
    echo "stint: missing, and $1; as root: apt-get update && apt-get install $wanted"
    exit 1
}

#  sudo asks for a password at the terminal, not at its standard input.
root=''
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || not_root 'neither root nor sudo to install it'
    root='sudo'
    if ! (: < /dev/tty) 2> /dev/null; then
        root='sudo -n'
        sudo -n true 2> /dev/null || not_root 'no terminal where sudo could ask for a password'
    fi
fi

log=$(mktemp "${TMPDIR:-/tmp}/stint-packages-XXXXXX")
trap 'rm -f "$log"' EXIT

#  apt-get, without a word unless it fails. RUNLEVEL 1: what comes with a service does not
#  start it.
apt ()
{
    $root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -y \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" < /dev/null > "$log" 2>&1 ||
        { cat "$log" >&2; return 1; }
}

echo "stint: installing Debian packages, which may take minutes: $wanted"
apt update || echo 'stint: could not update the lists; trying the old ones'
#  The list is split into words on purpose.
apt install --no-install-recommends $wanted || {
    echo "stint: could not install: $wanted"
    exit 1
}
still=$(missing "$@" | tr '\n' ' ')
[ -z "$still" ] || { echo "stint: still missing after the installation: $still"; exit 1; }
