#!/bin/sh
# guide_check.sh DOCS PROGRAMS
#
# What the chapters in DOCS show as code stands so in the files in PROGRAMS, every line of it; what they show as output is
# marked as a program's, so that guide_test compares it; README.md leads to every chapter, and every link to a file that is.
set -eu
docs=$1 programs=$2
wrong=0

# A block of code or output is marked by the line before it: <!-- file: NAME --> or <!-- output: NAME -->.
for chapter in "$docs"/*.md; do
    awk -v programs="$programs" -v chapter="${chapter##*/}" '
        function complain(what) { printf "%s:%d: %s\n", chapter, NR, what; wrong = 1 }
        function contents(path,    text, line) {
            text = "\n"
            while ((getline line < path) > 0) text = text line "\n"
            close(path)
            return text
        }
        function check_code() {
            if (name == "") complain("code of no file")
            else if (block == "\n" || index(contents(programs "/" name), block) == 0) complain("not so in " name)
        }
        !inside && /^<!-- (file|output): .* -->$/ { kind = $2; name = $3; next }
        !inside && /^```/ {
            inside = 1; language = substr($0, 4); block = "\n"
            if (language == "text" && kind != "output:") complain("output of no program")
            if (kind == "output:" && (language != "text" || contents(programs "/" name ".c") == "\n"))
                complain("no program " name)
            if (kind != "file:") name = ""
            next
        }
        inside && /^```$/ {
            if (language == "c" || language == "proto") check_code()
            inside = 0; kind = name = ""; next
        }
        inside { block = block $0 "\n"; next }
        { kind = name = "" }
        END { if (inside) complain("a block without an end"); exit wrong }
    ' "$chapter" || wrong=1
    for link in $(grep -o '](\(\.\./\)*[^:)#]*)' "$chapter" | tr -d '](),'); do
        [ -e "$docs/$link" ] || { echo "${chapter##*/}: there is no $link"; wrong=1; }
    done
    case ${chapter##*/} in
        README.md) ;;
        *) grep -q "(${chapter##*/})" "$docs/README.md" || { echo "README.md does not lead to ${chapter##*/}"; wrong=1; } ;;
    esac
done
exit $wrong
