#  Makes the table of tests/bench.sh from lines of bench_tasks.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: awk -v json=0 -v rounds=3 -v seconds=1.2 -v processors=2 -v disk=ext4
#             -v load=0.1 -f tests/bench.awk -f tests/bench_cost.awk -f tests/bench_scale.awk
#             -f tests/bench_targets.awk FILE
#
#  A row is one way to carry tasks of one size, a section the rows of one size, transport
#  and number of workers. Its figures are the medians over the rounds; the spread is the
#  distance of the best and the worst throughput, of the median. A ratio is the median of
#  the rounds' ratios, because a slow minute of the machine meets both sides of it. A way
#  has a + behind it when it is durable.

#  Returns the value of a key in the line, "" when it is not there.
function value (key) {
    if (!match ($0, "\"" key "\":\"?[^,}\"]*"))
        return ""
    found = substr ($0, RSTART, RLENGTH)
    sub (/^[^:]*:"?/, "", found)
    return found
}

function note (row, key) {
    if (value(key) == "")
        return
    all [row, key, ++count [row, key]] = value(key) + 0
    in_order [row, key, count [row, key]] = value(key) + 0
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

#  Returns the distance of the best and the worst throughput, of the median; "" for one.
function spread (row,    n) {
    n = count [row, "rate"]
    return n < 2 ? "" : (all [row, "rate", n] - all [row, "rate", 1]) / median(row, "rate")
}

#  Returns a ratio in hundredths, for people.
function percent (number) {
    return number == "" ? "" : sprintf ("%.0f %%", 100 * number)
}

function thousands (number,    text, at) {
    text = sprintf ("%.0f", number)
    for (at = length (text) - 3; at > 0; at -= 3)
        text = substr (text, 1, at) " " substr (text, at + 1)
    return text
}

#  Returns what part a row has of another, by the median of the rounds; "" when one of them
#  is not there.
function part (row, other, key,    n, at) {
    n = count [row, key]
    if (n == 0 || count [other, key] == 0)
        return ""
    if (n != count [other, key])
        return median(row, key) / median(other, key)
    count ["part", key] = n
    for (at = 1; at <= n; at++)
        all ["part", key, at] = in_order [row, key, at] / in_order [other, key, at]
    return median("part", key)
}

#  Returns a number with so many digits behind the point, "" when it is not there.
function digits (number, count) {
    return number == "" ? "" : sprintf ("%." count "f", number)
}

#  Returns a key and its number for a line of JSON, "" when it is not there.
function pair (key, number, count) {
    return number == "" ? "" : sprintf (",\"%s\":%.*f", key, count, number)
}

#  Returns the row of the fastest peer of that durability in the section, "" without one.
function fastest (section, durable,    at, row, best) {
    best = ""
    for (at = 1; at <= ways; at++) {
        row = section SUBSEP order [at]
        if (foreign [order [at]] && (order [at] ~ /[+]$/) == durable && count [row, "rate"] \
            && (best == "" || rate [row] > rate [best]))
            best = row
    }
    return best
}

#  Prints one row.
function show_row (section, way,    row, text, relay, packed, epoll, peer, slower) {
    row = section SUBSEP way
    relay = part(row, section SUBSEP "relay", "rate")
    packed = way == "relay" ? "" : part(row, section SUBSEP "packed", "rate")
    epoll = way ~ /^(relay|packed)/ ? "" : \
        part(row, section SUBSEP "epoll" (way ~ /[+]$/ ? "+" : ""), "rate")
    peer = way ~ /^stint/ ? part(row, fastest(section, way == "stint+"), "rate") : ""
    slower = part(row, section SUBSEP "relay", "p50")
    if (json) {
        printf "{\"row\":\"%s\",\"payload\":%d,\"by\":\"%s\",\"workers\":%d,\"rate\":%.0f", \
            way, size [section], tcp [section] ? "tcp" : "ipc", pool [section], rate [row]
        print pair("spread", spread(row), 3) pair("of_relay", relay, 3) \
            pair("of_packed", packed, 3) pair("of_epoll", epoll, 3) pair("of_peer", peer, 3) \
            pair("cpu", median(row, "cpu"), 3) pair("memory", median(row, "memory"), 1) \
            pair("p50", median(row, "p50"), 0) pair("p99", median(row, "p99"), 0) \
            pair("p999", median(row, "p999"), 0) pair("p50_of_relay", slower, 3) "}"
        return
    }
    text = sprintf ("%-15s %-23s %10s %6s %6s %6s %6s %6s %8s %6s %7s %7s %7s %7s", \
        name [section], title [way], thousands(rate [row]), \
        percent(spread(row)), digits(relay, 2), digits(packed, 2), \
        digits(epoll, 2), digits(peer, 2), digits(median(row, "cpu"), 2), \
        digits(median(row, "memory"), 0), digits(median(row, "p50"), 0), \
        digits(median(row, "p99"), 0), digits(median(row, "p999"), 0), digits(slower, 2))
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
    }
    else {
        note(row, "rate")
        note(row, "cpu")
        note(row, "memory")
    }
}

END {
    for (at = 1; at <= section_count; at++)
        for (to = 1; to <= ways; to++) {
            row = sections [at] SUBSEP order [to]
            if (count [row, "rate"])
                rate [row] = median(row, "rate")
        }
    quiet = history || plot
    if (!quiet)
        show_head()
    for (at = 1; at <= section_count && !quiet; at++) {
        for (to = 1; to <= ways; to++)
            if (count [sections [at], order [to], "rate"])
                show_row(sections [at], order [to])
        if (!json)
            print ""
    }
}
