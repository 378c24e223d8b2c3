#  Makes the table of tests/bench.sh from lines of bench_tasks.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: awk -v json=0 -v rounds=3 -v seconds=1.2 -v processors=2 -v disk=ext4
#             -v load=0.1 -f tests/bench.awk -f tests/bench_scale.awk -f tests/bench_targets.awk FILE
#
#  A row is one way to carry tasks of one size, a section the rows of one size, transport
#  and number of workers. Its figures are the medians over the rounds; the spread is the
#  distance of the best and the worst throughput, of the median. A way has a + behind it
#  when it is durable.

#  Returns the value of a key in the line, "" when it is not there.
function value (key) {
    if (!match ($0, "\"" key "\":\"?[^,}\"]*"))
        return ""
    found = substr ($0, RSTART, RLENGTH)
    sub (/^[^:]*:"?/, "", found)
    return found
}

function note (row, key) {
    if (value(key) != "")
        all [row, key, ++count [row, key]] = value(key) + 0
}

#  Sorts the values of a row and key, and returns the middle one, or "" when none is there.
function median (row, key,    n, at, to, held) {
    n = count [row, key]
    for (at = 2; at <= n; at++) {
        held = all [row, key, at]
        for (to = at; to > 1 && all [row, key, to - 1] > held; to--)
            all [row, key, to] = all [row, key, to - 1]
        all [row, key, to] = held
    }
    if (n == 0)
        return ""
    at = int ((n + 1) / 2)
    return n % 2 ? all [row, key, at] : (all [row, key, at] + all [row, key, at + 1]) / 2
}

function spread (row, middle) {
    return middle ? (all [row, "rate", count [row, "rate"]] - all [row, "rate", 1]) / middle : 0
}

function thousands (number,    text, at) {
    text = sprintf ("%.0f", number)
    for (at = length (text) - 3; at > 0; at -= 3)
        text = substr (text, 1, at) " " substr (text, at + 1)
    return text
}

#  Returns what part one is of the other, "" when one of them is not there.
function part (one, other) {
    return one == "" || other == "" || other == 0 ? "" : one / other
}

#  Returns a number with so many digits behind the point, "" when it is not there.
function digits (number, count) {
    return number == "" ? "" : sprintf ("%." count "f", number)
}

function ratio (one, other) {
    return digits(part(one, other), 2)
}

#  Returns a key and its number for a line of JSON, "" when it is not there.
function pair (key, number, count) {
    return number == "" ? "" : sprintf (",\"%s\":%.*f", key, count, number)
}

#  Returns the most that any peer of that durability reaches in the section, "" without one.
function fastest (section, durable,    at, most) {
    most = ""
    for (at = 1; at <= ways; at++)
        if (foreign [order [at]] && (order [at] ~ /[+]$/) == durable \
            && rate [section, order [at]] > most + 0)
            most = rate [section, order [at]]
    return most
}

function durability (way) {
    return way ~ /[+]$/ ? "+" : ""
}

#  Prints one row.
function show_row (section, way,    row, text) {
    row = section SUBSEP way
    relay = rate [section, "relay"]
    packed = way == "relay" ? "" : rate [section, "packed"]
    epoll = way ~ /^(relay|packed)/ ? "" : rate [section, "epoll" durability(way)]
    peer = way ~ /^stint/ ? fastest(section, way == "stint+") : ""
    if (json) {
        printf "{\"row\":\"%s\",\"payload\":%d,\"by\":\"%s\",\"workers\":%d,\"rate\":%.0f", \
            way, size [section], tcp [section] ? "tcp" : "ipc", pool [section], rate [row]
        print pair("spread", spread(row, rate [row]), 3) \
            pair("of_relay", part(rate [row], relay), 3) \
            pair("of_packed", part(rate [row], packed), 3) \
            pair("of_epoll", part(rate [row], epoll), 3) \
            pair("of_peer", part(rate [row], peer), 3) \
            pair("cpu", median(row, "cpu"), 3) pair("memory", median(row, "memory"), 1) \
            pair("p50", p50 [row], 0) pair("p99", p99 [row], 0) \
            pair("p999", median(row, "p999"), 0) "}"
        return
    }
    text = sprintf ("%-15s %-23s %10s %6s %6s %6s %6s %6s %8s %6s %7s %7s %7s %7s", \
        name [section], title [way], thousands(rate [row]), \
        digits(100 * spread(row, rate [row]), 0) " %", ratio(rate [row], relay), \
        ratio(rate [row], packed), ratio(rate [row], epoll), ratio(rate [row], peer), \
        digits(median(row, "cpu"), 2), digits(median(row, "memory"), 0), \
        digits(p50 [row], 0), digits(p99 [row], 0), digits(median(row, "p999"), 0), \
        ratio(p50 [row], p50 [section, "relay"]))
    sub (/ +$/, "", text)
    print text
}

function show_head () {
    if (json)
        return
    printf "1 client, 2 workers, %d processors, ipc, store on %s; ", processors, disk
    printf "%s of %s s, every result checked; load before %s\n\n", \
        rounds == 1 ? "one round" : "medians of " rounds " rounds", seconds, load
    head = "%-15s %-23s %10s %6s %6s %6s %6s %6s %8s %6s %7s %7s %7s %7s\n"
    printf head, "", "", "", "", "of", "of", "of", "of", "CPU s", "peak", "one in", "flight,", "us", "p50"
    printf head, "payload", "carried by", "tasks/s", "spread", "relay", "packed", "epoll", "peer", \
        "/million", "MiB", "p50", "p99", "p99.9", "of relay"
}

#  Gives a way its place in the table.
function place (way, text, is_foreign) {
    order [++ways] = way
    title [way] = text
    foreign [way] = is_foreign
}

BEGIN {
    place("relay", "relay, 1 a message", 0)
    place("packed", "relay, 64 a message", 0)
    place("epoll", "epoll, no library", 0)
    place("epoll+", "epoll, durable", 0)
    split ("redis-pop redis gearmand beanstalkd nats rabbitmq", foreigner, " ")
    for (at = 1; at in foreigner; at++)
        place(foreigner [at], foreigner [at], 1)
    for (at = 1; at in foreigner; at++)
        place(foreigner [at] "+", foreigner [at] ", durable", 1)
    place("stint", "stint, volatile", 0)
    place("stint+", "stint, durable", 0)
    title ["redis-pop"] = "redis-pop, loses tasks"
    name [64] = "64 B"
    name [1024] = "1 KiB"
    name [65536] = "64 KiB"
    name [1048576] = "1 MiB"
}

value("peer") != "" {
    way = value("peer")
    over_tcp = value("by") == "tcp" && (way == "stint" || way == "relay")
    if (way == "relay" && value("pack") > 1)
        way = "packed"
    if (value("durable") == 1)
        way = way "+"
    section = value("payload") SUBSEP (over_tcp ? "tcp" : "") SUBSEP value("workers")
    if (!(section in size)) {
        size [section] = value("payload")
        tcp [section] = over_tcp
        pool [section] = value("workers")
        sections [++section_count] = section
        name [section] = name [value("payload")]
        if (over_tcp)
            name [section] = name [section] ", tcp"
        if (value("workers") != 2)
            name [section] = name [section] ", " value("workers") " worker" (value("workers") > 1 ? "s" : "")
    }
    row = section SUBSEP way
    if (value("window") == 1) {
        note(row, "p50")
        note(row, "p99")
        note(row, "p999")
    } else {
        note(row, "rate")
        note(row, "cpu")
        note(row, "memory")
    }
}

END {
    for (at = 1; at <= section_count; at++)
        for (to = 1; to <= ways; to++) {
            row = sections [at] SUBSEP order [to]
            if (count [row, "rate"] > 0)
                rate [row] = median(row, "rate")
            if (count [row, "p50"] > 0) {
                p50 [row] = median(row, "p50")
                p99 [row] = median(row, "p99")
            }
        }
    quiet = history || plot
    if (!quiet)
        show_head()
    for (at = 1; at <= section_count && !quiet; at++) {
        for (to = 1; to <= ways; to++)
            if ((sections [at], order [to]) in rate)
                show_row(sections [at], order [to])
        if (!json)
            print ""
    }
}
