#  Makes the rows of tests/bench_scale.sh for the table of tests/bench.sh.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: see bench.awk, whose functions and figures this uses
#
#  -v plot=KIND prints only the points of that kind, for gnuplot: how many, and the median,
#  the lowest and the highest throughput.

value("scale") != "" {
    kind_of = value("scale")
    row = kind_of SUBSEP value("n")
    if (!(row in scaled)) {
        scaled [row] = 1
        scale_row [++scale_rows] = row
    }
    note(row, "rate")
    note(row, "cpu")
    note(row, "memory")
    note(row, "seconds")
    note(row, "idle")
    note(row, "back")
    note(row, "ms")
}

#  Returns what part the row has of the throughput that it is compared with, "" without one.
function of_base (row,    part_of, base) {
    split (row, part_of, SUBSEP)
    base = part_of [1] == "map" ? "xargs" : part_of [1] == "workers" ? 10 : 0
    return part(row, part_of [1] SUBSEP base, "rate")
}

#  Returns the bytes of memory that a task takes, without the payload as far as the budget
#  of 256 MiB kept it; "" when there are too few for that to mean anything.
function task_bytes (row, number,    payload) {
    if (number < 1000000 || count [row, "memory"] == 0)
        return ""
    payload = number * 64 < 268435456 ? number * 64 : 268435456
    return (median(row, "memory") - payload) / number
}

#  Returns the words on a row that are not in a column of their own.
function scale_words (row, kind, number,    text) {
    if (kind == "recovery")
        return sprintf ("%.2f s from the start to the first answer", median(row, "seconds"))
    if (kind == "ping")
        return sprintf ("%.1f ms", median(row, "ms"))
    if (task_bytes(row, number) != "")
        text = sprintf ("%.0f B of memory a task, %.0f besides the payload", \
            median(row, "memory") / number, task_bytes(row, number))
    if (count [row, "idle"])
        text = sprintf ("%.1f %% of a core while idle, all back %.1f s after kill -9", \
            median(row, "idle"), median(row, "back"))
    return text
}

function show_scale_row (row,    part_of, kind, number, middle, text) {
    split (row, part_of, SUBSEP)
    kind = part_of [1]
    number = part_of [2]
    middle = median(row, "rate")
    if (json) {
        printf "{\"row\":\"%s\",\"n\":\"%s\"", kind, number
        print pair("rate", middle, 0) pair("spread", spread(row), 3) \
            pair("of_base", of_base(row), 3) pair("cpu", median(row, "cpu"), 3) \
            pair("task_bytes", task_bytes(row, number), 1) pair("seconds", median(row, "seconds"), 3) \
            pair("idle", median(row, "idle"), 1) pair("back", median(row, "back"), 2) \
            pair("ms", median(row, "ms"), 1) "}"
        return
    }
    if (kind == "map")
        label = "lines through true, by " number
    else if (kind == "limit")
        label = number == 1 ? "volatile, limits that do not bind" : "volatile, the broker's own limits"
    else
        label = (kind == "ping" ? "" : number == 0 ? (kind == "groups" ? "no " : "no tasks ") : thousands(number) " ") scale_title [kind]
    text = sprintf ("%-46s %10s %6s %6s %8s  %s", label, \
        middle == "" ? "" : thousands(middle), \
        percent(spread(row)), \
        digits(of_base(row), 2), digits(median(row, "cpu"), 2), \
        scale_words(row, kind, number))
    sub (/ +$/, "", text)
    print text
}

#  Returns the row with the most of that kind, "" without one; how many it is, is in most_n.
function at_most (kind, key,    at, part_of, best) {
    most_n = -1
    best = ""
    for (at = 1; at <= scale_rows; at++) {
        split (scale_row [at], part_of, SUBSEP)
        if (part_of [1] == kind && part_of [2] + 0 > most_n && count [scale_row [at], key]) {
            most_n = part_of [2] + 0
            best = scale_row [at]
        }
    }
    return best
}

#  Returns the figure of that row, as if it were a million of them.
function million (kind, key,    row) {
    row = at_most(kind, key)
    return row == "" ? "" : median(row, key) * 1e6 / most_n
}

function scale_targets (    row, have) {
    row = at_most("backlog-other", "rate")
    target("throughput with " thousands(most_n) " waiting elsewhere, of none", \
        of_base(row), ">=", 0.9, 0.9, 2)
    target("memory a waiting task, B, besides the payload", task_bytes(row, most_n), "<=", 128, 128, 0)
    row = at_most("backlog-same", "rate")
    target("throughput with " thousands(most_n) " waiting in the group, of none", \
        of_base(row), ">=", 0.9, 0.9, 2)
    have = million("recovery", "seconds")
    target("recovery, s a million live tasks, of " thousands(most_n), \
        most_n < 1000000 ? "" : have, "<=", 1, 0.4, 2)
    have = median(at_most("workers", "idle"), "idle")
    target("broker CPU, % of a core, for " thousands(most_n) " idle workers", have, "<=", 5, 5, 1)
    target("seconds until they are back after kill -9", \
        median(at_most("workers", "back"), "back"), "<=", 30, 30, 1)
    row = at_most("groups", "rate")
    target("throughput with " thousands(most_n) " groups, of none", of_base(row), ">=", 0.9, 0.9, 2)
    target("throughput with limits that do not bind, of none", \
        of_base("limit" SUBSEP 1), ">=", 0.95, 0.98, 2)
    target("stint map of true, lines a second; the goal is xargs -P2", \
        median("map" SUBSEP "stint", "rate"), ">=", 800, median("map" SUBSEP "xargs", "rate"), 0)
    target("stint ping, whole process, ms, by ipc", median("ping" SUBSEP 1, "ms"), "<=", 25, 15, 1)
}

BEGIN {
    scale_title ["backlog-other"] = "wait in another group"
    scale_title ["backlog-same"] = "wait in the same group"
    scale_title ["recovery"] = "recovered after kill -9"
    scale_title ["workers"] = "connected workers"
    scale_title ["groups"] = "other groups with a waiting task"
    scale_title ["ping"] = "stint ping, whole process"
}

#  Prints how many of its kind a row has, and its throughput, if it is of the kind to plot.
function show_point (row,    part_of, middle) {
    split (row, part_of, SUBSEP)
    middle = median(row, "rate")
    if (part_of [1] == plot && middle != "")
        print part_of [2], middle, all [row, "rate", 1], all [row, "rate", count [row, "rate"]]
}

END {
    for (at = 1; plot && at <= scale_rows; at++)
        show_point(scale_row [at])
    if (scale_rows && !quiet && !json)
        printf "%-46s %10s %6s %6s %8s\n", "64 B, durable", "tasks/s", "spread", "ratio", "CPU s/M"
    for (at = 1; at <= scale_rows && !quiet; at++)
        show_scale_row(scale_row [at])
    if (scale_rows && !quiet && !json)
        print ""
}
