"""Whether a channel's H.264 or H.265 came as it was published: same_pictures.py PUBLISHED RECEIVED LEAST [anywhere].

Both files are byte streams (annex B); those of H.265 are named .hevc. PUBLISHED was sent over and over. Of RECEIVED,
which begins and ends somewhere, the slices must be a piece of that without a gap, bit by bit, at
least LEAST of them, from a key frame on.
"""

import re
import sys

IS_HEVC = sys.argv[1].endswith(".hevc")
# The types of units that are slices, and those of key frames (ITU-T H.264, table 7-1; H.265, table 7-1).
SLICES, KEYS = (range(32), range(16, 24)) if IS_HEVC else ((1, 5), (5,))


def slices(name):
    with open(name, "rb") as file:
        units = re.split(rb"\x00\x00\x00?\x01", file.read())
    # What the trailing zeros of a unit belong to is anybody's choice.
    units = [unit.rstrip(b"\x00") for unit in units]
    return [unit for unit in units if unit and kind(unit) in SLICES]


def kind(unit):
    return unit[0] >> 1 & 0x3F if IS_HEVC else unit[0] & 0x1F


published, received, least = slices(sys.argv[1]), slices(sys.argv[2]), int(sys.argv[3])
# Whoever stopped receiving may have cut the last one.
received = received[:-1]
print(f"{len(received)} slices received, {len(published)} published")
if len(received) < least:
    sys.exit("too few")
if kind(received[0]) not in KEYS and sys.argv[4:] != ["anywhere"]:
    sys.exit("it does not begin with a key frame")
rounds = published * (len(received) // len(published) + 2)
starts = (at for at, unit in enumerate(published) if unit == received[0])
if not any(rounds[at : at + len(received)] == received for at in starts):
    sys.exit("not what was published")
