#  Prints the branch coverage of each source, from the listings of gcov -b -c.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: gcov -b -c -t OBJECT... | awk -f tests/coverage.awk
#
#  Branches of a line with an assert are left out: one side of them is a bug that no test
#  may reach. Conditions that gcov never came to count as not taken.

/^ *-: *0:Source:/ {
    name = $0
    sub (/.*Source:/, "", name)
    if (name ~ /[.]c$/)
        order [++files] = name
}

/^ *[-#=0-9*]+: *[0-9]+:/ {
    on_assert = $0 ~ /assert \(/
    if ($0 !~ /^ *-:/) {
        lines [name]++
        if ($0 !~ /^ *[#=]+:/)
            lines_run [name]++
    }
}

/^branch +[0-9]+ / && !on_assert {
    branches [name]++
    if ($0 !~ /never executed/ && $0 !~ /taken 0( |$)/)
        taken [name]++
}

function percent (part, whole) { return whole ? 100 * part / whole : 100 }

function row (title, some, all, some_lines, all_lines) {
    printf "%-32s %6d %6d  %6.1f %%   %6.1f %%\n", title, some, all, \
        percent(some, all), percent(some_lines, all_lines)
}

END {
    printf "%-32s %6s %6s  %8s   %8s\n", "pure file", "taken", "of", "branches", "lines"
    for (i = 1; i <= files; i++) {
        f = order [i]
        row(f, taken [f], branches [f], lines_run [f], lines [f])
        t += taken [f]; b += branches [f]; r += lines_run [f]; l += lines [f]
    }
    row("total", t, b, r, l)
}
