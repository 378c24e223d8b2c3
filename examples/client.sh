#!/bin/sh
#  client: does with the program stint what a script wants of a queue
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: client.sh GROUP                 the broker is $STINT_BROKER, or the user's own
#
#  Wants a worker that turns letters into upper case, such as
#      stint-worker upper --exec 'tr a-z A-Z'

group=${1:?usage: client.sh GROUP}

# One task: push prints its number as soon as nothing can lose it any more.
task=$(stint push "$group" 'one task') || exit
stint wait "$task" || exit
stint result "$task" || exit
echo

# The same in one go, with a file as the payload.
stint push --wait --file "$0" "$group" | sed 1q || exit

# Many tasks: each line is one, and the results come in the order of the lines.
printf '%s\n' one two three | stint map "$group" || exit

# The exit code tells what happened: 69 when no broker answers, 1 when a task failed.
stint -b ipc:///nowhere/broker.sock --timeout 200ms ping 2> /dev/null
[ $? -eq 69 ] && echo 'no broker there'
