#  Compares what tests/bench.sh measured with what the design wants, behind its table.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: see bench.awk, whose functions and figures this uses
#
#  A target comes first, the goal after it. Nothing is asked of what was not measured.

function verdict (have, sign, want) {
    if (want == "")
        return ""
    return (sign == "<=" ? have <= want : have >= want) ? "yes" : "NO"
}

function json_verdict (key, have, sign, want, count) {
    if (want == "")
        return ""
    return sprintf (",\"%s\":%.*f,\"%s_met\":%s", key, count, want, key, \
        verdict(have, sign, want) == "yes" ? "true" : "false")
}

#  Prints one line, with so many digits behind the point.
function target (what, have, sign, want, goal, count,    text) {
    if (json) {
        if (have != "")
            printf "{\"target\":\"%s\",\"have\":%.*f%s%s}\n", what, count, have, \
                json_verdict("want", have, sign, want, count), \
                json_verdict("goal", have, sign, goal, count)
        return
    }
    if (have == "")
        text = sprintf ("%-62s %11s", what, "not measured")
    else
        text = sprintf ("%-62s %12s   %2s %10s %-4s %10s %-4s", what, digits(have, count), \
            sign, digits(want, count), verdict(have, sign, want), digits(goal, count), \
            verdict(have, sign, goal))
    sub (/ +$/, "", text)
    print text
}

function difference (one, other) {
    return one == "" || other == "" ? "" : one - other
}

#  Returns so many times a latency, and the disk on top.
function with_sync (factor, latency, sync) {
    return latency == "" || sync == "" ? "" : factor * latency + sync
}

#  The ratios of small and large tasks.
function carrying_targets (    section, at, want) {
    target("64 B volatile, of the fastest peer", \
        part(rate [small, "stint"], fastest(small, 0)), ">=", 2, "", 2)
    target("64 B volatile, of the relay with 64 a message", \
        part(rate [small, "stint"], rate [small, "packed"]), ">=", 0.5, 1, 2)
    target("64 B durable, of the fastest durable peer", \
        part(rate [small, "stint+"], fastest(small, 1)), ">=", 3, "", 2)
    target("64 B durable, of the durable epoll relay", \
        part(rate [small, "stint+"], rate [small, "epoll+"]), ">=", "", 0.8, 2)
    for (at = 1; at <= split ("1024 65536", want, " "); at++) {
        section = want [at] SUBSEP "" SUBSEP 2
        target(name [want [at]] " volatile, of the fastest peer", \
            part(rate [section, "stint"], fastest(section, 0)), ">=", 1, "", 2)
        target(name [want [at]] " durable, of the fastest durable peer", \
            part(rate [section, "stint+"], fastest(section, 1)), ">=", 1, "", 2)
        target(name [want [at]] " volatile, of the best libzmq relay", \
            part(rate [section, "stint"], larger(rate [section, "packed"], rate [section, "relay"])), \
            ">=", "", 0.8, 2)
    }
}

function larger (one, other) {
    return one + 0 > other + 0 ? one : other
}

function latency_targets (    bare, sync) {
    bare = p50 [small, "relay"]
    sync = difference(p50 [small, "epoll+"], p50 [small, "epoll"])
    target("one in flight, volatile, p50, of the relay", \
        part(p50 [small, "stint"], bare), "<=", 1.5, 1.15, 2)
    target("one in flight, volatile, p99, of the relay", \
        part(p99 [small, "stint"], p99 [small, "relay"]), "<=", 1.5, 1.15, 2)
    target("one in flight, durable, p50, us; the relay's and one sync", \
        sync == "" ? "" : p50 [small, "stint+"], "<=", with_sync(1.5, bare, sync), \
        with_sync(1.15, bare, sync), 0)
    target("broker CPU, s a million small tasks, volatile", \
        median(small SUBSEP "stint", "cpu"), "<=", 2, 1, 2)
    target("broker CPU, s a million small tasks, durable", \
        median(small SUBSEP "stint+", "cpu"), "<=", 2, 1, 2)
}

#  Prints the ratios of a run as a line of tests/bench_history.md.
function history_line () {
    printf "| %s | %s", version, date
    printf " | %s | %s | %s | %s | %s | %s", ratio(rate [small, "stint"], rate [small, "packed"]), \
        ratio(rate [small, "stint"], fastest(small, 0)), \
        ratio(rate [small, "stint+"], rate [small, "epoll+"]), \
        ratio(rate [small, "stint+"], fastest(small, 1)), \
        ratio(p50 [small, "stint"], p50 [small, "relay"]), \
        ratio(p50 [small, "stint+"], p50 [small, "epoll+"])
    for (at = 2; at <= 3; at++) {
        section = (at == 2 ? 1024 : 65536) SUBSEP "" SUBSEP 2
        printf " | %s | %s", ratio(rate [section, "stint"], \
            larger(rate [section, "packed"], rate [section, "relay"])), \
            ratio(rate [section, "stint+"], rate [section, "epoll+"])
    }
    printf " | %s | %s |\n", digits(part(at_most("backlog-other", "rate"), scale_base("backlog")), 2), \
        digits(at_most("recovery", "seconds") * 1e6 / most_n, 2)
}

END {
    small = 64 SUBSEP "" SUBSEP 2
    if (history)
        history_line()
    if (quiet)
        exit
    if (!json)
        printf "%-62s %12s   %13s %-4s %10s %-4s\n", "what the design wants", "have", \
            "target", "met", "goal", "met"
    carrying_targets()
    latency_targets()
    if (scale_rows)
        scale_targets()
}
