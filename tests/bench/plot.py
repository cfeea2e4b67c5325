"""Draws what tests/bench/run has measured beside what it is to reach.

Usage: plot.py RESULT.json PLOT.svg

A bar for each goal, on a logarithmic scale: how much of the goal is reached, 1 being the line. "At most"
goals are turned round, so that longer is better everywhere.
"""
import json
import math
import sys
from html import escape

ROW, HEAD, FOOT = 22, 64, 34  # heights
NAMES, BARS, WORDS = 430, 460, 520  # widths
LEAST, MOST = 0.1, 10  # ends of the scale
COLOURS = {True: "#2e7d4f", False: "#c4552d"}
FONT = 'font-family="DejaVu Sans, Helvetica, Arial, sans-serif"'


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def place(share):
    """Where on the scale, from its left end."""
    share = min(max(share, LEAST), MOST)
    return BARS * math.log(share / LEAST) / math.log(MOST / LEAST)


def share_of(goal):
    reached, limit = goal["reached"], goal["limit"]
    if goal["met"] and (reached == 0 or limit == 0):
        return 1
    if goal["direction"] == "at least":
        return reached / limit
    return limit / reached if limit else LEAST


def text(x, y, words, colour="#333", size=12, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" {FONT} font-size="{size}" font-weight="{weight}" fill="{colour}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')


def bar(y, row, goal, first):
    """The lines of SVG for one goal; the row's name stands at its first."""
    share = share_of(goal)
    line, end = NAMES + place(1), NAMES + place(share)
    out = [text(NAMES - 12, y + 15, row["name"], anchor="end")] if first else []
    left, width = min(line, end), max(abs(end - line), 1.5)
    out.append(f'<rect x="{left:.1f}" y="{y + 4}" width="{width:.1f}" height="{ROW - 8}" rx="2" '
               f'fill="{COLOURS[goal["met"]]}"/>')
    out.append(text(NAMES + BARS + 12, y + 15, f'{number(goal["reached"])}  of  {goal["text"]}',
                    COLOURS[goal["met"]]))
    return out


def main():
    with open(sys.argv[1]) as file:
        result = json.load(file)
    pairs = [(row, goal, i == 0) for row in result["rows"]
             for i, goal in enumerate(g for g in row["goals"] if "met" in g)]
    height, width = HEAD + ROW * len(pairs) + FOOT, NAMES + BARS + WORDS
    met = sum(goal["met"] for _, goal, _ in pairs)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
           f'height="{height}">', f'<rect width="{width}" height="{height}" fill="#fff"/>',
           text(16, 28, f"studio-agent: {met} of {len(pairs)} goals met", "#111", 17, weight="bold"),
           text(16, 46, f'{result["processors"]:.0f} processors, medians of {result["rounds"]:.0f}; right of the '
                'line is better than the goal', "#666")]
    bottom = HEAD + ROW * len(pairs)
    for i, (_, _, first) in enumerate(pairs):
        if first:
            y = HEAD + ROW * i
            out.append(f'<line x1="16" x2="{width - 16}" y1="{y}" y2="{y}" stroke="#eee"/>')
    for mark in (0.1, 0.2, 0.5, 1, 2, 5, 10):
        x = NAMES + place(mark)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD}" y2="{bottom}" '
                   f'stroke="{"#111" if mark == 1 else "#ddd"}" stroke-width="{1.5 if mark == 1 else 1}"/>')
        out.append(text(x, bottom + 18, "goal" if mark == 1 else f"{mark:g}", "#333" if mark == 1 else "#888",
                        11, "middle"))
    for i, (row, goal, first) in enumerate(pairs):
        out += bar(HEAD + ROW * i, row, goal, first)
    with open(sys.argv[2], "w") as file:
        file.write("\n".join(out + ["</svg>"]) + "\n")


main()
