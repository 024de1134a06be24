"""Receives a live channel's H.264 with GStreamer: receive_gstreamer.py PROTOCOLS URL SECONDS FILE.

FILE becomes a byte stream. Ends with 1 and GStreamer's reason when it stops before its time. Pads are
linked here, because gst-launch-1.0 with several of them links the wrong one, or none, now and then.
It leaves without a word: GStreamer 1.22 that is stopped in the middle sometimes cancels the writing of
its own PAUSE, and takes that for the server's end of file.
"""

import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

protocols, url, seconds, file = sys.argv[1:]
Gst.init(None)
pipeline = Gst.Pipeline()
source = Gst.ElementFactory.make("rtspsrc")
source.set_property("location", url)
source.set_property("tls-validation-flags", 0)
Gst.util_set_object_arg(source, "protocols", protocols)
pictures = Gst.parse_bin_from_description(
    "rtph264depay ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au"
    f" ! filesink buffer-mode=unbuffered sync=false location={file}",
    True,
)
pipeline.add(source)
pipeline.add(pictures)


# Pads come in threads of their own, and two of them that look up the same class of PyGObject at once find half of it.
linking = threading.Lock()


def link(_, pad):
    """Keeps pictures, and drops the rest."""
    with linking:
        media = pad.query_caps(None).get_structure(0).get_string("media")
        sink = pictures
        if media != "video":
            sink = Gst.ElementFactory.make("fakesink")
            pipeline.add(sink)
            sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))


source.connect("pad-added", link)
pipeline.set_state(Gst.State.PLAYING)
end = Gst.MessageType.ERROR | Gst.MessageType.EOS
message = pipeline.get_bus().timed_pop_filtered(int(seconds) * Gst.SECOND, end)
if message is None:
    os._exit(0)
print(*(message.parse_error() if message.type == Gst.MessageType.ERROR else ("it ended",)), file=sys.stderr)
os._exit(1)
