"""A bar chart as SVG."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

WIDTH, LABEL, BAR, GAP, TOP = 720, 190, 22, 10, 48
OURS, OTHERS = "#2f6f4f", "#9aa5b1"


def bars(title: str, note: str, values: Mapping[str, float]) -> str:
    """Each value with its name; the largest takes the whole width."""
    height = TOP + len(values) * (BAR + GAP) + 30
    room, largest = WIDTH - LABEL - 70, max(values.values())
    font = 'font-family="sans-serif" font-size="13"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {font} role="img">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, value) in enumerate(values.items()):
        y = TOP + number * (BAR + GAP)
        length = value / largest * room
        colour = OURS if name.startswith("ours") else OTHERS
        lines += [
            f'<text x="{LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{LABEL + length + 6:.1f}" y="{y + 16}">{value:.2f}</text>',
        ]
    lines.append(f'<text x="16" y="{height - 10}" font-size="11" fill="#555555">{escape(note)}</text>')
    return "\n".join([*lines, "</svg>", ""])
