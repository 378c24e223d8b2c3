#!/bin/bash
#  Collects what AddressSanitizer, LeakSanitizer and UBSan say, of whatever process.
#  SPDX-License-Identifier: MPL-2.0
#
#  Is sourced:   . tests/sanitizers.sh
#
#  A leak does not show in the exit code of a Criterion test, and a program that a script
#  starts has nobody who reads its standard error. So each process writes its reports into
#  files of its own, and any such file that tells of a fault is a failure.

#  Lets the processes begun from here on report into files that begin with PREFIX, which
#  is absolute; removes those of before: sanitize_into PREFIX
sanitize_into ()
{
    rm -f "$1".asan.* "$1".ubsan.*
    export ASAN_OPTIONS="log_path=$1.asan"
    export UBSAN_OPTIONS="log_path=$1.ubsan:print_stacktrace=1"
}

#  Prints the names of the files that tell of a fault, and fails when there is none:
#  sanitizer_faults PREFIX. What LeakSanitizer says of a child that exits while its threads
#  run is none.
sanitizer_faults ()
{
    local faults
    faults=$(grep -lE 'ERROR: |SUMMARY: |runtime error: ' "$1".asan.* "$1".ubsan.* 2> /dev/null)
    [ -z "$faults" ] || echo "$faults"
    [ -n "$faults" ]
}
