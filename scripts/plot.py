# SPDX-License-Identifier: Apache-2.0
"""Pictures without a library: panels of lines in an SVG file. Imported, never run."""
import math
import pathlib

WIDTH, HEIGHT, LEFT, RIGHT, GAP, TOP = 900, 150, 78, 14, 48, 36
INK, GRID, BLUE, ORANGE, RED = "#333", "#ddd", "#1f77b4", "#ff7f0e", "#d62728"
GREEN, VIOLET, BROWN, GREY = "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f"


class Axis:
    """What lies on it from low to high; ticks are pairs of value and label."""

    def __init__(self, low, high, ticks, log=False):
        self.low, self.high, self.ticks, self.log = low, high, ticks, log

    def part(self, value):
        """Of the way from low to high; what lies outside is drawn at the end."""
        low, high, at = (math.log10(v) if self.log else v
                         for v in (self.low, self.high, min(max(value, self.low), self.high)))
        return (at - low) / (high - low) if high > low else 0


def steps(length, most):
    """1, 2 or 5 times a power of ten, so that `length` has no more than so many of them."""
    step = 10 ** math.floor(math.log10(length / most))
    return next(n * step for n in (1, 2, 5, 10) if length / (n * step) <= most)


def linear(high, unit="", most=15):
    """From 0."""
    step = steps(high, most)
    values = [n * step for n in range(int(high / step + 1e-9) + 1)]
    return Axis(0, high, [(v, f"{v:,.10g}{unit}") for v in values])


def decades(low, high):
    """A logarithmic one of whole powers of ten."""
    first, last = math.floor(math.log10(low)), max(math.floor(math.log10(low)) + 1, math.ceil(math.log10(high)))
    return Axis(10.0 ** first, 10.0 ** last,
                [(10.0 ** n, f"{10.0 ** n:,.10g}") for n in range(first, last + 1)], True)


class Panel:
    def __init__(self, index, title, y, x, height=HEIGHT):
        self.top, self.height = TOP + index * (height + GAP), height
        self.across, self.up = x, y
        self.parts = [f'<text x="{LEFT}" y="{self.top - 7}" font-weight="bold">{title}</text>']
        for value, label in y.ticks:
            at = self.y(value)
            self.parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>'
                              f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
        for value, label in x.ticks:
            self.parts.append(f'<text x="{self.x(value):.1f}" y="{self.bottom + 14}" '
                              f'text-anchor="middle">{label}</text>')

    @property
    def bottom(self):
        return self.top + self.height

    def x(self, value):
        return LEFT + self.across.part(value) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return self.top + self.height * (1 - self.up.part(value))

    def line(self, points, colour, width=1.2):
        path = "".join(f"{'L' if i else 'M'}{self.x(x):.1f} {self.y(y):.1f}"
                       for i, (x, y) in enumerate(points))
        self.parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def spread(self, x, low, high, colour, shift=0):
        """From the least to the most of what was measured at `x`, so many pixels beside it."""
        at = self.x(x) + shift
        self.parts.append(f'<path d="M{at:.1f} {self.y(low):.1f}V{self.y(high):.1f}" '
                          f'stroke="{colour}" stroke-opacity="0.6"/>')

    def label(self, x, y, text, colour):
        self.parts.append(f'<text x="{self.x(x):.1f}" y="{self.y(y) - 6:.1f}" text-anchor="middle" '
                          f'fill="{colour}">{text}</text>')

    def dot(self, x, y, colour):
        self.parts.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="2.6" fill="{colour}"/>')

    def level(self, value, text):
        y = self.y(value)
        self.parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{RED}" '
                          f'stroke-dasharray="6 4"/><text x="{WIDTH - RIGHT - 4}" y="{y - 5:.1f}" '
                          f'text-anchor="end" fill="{RED}">{text}</text>')

    def legend(self, names):
        """Pairs of name and colour, in a line above the title."""
        at = LEFT
        for name, colour in names:
            self.parts.append(f'<path d="M{at:.1f} {self.top - 25}h14" stroke="{colour}" stroke-width="3"/>'
                              f'<text x="{at + 18:.1f}" y="{self.top - 21}">{name}</text>')
            at += 6.1 * len(name) + 40


def save(path, panels, maker):
    height = panels[-1].bottom + GAP - 20
    body = "\n".join(part for panel in panels for part in panel.parts)
    pathlib.Path(path).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="11" fill="{INK}">\n'
        f'<!-- SPDX-License-Identifier: Apache-2.0; made by {maker} -->\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n{body}\n</svg>\n', encoding="utf-8")
