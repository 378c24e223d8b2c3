#  Fails when a file does not begin as files of this house do.
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: awk -f tests/guards.awk FILE...
#
#  A source starts with "//  " and a sentence on what it is; the SPDX line comes next.
#  In scripts both stand in the first three lines, for a "#!" may come before. A header's
#  guard is named after the file: NAME_H, or FOLDER_NAME_H.

function wrong (line, text) {
    printf "%s:%d: %s\n", name, line, text
    bad = 1
}

function finish () {
    if (name == "")
        return
    if (!licence)
        wrong(1, "the SPDX line is missing: SPDX-License-Identifier: MPL-2.0")
    if (name !~ /[.]h$/)
        return
    upper = toupper (name)
    gsub (/[.-]/, "_", upper)
    parts = split (upper, part, "/")
    short = part [parts]
    long = parts > 1 ? part [parts - 1] "_" short : short
    if (guard != short && guard != long)
        wrong(guard_line ? guard_line : 1, "the guard must be " short " or " long)
    else
    if (defined != guard)
        wrong(guard_line + 1, "#ifndef " guard " must be followed by its #define")
}

FNR == 1 {
    finish()
    name = FILENAME
    guard = defined = ""
    guard_line = licence = 0
    if (name ~ /[.][ch]$/ && $0 !~ /^\/\/  [^ ]/)
        wrong(1, "the first line must be \"//  \" and what the file is")
}

FNR <= 3 && /SPDX-License-Identifier: MPL-2[.]0$/ {
    licence = 1
    if (name ~ /[.][ch]$/ && FNR != 2)
        wrong(FNR, "the SPDX line must be the second")
}

/^#ifndef / && guard == "" {
    guard = $2
    guard_line = FNR
}

/^#define / && guard_line && FNR == guard_line + 1 { defined = $2 }

END {
    finish()
    exit bad
}
