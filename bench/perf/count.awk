# count.awk: stages.txt and what callgrind has written about one case → lines "case side stage instructions", and, with
# functions=1, "case side function instructions" instead; instructions for one operation.
#
# Callgrind ran with --separate-callers, so the name of a function is followed by those of its callers, as in
# message_pack'yoke__body_write'…'at_master'…'main; a line of two numbers is what was run in it, but for the line
# behind "calls=", which is what was run in a function that it called. A function without a name is shown by library
# and address.

FNR == NR {
    if ($1 != "#" && NF == 2) {
        stage_of[$2] = $1
    }
    next
}

/^ob=/ {
    object = $0
    sub(/.*\//, "", object)
    next
}

/^fn=/ {
    place(substr($0, 4))
    next
}

/^calls=/ {
    getline
    next
}

/^[0-9]+ [0-9]+$/ {
    if (stage != "") {
        sum[side, functions ? name : stage] += $2
    }
}

END {
    for (key in sum) {
        split(key, part, SUBSEP)
        printf "%s %s %s %.1f\n", perf_case, part[1], part[2], sum[key] / operations
    }
}

# Sets `side`, and `stage`, which is empty for what counts for none, and `name`, the function's own.
function place(chain, links, count, i, link) {
    side = stage = ""
    count = split(chain, links, "'")
    for (i = 1; i <= count && side == ""; i++) {
        link = links[i]
        # The compiler's parts of a function, name.part.0 or name.constprop.0, and versions, name@GLIBC_2.2.5.
        sub(/[.@].*/, "", link)
        if (i == 1) {
            name = link ~ /^0x/ ? object ":" link : link
        }
        if (link == "at_master" || link == "at_worker") {
            side = substr(link, 4)
        } else if (stage == "" && link ~ /^user_/) {
            stage = "none"
        } else if (stage == "" && link in stage_of) {
            stage = stage_of[link]
        }
    }
    if (side == "" || stage == "none") {
        stage = ""
    }
}
