#!/bin/sh
#  merge: adds up lines of a count and a word; prints each word once, in order of words
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: merge.sh FILE..., or the lines on standard input

awk 'NF == 2 { sum [$2] += $1 } END { for (word in sum) print sum [word], word }' "$@" |
    LC_ALL=C sort -k 2
