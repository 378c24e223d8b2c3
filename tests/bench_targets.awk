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

#  Prints the target for a row beside the fastest peer that keeps as much.
function peer_target (section, way, want,    row, part_of) {
    row = fastest(section, way == "stint+")
    split (row, part_of, SUBSEP)
    target(name [size [section]] (way == "stint+" ? " durable" : " volatile") \
        ", of the fastest peer" (row == "" ? "" : ": " title [part_of [4]]), \
        part(section SUBSEP way, row, "rate"), ">=", want, "", 2)
}

#  The ratios of throughput, of small and of large tasks.
function carrying_targets (    section, at, want) {
    peer_target(SMALL, "stint", 2)
    target("64 B volatile, of the relay with 64 a message", \
        part(small "stint", small "packed", "rate"), ">=", 0.5, 1, 2)
    peer_target(SMALL, "stint+", 3)
    target("64 B durable, of the durable epoll relay", \
        part(small "stint+", small "epoll+", "rate"), ">=", "", 0.8, 2)
    split ("1024 65536", want, " ")
    for (at = 1; at <= 2; at++) {
        section = want [at] SUBSEP "" SUBSEP 2
        peer_target(section, "stint", 1)
        peer_target(section, "stint+", 1)
        target(name [want [at]] " volatile, of the best libzmq relay", \
            part(section SUBSEP "stint", best_relay(section), "rate"), ">=", "", 0.8, 2)
    }
}

#  Returns the faster one of the two rows of the relay.
function best_relay (section) {
    return rate [section, "packed"] + 0 > rate [section, "relay"] + 0 \
        ? section SUBSEP "packed" : section SUBSEP "relay"
}

#  Durable, the relay's latency may be used so many times, and the disk once.
function latency_targets (    bare, sync) {
    target("one in flight, volatile, p50, of the relay", \
        part(small "stint", small "relay", "p50"), "<=", 1.5, 1.15, 2)
    target("one in flight, volatile, p99, of the relay", \
        part(small "stint", small "relay", "p99"), "<=", 1.5, 1.15, 2)
    bare = median(small "relay", "p50")
    if (count [small "epoll+", "p50"]) {
        sync = median(small "epoll+", "p50") - median(small "epoll", "p50")
        target("one in flight, durable, p50, us; the relay's and one sync", \
            median(small "stint+", "p50"), "<=", 1.5 * bare + sync, 1.15 * bare + sync, 0)
    }
    target("broker CPU, s a million small tasks, volatile", \
        median(small "stint", "cpu"), "<=", 2, 1, 2)
    target("broker CPU, s a million small tasks, durable", \
        median(small "stint+", "cpu"), "<=", 2, 1, 2)
}

#  Prints the ratios of a run as a line of tests/bench_history.md.
function history_line (    at, section) {
    printf "| %s | %s | %s | %s | %s | %s | %s | %s", version, date, \
        digits(part(small "stint", small "packed", "rate"), 2), \
        digits(part(small "stint", fastest(SMALL, 0), "rate"), 2), \
        digits(part(small "stint+", small "epoll+", "rate"), 2), \
        digits(part(small "stint+", fastest(SMALL, 1), "rate"), 2), \
        digits(part(small "stint", small "relay", "p50"), 2), \
        digits(part(small "stint+", small "epoll+", "p50"), 2)
    for (at = 1024; at <= 65536; at *= 64) {
        section = at SUBSEP "" SUBSEP 2
        printf " | %s | %s", digits(part(section SUBSEP "stint", best_relay(section), "rate"), 2), \
            digits(part(section SUBSEP "stint+", section SUBSEP "epoll+", "rate"), 2)
    }
    printf " | %s | %s |\n", digits(of_base(at_most("backlog-other", "rate")), 2), \
        digits(million("recovery", "seconds"), 2)
}

BEGIN {
    SMALL = 64 SUBSEP "" SUBSEP 2
    small = SMALL SUBSEP ""
}

END {
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
