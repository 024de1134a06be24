"""Plays a movie by RTSP with GStreamer to its end, and prints how many pictures it decoded: play_gstreamer.py PROTOCOLS URL.

Ends with 1 and GStreamer's reason when it fails, or when it is not over within a minute. Whose certificate it
is, tests of TLS look at. Pads are linked here: gst-launch-1.0 lets the threads of both tracks link at once, each of
which tries the other's branch too, and now and then one of them gets none ("not-linked").
"""

import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

protocols, url = sys.argv[1:]
Gst.init(None)
pipeline = Gst.Pipeline()
source = Gst.ElementFactory.make("rtspsrc")
source.set_property("location", url)
source.set_property("tls-validation-flags", 0)
Gst.util_set_object_arg(source, "protocols", protocols)
pipeline.add(source)
decoders = {
    "video": "rtph264depay ! h264parse ! avdec_h264",
    "audio": "rtpmp4gdepay ! aacparse ! avdec_aac",
}
decoded = {"video": 0, "audio": 0}


# Pads come in threads of their own, and two of them that look up the same class of PyGObject at once find half of it.
linking = threading.Lock()


def link(_, pad):
    """Decodes a track, and counts what comes of it."""
    with linking:
        media = pad.query_caps(None).get_structure(0).get_string("media")
        track = Gst.parse_bin_from_description(f"{decoders[media]} ! fakesink name=sink sync=false signal-handoffs=true", True)

        def count(*_):
            decoded[media] += 1

        track.get_by_name("sink").connect("handoff", count)
        pipeline.add(track)
        track.sync_state_with_parent()
        pad.link(track.get_static_pad("sink"))


source.connect("pad-added", link)
pipeline.set_state(Gst.State.PLAYING)
end = Gst.MessageType.ERROR | Gst.MessageType.EOS
message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, end)
print(decoded["video"])
if message is None or message.type == Gst.MessageType.ERROR:
    print(*(message.parse_error() if message else ("it does not end",)), decoded, file=sys.stderr)
sys.stdout.flush()
# Not by way of the pipeline's end: see receive_gstreamer.py.
os._exit(message is None or message.type == Gst.MessageType.ERROR)
