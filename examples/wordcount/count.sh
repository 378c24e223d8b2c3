#!/bin/sh
#  count: tells how often each word stands in a text, as lines of a count and a word
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: count.sh FILE, or the file's name on standard input: the payload of a task
#
#  A word is a run of the letters A to Z; upper and lower case are the same. A text may
#  be packed with gzip. A file that is not there fails for good: exit code 66.

file=${1:-$(cat)}
[ -r "$file" ] || { echo "count: there is no file $file that can be read" >&2; exit 66; }
export LC_ALL=C
gzip -dcf < "$file" | tr -cs '[:alpha:]' '\n' | tr '[:upper:]' '[:lower:]' | sort | uniq -c
