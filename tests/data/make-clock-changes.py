#!/usr/bin/env python3
"""Writes clock-changes.csv: every recorded change of clocks, from the system's tz database.

    python3 make-clock-changes.py > clock-changes.csv

Needs only the standard library and an installed tzdata (Debian: package tzdata). The zones are the
canonical ones of zone1970.tab. A row is one transition at which the offset from UTC, the abbreviation
or the summer-time flag changes. Transitions that a zone file leaves to its closing rule (as files
of `zic -b slim` do) are found by bisection, so the result does not depend on how tzdata was built.
"""

import argparse
import csv
import pathlib
import struct
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

END = datetime(2038, 1, 1, tzinfo=timezone.utc)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Shorter than any stretch of summer or winter time that a closing rule can describe today.
PROBE = timedelta(days=5)
COLUMNS = ["zone", "utc", "unix_s", "offset_before_s", "offset_after_s", "abbreviation", "is_dst"]


def canonical_zones(root: pathlib.Path) -> list[str]:
    lines = (root / "zone1970.tab").read_text(encoding="utf-8").splitlines()
    return sorted({line.split("\t")[2] for line in lines if line and not line.startswith("#")})


def header(blob: bytes, at: int) -> tuple[int, int, int, int, int, int]:
    """The six counts of a TZif header (RFC 9636): ut, std, leap, times, types, chars."""
    if blob[at : at + 4] != b"TZif":
        raise ValueError("not a TZif file")
    return struct.unpack(">6l", blob[at + 20 : at + 44])


def recorded(blob: bytes) -> tuple[list[tuple[int, tuple]], tuple]:
    """The transitions in the 64-bit block, and the state before the first of them."""
    ut, std, leap, times, types, chars = header(blob, 0)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + std + ut
    ut, std, leap, times, types, chars = header(blob, at)
    at += 44
    seconds = struct.unpack_from(f">{times}q", blob, at)
    kinds = blob[at + times * 8 : at + times * 9]
    at += times * 9
    raw = [struct.unpack_from(">lBB", blob, at + 6 * i) for i in range(types)]
    names = blob[at + types * 6 : at + types * 6 + chars]
    states = [(off, names[n : names.index(b"\0", n)].decode(), dst) for off, dst, n in raw]
    return [(s, states[k]) for s, k in zip(seconds, kinds)], states[0]


def ruled(zone: zoneinfo.ZoneInfo, after_s: int, state: tuple) -> list[tuple[int, tuple]]:
    """The transitions that follow from the closing rule, up to END."""

    def look(moment: datetime) -> tuple:
        local = moment.astimezone(zone)
        return int(local.utcoffset().total_seconds()), local.tzname(), int(bool(local.dst()))

    found = []
    low = max(EPOCH + timedelta(seconds=after_s), datetime(1900, 1, 1, tzinfo=timezone.utc))
    while low < END:
        high = min(low + PROBE, END)
        if look(high)[:2] != state[:2]:
            left, right = low, high
            while right - left > timedelta(seconds=1):
                middle = left + timedelta(seconds=int((right - left).total_seconds()) // 2)
                left, right = (middle, right) if look(middle)[:2] == state[:2] else (left, middle)
            state = look(right)
            found.append((int((right - EPOCH).total_seconds()), state))
        low = high
    return found


def rows_of(root: pathlib.Path, name: str) -> list[list]:
    transitions, before = recorded((root / name).read_bytes())
    last_s, last = transitions[-1] if transitions else (-(2**62), before)
    if last_s > -(2**40):
        transitions += ruled(zoneinfo.ZoneInfo(name), last_s, last)
    rows = []
    for second, after in transitions:
        moment = EPOCH + timedelta(seconds=second) if second > -(2**35) else None
        if after != before and moment is not None and moment < END:
            utc = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.append([name, utc, second, before[0], after[0], after[1], after[2]])
        before = after
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(zoneinfo.TZPATH[0]),
                        help="the compiled tz database (default: the system's)")
    root = parser.parse_args().root
    zoneinfo.reset_tzpath(to=[str(root.resolve())])
    rows = [row for name in canonical_zones(root) for row in rows_of(root, name)]
    rows.sort(key=lambda row: (row[2], row[0]))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS)
    out.writerows(rows)


if __name__ == "__main__":
    main()
