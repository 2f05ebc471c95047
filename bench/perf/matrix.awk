# matrix.awk: lines "case side stage instructions" → a Markdown table, a line for each case and side.

$1 == "#" || NF != 4 {
    next
}

!(($1, $2) in known) {
    known[$1, $2] = 1
    row[++rows] = $1 SUBSEP $2
}

{
    value[$1, $2, $3] = $4
}

END {
    count = split("start encode frame send dispatch decode complete all", stages, " ")
    head = "| case | side |"
    rule = "|---|---|"
    for (i = 1; i <= count; i++) {
        head = head " " stages[i] " |"
        rule = rule "--:|"
    }
    print head "\n" rule
    for (r = 1; r <= rows; r++) {
        split(row[r], part, SUBSEP)
        line = "| " part[1] " | " part[2] " |"
        for (i = 1; i <= count; i++) {
            key = row[r] SUBSEP stages[i]
            line = line " " (key in value ? sprintf("%.0f", value[key]) : "–") " |"
        }
        print line
    }
}
