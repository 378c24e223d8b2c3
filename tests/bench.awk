#  Makes the table of tests/bench.sh from lines of bench_tasks.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: awk -v json=0 -v rounds=3 -v seconds=1.5 -v processors=2 -v disk=ext4
#             -f tests/bench.awk FILE
#
#  A row is one way to carry tasks of one size. Its figures are the medians over the
#  rounds; the spread is the distance of the best and the worst throughput, of the median.

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
    return (all [row, "rate", count [row, "rate"]] - all [row, "rate", 1]) / middle
}

function thousands (number,    text, at) {
    text = sprintf ("%.0f", number)
    for (at = length (text) - 3; at > 0; at -= 3)
        text = substr (text, 1, at) " " substr (text, at + 1)
    return text
}

function ratio (part, whole) {
    return part == "" || whole == "" || whole == 0 ? "" : sprintf ("%.2f", part / whole)
}

#  Prints one row, and keeps what the targets need.
function show (size, way,    row, middle) {
    row = size SUBSEP way
    middle = rate [row] = median(row, "rate")
    p50 [row] = median(row, "p50")
    text = sprintf ("%-8s %-20s %10s %6s %8s %8s %8.2f %6.0f %8s %8s %8s %8s", \
        name [size], title [way], thousands(middle), sprintf ("%.0f %%", 100 * spread(row, middle)), \
        ratio(middle, rate [size, "relay"]), ratio(middle, rate [size, "packed"]), \
        median(row, "cpu"), median(row, "memory"), p50 [row], median(row, "p99"), \
        median(row, "p999"), ratio(p50 [row], p50 [size, "relay"]))
    sub (/ +$/, "", text)
    if (!json) {
        print text
        return
    }
    printf "{\"row\":\"%s\",\"payload\":%d,\"rate\":%.0f,\"spread\":%.3f", \
        way, size, middle, spread(row, middle)
    printf ",\"of_relay\":%.3f,\"cpu\":%.3f,\"memory\":%.1f", \
        middle / rate [size, "relay"], median(row, "cpu"), median(row, "memory")
    if (way != "relay")
        printf ",\"of_packed\":%.3f", middle / rate [size, "packed"]
    if (p50 [row] != "")
        printf ",\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f", \
            p50 [row], median(row, "p99"), median(row, "p999")
    print "}"
}

function target (text, have, want, met) {
    if (json)
        printf "{\"target\":\"%s\",\"have\":%s,\"want\":%s,\"met\":%s}\n", \
            text, have, want, met ? "true" : "false"
    else
        printf "%-52s %10s   target %10s   %s\n", text, have, want, met ? "yes" : "NO"
}

{
    if (value("peer") == "relay")
        way = value("pack") > 1 ? "packed" : "relay"
    else
        way = value("durable") == 1 ? "durable" : "volatile"
    row = value("payload") SUBSEP way
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
    sizes = split ("64 1024 65536", size, " ")
    ways = split ("relay packed volatile durable", order, " ")
    name [64] = "64 B"
    name [1024] = "1 KiB"
    name [65536] = "64 KiB"
    title ["relay"] = "relay, 1 a message"
    title ["packed"] = "relay, 64 a message"
    title ["volatile"] = "stint, volatile"
    title ["durable"] = "stint, durable"
    if (!json) {
        printf "1 client, 2 workers, %d processors, ipc, store on %s; ", processors, disk
        printf "%s of %s s, every result checked\n\n", \
            rounds == 1 ? "one round" : "medians of " rounds " rounds", seconds
        printf "%-8s %-20s %10s %6s %8s %8s %8s %6s %8s %8s %8s %8s\n", "", "", "", "", \
            "of", "of 64 a", "CPU s", "peak", "", "one", "in flight,", "us"
        printf "%-8s %-20s %10s %6s %8s %8s %8s %6s %8s %8s %8s %8s\n", "payload", "carried by", \
            "tasks/s", "spread", "relay", "message", "/million", "MiB", "p50", "p99", "p99.9", "of relay"
    }
    for (at = 1; at <= sizes; at++) {
        for (to = 1; to <= ways; to++)
            show(size [at], order [to])
        if (!json)
            print ""
    }

    volatile = rate [64, "volatile"]
    durable = rate [64, "durable"]
    packed = volatile / rate [64, "packed"]
    bound = volatile / 2 < 250000 ? volatile / 2 : 250000
    single = p50 [64, "volatile"] / p50 [64, "relay"]
    target("small tasks, volatile, of the relay with 64 a message", sprintf ("%.2f", packed), "0.50", packed >= 0.5)
    target("small tasks a second, durable", sprintf ("%.0f", durable), sprintf ("%.0f", bound), durable >= bound)
    target("one in flight, volatile, p50 of the relay's", sprintf ("%.2f", single), "1.50", single <= 1.5)
}
