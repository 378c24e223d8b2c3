#  Makes the table of what a small task costs from the lines of tests/bench_cost.sh.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: see bench.awk, whose functions this uses

value("cost") != "" {
    row = value("thread")
    if (!(row in costs))
        cost_row [++cost_rows] = row
    costs [row] = 1
    cost_ns [row, value("cost")] = value("ns")
    cost_count [row, value("cost")] = value("allocations")
    cost_ns ["sum", value("cost")] += value("ns")
    cost_count ["sum", value("cost")] += value("allocations")
}

function show_cost (row, label) {
    printf "%-46s %10.0f %12.4f %10.0f %12.4f\n", label, cost_ns [row, "volatile"], \
        cost_count [row, "volatile"], cost_ns [row, "durable"], cost_count [row, "durable"]
}

BEGIN {
    cost_title ["client-own"] = "client, the caller's thread"
    cost_title ["client-libzmq"] = "client, libzmq and the kernel"
    cost_title ["broker-turn"] = "broker, the turn"
    cost_title ["broker-libzmq"] = "broker, libzmq and the kernel"
    cost_title ["broker-store"] = "broker, the store's thread"
    cost_title ["worker-own"] = "worker, handler and heartbeats"
    cost_title ["worker-libzmq"] = "worker, libzmq and the kernel"
}

END {
    if (cost_rows && !quiet && !json) {
        printf "%-46s %10s %12s %10s %12s\n", "64 B, what a task costs in all processes", \
            "volatile", "", "durable", ""
        printf "%-46s %10s %12s %10s %12s\n", "", "ns of CPU", "allocations", "ns of CPU", \
            "allocations"
        for (at = 1; at <= cost_rows; at++)
            show_cost(cost_row [at], cost_title [cost_row [at]])
        show_cost("sum", "all of it")
        print ""
    }
}
