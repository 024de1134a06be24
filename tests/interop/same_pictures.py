"""Whether a live channel's H.264 came as it was published: same_pictures.py PUBLISHED RECEIVED LEAST [anywhere].

Both files are byte streams (ITU-T H.264, annex B). PUBLISHED was sent over and over. Of RECEIVED,
which begins and ends somewhere, the slices must be a piece of that without a gap, bit by bit, at
least LEAST of them, from a key frame on.
"""

import re
import sys


def slices(name):
    with open(name, "rb") as file:
        units = re.split(rb"\x00\x00\x00?\x01", file.read())
    # What the trailing zeros of a unit belong to is anybody's choice.
    units = [unit.rstrip(b"\x00") for unit in units]
    return [unit for unit in units if unit and unit[0] & 0x1F in (1, 5)]


published, received, least = slices(sys.argv[1]), slices(sys.argv[2]), int(sys.argv[3])
# Whoever stopped receiving may have cut the last one.
received = received[:-1]
print(f"{len(received)} slices received, {len(published)} published")
if len(received) < least:
    sys.exit("too few")
if received[0][0] & 0x1F != 5 and sys.argv[4:] != ["anywhere"]:
    sys.exit("it does not begin with a key frame")
rounds = published * (len(received) // len(published) + 2)
starts = (at for at, unit in enumerate(published) if unit == received[0])
if not any(rounds[at : at + len(received)] == received for at in starts):
    sys.exit("not what was published")
