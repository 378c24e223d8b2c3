#  Fits a straight line to samples of memory and says whether it rises.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: awk -f tests/slope.awk FILE        lines of: milliseconds KiB
#
#  Only the second half is looked at: in the first one buffers, pools and the garbage that
#  the store may hold fill up. It is cut into twelve blocks of equal length, and the line
#  (least squares) goes through their means: samples that follow each other are alike, means
#  of blocks hardly, so the standard error of the slope means something. Prints NAME=VALUE
#  for: minutes (of that half), mib (mean), percent (slope, an hour), error (its standard
#  error, likewise), and rises, which is
#
#    unknown  less than two minutes or 24 samples: noise is all that there is to see
#    yes      the slope is over four standard errors, and what it adds up to is over 1 MiB
#             and 2 % of the mean: more than one more page of a pool
#    no       otherwise

{
    at[NR] = $1 / 3600000
    kib[NR] = $2
}

END {
    if (NR < 48) {
        print "minutes=0 mib=0 percent=0 error=0 rises=unknown"
        exit
    }
    blocks = 12
    from = (at[1] + at[NR]) / 2
    span = at[NR] - from
    for (i = 1; i <= NR; i++) {
        if (at[i] < from)
            continue
        block = int((at[i] - from) / span * blocks)
        if (block == blocks)
            block--
        sum[block] += kib[i]
        when[block] += at[i]
        count[block]++
    }
    n = 0
    for (block in count) {
        x[n] = when[block] / count[block]
        y[n] = sum[block] / count[block]
        mean_x += x[n]
        mean_y += y[n++]
    }
    mean_x /= n
    mean_y /= n
    for (i = 0; i < n; i++) {
        xx += (x[i] - mean_x) ^ 2
        xy += (x[i] - mean_x) * (y[i] - mean_y)
    }
    slope = xy / xx
    for (i = 0; i < n; i++)
        rest += (y[i] - mean_y - slope * (x[i] - mean_x)) ^ 2
    error = n > 2 ? sqrt(rest / (n - 2) / xx) : 0
    grown = slope * span
    rises = "no"
    if (slope > 4 * error && grown > mean_y / 50 && grown > 1024)
        rises = "yes"
    if (span * 60 < 2)
        rises = "unknown"
    printf "minutes=%.1f mib=%.1f percent=%.1f error=%.1f rises=%s\n", span * 60, \
        mean_y / 1024, slope * 100 / mean_y, error * 100 / mean_y, rises
}
