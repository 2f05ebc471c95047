# compare.awk: the budget and the counts, both "case side stage instructions" → a table with the difference. Exits with
# 1 when a line is over its budget by more than 3 % and more than one instruction, or is in one of the two alone.

BEGIN {
    printf "%-18s %-7s %-9s %9s %9s %9s\n", "case", "side", "stage", "now", "budget", "change"
}

$1 == "#" || NF != 4 {
    next
}

FNR == NR {
    budget[$1, $2, $3] = $4
    next
}

{
    key = $1 SUBSEP $2 SUBSEP $3
    seen[key] = 1
    note = change = ""
    if (!(key in budget)) {
        note = "no budget"
        bad++
    } else {
        more = $4 - budget[key]
        change = budget[key] > 0 ? sprintf("%+.1f %%", 100 * more / budget[key]) : ""
        if (more > 1 && more > 0.03 * budget[key]) {
            note = "OVER"
            bad++
        } else if (more < -1 && more < -0.03 * budget[key]) {
            note = "under"
            under++
        }
    }
    line = sprintf("%-18s %-7s %-9s %9.1f %9s %9s  %s", $1, $2, $3, $4, budget[key], change, note)
    sub(/ +$/, "", line)
    print line
}

END {
    for (key in budget) {
        if (!(key in seen)) {
            split(key, part, SUBSEP)
            printf "%-18s %-7s %-9s %9s %9s %9s  not counted any more\n", part[1], part[2], part[3], "", budget[key], ""
            bad++
        }
    }
    if (under > 0) {
        printf "%d lines are more than 3 %% under budget. `./dev perf --update` would keep them there.\n", under
    }
    if (bad > 0) {
        printf "%d lines are not as budgeted. If it has to be, commit the new budget with the change: ", bad
        print "`./dev perf --update`."
        exit 1
    }
    print "Everything is within budget."
}
