# manual.awk - PROTOCOL.md as studio-agent-protocol(7): the Markdown that page uses, in the language of man(7).
# Given -v version=0.1.0 -v released=2026-11-29. Any awk.

# Letters as they are; a line that begins like a request does not become one.
function escaped(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/'/, "\\(aq", text)
    gsub(/`/, "\\(ga", text)
    gsub(/\^/, "\\(ha", text)
    gsub(/~/, "\\(ti", text)
    return text
}

# `code`, **bold**, *slanted*, [text](address): of a link only the text.
function marked(text,    out, at, end, bold) {
    out = ""
    while ((at = match(text, /`|\*|\[/))) {
        out = out escaped(substr(text, 1, at - 1))
        text = substr(text, at)
        if (substr(text, 1, 1) == "`") {
            end = index(substr(text, 2), "`")
            out = out "\\fB" escaped(substr(text, 2, end - 1)) "\\fR"
            text = substr(text, end + 2)
        } else if (substr(text, 1, 2) == "**") {
            bold = !bold
            out = out (bold ? "\\fB" : "\\fR")
            text = substr(text, 3)
        } else if (match(text, /^\*[A-Za-z][^*]*\*/)) {
            out = out "\\fI" escaped(substr(text, 2, RLENGTH - 2)) "\\fR"
            text = substr(text, RLENGTH + 1)
        } else if (match(text, /^\[[^]]*\]\([^)]*\)/)) {
            end = index(text, "](")
            text = substr(text, 2, end - 2) substr(text, RLENGTH + 1)
        } else {
            out = out substr(text, 1, 1)
            text = substr(text, 2)
        }
    }
    return out escaped(text)
}

function line(text) {
    print (text ~ /^\./ ? "\\&" : "") text
}

# A paragraph begins, unless a chapter has just begun.
function apart() {
    if (!begun)
        print ".PP"
    begun = 0
}

# What has been gathered of a paragraph or of an entry of a list.
function flush() {
    if (gathered != "") {
        if (in_list)
            print ".IP \\(bu 2"
        else
            apart()
        line(marked(gathered))
        begun = 0
    }
    gathered = ""
}

# A table is a list: the first cell is what an entry is about, the others are told with their heads.
function row(text,    cells, n, i, head) {
    gsub(/\\\|/, "\001", text)
    sub(/^\| */, "", text)
    sub(/ *\|$/, "", text)
    n = split(text, cells, / *\| */)
    for (i = 1; i <= n; i++)
        gsub(/\001/, "|", cells[i])
    if (rows++ == 0) {
        for (i = 1; i <= n; i++)
            heads[i] = cells[i]
        return
    }
    if (rows == 2)
        return # the line below the heads
    print ".TP"
    begun = 0
    line(marked(cells[1]))
    for (i = 2; i <= n; i++) {
        if (i > 2)
            print ".br"
        head = n > 2 && heads[i] != "" ? "\\fI" marked(heads[i]) "\\fR: " : ""
        line(head marked(cells[i]))
    }
}

BEGIN {
    print ".TH STUDIO\\-AGENT\\-PROTOCOL 7 " released " \"studio-agent " version "\""
    print ".SH NAME"
    print "studio\\-agent\\-protocol \\- what can be seen of the studio agent from outside"
    print ".SH DESCRIPTION"
    begun = 1
}

/^```/ {
    flush()
    literal = !literal
    if (literal)
        apart()
    print literal ? ".nf" : ".fi"
    next
}
literal { line($0 == "" ? "\\&" : escaped($0)); next }
/^\|/ { flush(); in_list = 0; row($0); next }
{ rows = 0 }
/^# / { next }
/^## / { flush(); in_list = 0; begun = 1; print ".SH " toupper(substr($0, 4)); next }
/^### / { flush(); in_list = 0; begun = 1; print ".SS " marked(substr($0, 5)); next }
/^$/ { flush(); in_list = 0; next }
/^- / { flush(); in_list = 1; gathered = substr($0, 3); next }
{ sub(/^ +/, ""); gathered = gathered (gathered == "" ? "" : " ") $0 }

END {
    flush()
    print ".SH SEE ALSO\n.BR studio\\-agent (1),\n.BR studio\\-client (1)"
}
