#  Fails when a function, a source or a header is longer than the house allows.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: awk -f tests/length.awk FILE...
#
#  Relies on the format: the brace that opens a function and the one that closes it are
#  the only ones in the first column with nothing behind them.

BEGIN {
    function_max = 60
    source_max = 600
    header_max = 150
}

FNR == 1 {
    name = ""
    start = 0
    file_max = FILENAME ~ /[.]h$/ ? header_max : source_max
}

/^[A-Za-z_][A-Za-z_0-9]* \(/ { name = $1 }

/^\{$/ { start = FNR }

/^\}$/ {
    if (start && FNR - start > function_max) {
        printf "%s:%d: %s has %d lines, more than %d\n", \
            FILENAME, start, name, FNR - start, function_max
        bad = 1
    }
    start = 0
}

FNR == file_max + 1 {
    printf "%s:%d: the file has more than %d lines\n", FILENAME, FNR, file_max
    bad = 1
}

END { exit bad }
