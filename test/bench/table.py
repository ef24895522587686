# SPDX-License-Identifier: Apache-2.0
"""Figures as they are printed."""
import statistics


def spread(values, digits=0):
    """median (min .. max)"""
    return (f"{statistics.median(values):.{digits}f} "
            f"({min(values):.{digits}f} .. {max(values):.{digits}f})")


def ratio(value, base):
    """Of two medians within one run; a base near 0 gives none."""
    base = statistics.median(base)
    return f"{statistics.median(value) / base:.2f}" if base > 0 else "-"


def row(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def head(*cells):
    row(*cells)
    row(*["---"] * len(cells))
