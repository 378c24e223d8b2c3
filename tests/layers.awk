#  Fails when a file includes what its layer may not know (.github/CONTRIBUTING.md, Layers).
#  SPDX-License-Identifier: MPL-2.0
#
#  usage: awk -v pure='core task ...' -f tests/layers.awk FILE...
#
#  A file may include project headers of its own layer and of lower ones:
#
#    6  tests and examples, which may see everything
#    5  mains, commands, exec and pool
#    4  the three shells: broker, stint_client, stint_worker
#    3  parts of the broker's shell
#    2  the pure core of the broker: the modules named by the variable "pure"
#    1  common
#
#  Pure files know no clock, socket, file or thread, so they may not include the headers
#  of any. A library that sits behind one file is included by that file alone.

BEGIN {
    if (pure == "") {
        print "layers: -v pure=... is missing"
        bad = 1
        exit
    }
    gsub (/ +/, "|", pure)
    shell_part = "^(peers|outbox|clock|host|listen|fetch|auth|stats|http|store)(_.*)?[.]"
    shell = "^(broker|stint_client|stint_worker)(_.*)?[.]"
    common = "^stint(_.*)?[.]"
    impure = "^(zmq|czmq|lmdb|time|unistd|stdio|pthread|threads|signal|poll|fcntl|dirent|" \
             "netdb|sys/.*|arpa/.*|netinet/.*)[.]h$"
}

function rank (path) {
    if (path ~ /(^|\/)(tests|examples)\//)
        return 6
    sub (/.*\//, "", path)
    if (path ~ "^(" pure ")(_.*)?[.]")
        return 2
    if (path ~ shell_part)
        return 3
    if (path ~ shell)
        return 4
    if (path ~ common)
        return 1
    return 5
}

function is_pure (path) {
    if (rank (path) == 6)
        return 0
    sub (/.*\//, "", path)
    return rank (path) == 2 || path ~ /^stint_(list|heap|map|index|peer|pack|wire)[.]/
}

function wrong (text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad = 1
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split ($0, part, "\"")
    mine = rank (FILENAME)
    theirs = rank (part [2])
    if (mine < theirs)
        wrong("layer " mine " may not include " part [2] " of layer " theirs)
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    split ($0, part, /[<>]/)
    header = part [2]
    if (is_pure(FILENAME) && header ~ impure)
        wrong("a pure file may not include <" header ">")
    if (rank(FILENAME) == 6)
        next
    if (header ~ /^lmdb/ && FILENAME !~ /(^|\/)store_lmdb[a-z_]*[.][ch]$/)
        wrong("only the LMDB engine may include <" header ">")
    if (header ~ /^msgpack/ && FILENAME !~ /(^|\/)stint_pack[.][ch]$/)
        wrong("only stint_pack may include <" header ">")
}

END { exit bad }
