#  Fails when a call is made that the house does not make, or not in this place.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: awk -f tests/banned.awk FILE...
#
#  Nowhere: calls that write past their end, that hide a bad number, that keep state
#  between calls, that start a shell, or that wait for time to pass. In the broker and in
#  common the clock is asked in clock.c and in main.c only (stint_log.c stamps its
#  lines), and a seed is made in main.c. A benchmark may wait.

BEGIN {
    unsafe = "strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|system|popen|" \
             "tmpnam|mktemp|rand|srand|random|srandom|drand48"
    waits = "sleep|usleep|nanosleep|clock_nanosleep|zclock_sleep"
    clocks = "time|clock|clock_gettime|gettimeofday|zclock_[a-z]+"
    chance = "getrandom|getentropy|randombytes_buf|randombytes"
}

#  Returns the first of the named calls in the line, or an empty string.
function called (line, names) {
    if (!match (line, "(^|[^A-Za-z_0-9.>])(" names ") ?\\("))
        return ""
    line = substr (line, RSTART, RLENGTH)
    gsub (/[^A-Za-z_0-9]/, "", line)
    return line
}

function check (names, why) {
    found = called(code, names)
    if (found != "") {
        printf "%s:%d: %s (): %s\n", FILENAME, FNR, found, why
        bad = 1
    }
}

FNR == 1 {
    inner = FILENAME ~ /(^|\/)(broker|common)\//
    file = FILENAME
    sub (/.*\//, "", file)
}

{
    code = $0
    gsub (/\\"/, "", code)
    gsub (/"[^"]*"/, "\"\"", code)
    sub (/\/\/.*/, "", code)
    if (code !~ /\(/)
        next
    check(unsafe, "not used in this house")
    if (file !~ /^bench_/)
        check(waits, "wait for a condition, not for time")
    if (inner && file !~ /^(clock[.]c|main[.]c|stint_log[.]c)$/)
        check(clocks, "only clock.c asks the clock")
    if (inner && file != "main.c" && file !~ /^stint_keys/)
        check(chance, "chance is an argument")
}

END { exit bad }
