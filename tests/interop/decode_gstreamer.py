"""Decodes what a URL leads to with GStreamer: decode_gstreamer.py URL PICTURES SOUND.

The files get the time of each decoded buffer in seconds, a line each. Ends with 1 and the reason
when it is not over within a minute. Pads are linked here, as in receive_gstreamer.py.
"""

import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

url, *files = sys.argv[1:]
Gst.init(None)
# Known before threads ask for it: see `linking`.
Gst.Buffer.new().pts  # noqa: B018
pipeline = Gst.Pipeline()
source = Gst.ElementFactory.make("uridecodebin")
source.set_property("uri", url)
pipeline.add(source)
times = {"video/x-raw": [], "audio/x-raw": []}


# Pads come in threads of their own, and two of them that look up the same class of PyGObject at once find half of it.
linking = threading.Lock()


def link(_, pad):
    """Notes the times of all that comes."""
    with linking:
        kind = times[pad.query_caps(None).get_structure(0).get_name()]
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        sink.set_property("signal-handoffs", True)
        sink.connect("handoff", lambda _, buffer, __: kind.append(buffer.pts / Gst.SECOND))
        pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))


source.connect("pad-added", link)
pipeline.set_state(Gst.State.PLAYING)
end = Gst.MessageType.ERROR | Gst.MessageType.EOS
message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, end)
if message is None or message.type == Gst.MessageType.ERROR:
    print(*(message.parse_error() if message else ("it does not end",)), {kind: len(of) for kind, of in times.items()})
    sys.stdout.flush()
    os._exit(1)
for name, kind in zip(files, times.values()):
    with open(name, "w", encoding="ascii") as file:
        file.writelines(f"{time:.9f}\n" for time in kind)
