#!/bin/sh
#  Links objects alone and fails when together they would call more than memory functions.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: tests/purity.sh OUTPUT OBJECT...
#
#  What is allowed: assert, the allocator, functions that only touch the memory they are
#  given, and what compilers add for their own checks. A clock, a socket, a file or a
#  random number would break replay, so it does not pass here.

set -eu

output=$1
shift
[ $# -gt 0 ] || { echo 'purity: no pure files'; exit 1; }

allowed='__assert_fail|malloc|calloc|realloc|reallocarray|free|abort'
allowed="$allowed|mem[a-z]+|bcmp|strlen|strnlen|strcmp|strncmp"
allowed="$allowed|__mem[a-z]+_chk|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_"
allowed="$allowed|__(asan|ubsan|tsan|gcov|llvm|sanitizer)_.*"

ld -r -o "$output" "$@"
called=$(nm -u "$output" | awk '{ print $NF }' | grep -vxE "$allowed" || true)
[ -n "$called" ] || { echo "purity: ok, $# objects"; exit 0; }

for name in $called; do
    for object in "$@"; do
        if nm -u "$object" | awk '{ print $NF }' | grep -qxF "$name"; then
            echo "$object: calls $name"
        fi
    done
done
echo 'purity: FAILED: a pure file may only use memory functions'
exit 1
