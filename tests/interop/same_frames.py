"""Whether a live channel's sound came as it was published: same_frames.py PUBLISHED RECEIVED LEAST.

Both files are of ffmpeg's framemd5. The frames of RECEIVED must be a piece of those of PUBLISHED
without a gap, at least LEAST of them.
"""

import sys


def sums(name):
    with open(name) as file:
        return [line.split(",")[5].strip() for line in file if not line.startswith("#")]


published, received, least = sums(sys.argv[1]), sums(sys.argv[2]), int(sys.argv[3])
# Whoever stopped receiving may have cut the last one.
received = received[:-1]
print(f"{len(received)} frames received, {len(published)} published")
if len(received) < least:
    sys.exit("too few")
if not any(published[at : at + len(received)] == received for at in range(len(published))):
    sys.exit("not what was published")
