"""Watches a faulty channel by HLS: endure_gstreamer.py URL SECONDS PAUSE.

playbin3 must show pictures for so many seconds from its first one on, with no pause of more than PAUSE seconds and
without an error. Nobody tells it anything meanwhile.
"""

import os
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

# How long the first picture may take, in seconds.
PATIENCE = 20


class Watch:
    """When pictures were shown, by a clock of this machine, and in which sizes."""

    def __init__(self):
        self.lock = threading.Lock()
        self.times = []
        self.sizes = []

    def show(self, _, buffer, pad):
        caps = pad.get_current_caps().get_structure(0)
        size = f"{caps.get_value('width')}x{caps.get_value('height')}"
        with self.lock:
            self.times.append(time.monotonic())
            if size not in self.sizes[-1:]:
                self.sizes.append(size)

    def seen(self):
        with self.lock:
            return list(self.times)


def build(url, watch):
    pipeline = Gst.ElementFactory.make("playbin3")
    pipeline.set_property("uri", url)
    pictures = Gst.parse_bin_from_description("fakesink name=end signal-handoffs=true sync=true", True)
    pictures.get_by_name("end").connect("handoff", watch.show)
    pipeline.set_property("video-sink", pictures)
    pipeline.set_property("audio-sink", Gst.parse_bin_from_description("fakesink sync=true", True))
    return pipeline


def play(url, seconds, pause):
    """Ends when the pictures have been shown for so long, or none was for more than `pause` seconds."""
    Gst.init(None)
    watch = Watch()
    pipeline = build(url, watch)
    pipeline.set_state(Gst.State.PLAYING)
    bus = pipeline.get_bus()
    begin = time.monotonic()
    fault = None
    while fault is None:
        message = bus.timed_pop_filtered(200 * Gst.MSECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS)
        times = watch.seen()
        if message:
            ended = message.type == Gst.MessageType.EOS
            fault = "it ends" if ended else ": ".join(map(str, message.parse_error()))
        elif not times and time.monotonic() - begin > PATIENCE:
            fault = "it shows nothing"
        elif times and time.monotonic() - times[-1] > pause:
            fault = f"it has stood still for {pause} s"
        elif times and time.monotonic() - times[0] > seconds:
            break
    return pipeline, watch, fault


def main():
    url, seconds, pause = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    _playing, watch, fault = play(url, seconds, pause)
    times = watch.seen()
    pauses = [(after - before, before - times[0]) for before, after in zip(times, times[1:])]
    longest, at = max(pauses, default=(0, 0))
    shown = f"{len(times)} pictures, {' then '.join(watch.sizes)}"
    print(f"{shown}; the longest pause took {longest:.1f} s, {at:.1f} s after the first one")
    if fault:
        print(f"after {times[-1] - times[0] if times else 0:.1f} s: {fault}")
    # Without taking it down: GStreamer 1.22 may abort in that ("g_mutex_clear() called on uninitialised or locked
    # mutex").
    sys.stdout.flush()
    os._exit(1 if fault else 0)


main()
