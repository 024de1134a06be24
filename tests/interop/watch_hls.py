"""Publishes a clip and watches it by HLS at once: watch_hls.py CLIENT PUBLISH_URL HLS_URL CLIP [SECONDS].

The clip has a flash and a beep each second. The client is there in the channel's first second, and must show every
picture of the clip once, in order and at its time, and each beep within
20 ms of its flash, without a complaint.
"""

import contextlib
import dataclasses
import os
import pwd
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

FLASH = 100  # the mean of a bright picture is above, that of others below
APART = 0.020
JITTER = 0.002


@dataclasses.dataclass
class Seen:
    """What a client showed: times are in seconds, hashes are of decoded pictures."""

    pictures: list
    flashes: list
    beeps: list


def see_with_ffmpeg(source, seconds):
    """Decodes with ffmpeg, which must not complain of what comes over HTTP."""
    options = ["-t", str(seconds)] if seconds else []
    command = ["ffmpeg", "-hide_banner", "-nostats", "-nostdin", *options, "-i", source, "-copyts", "-start_at_zero",
               "-map", "0:v:0", "-vf", "showinfo", "-fps_mode", "passthrough", "-enc_time_base", "-1",
               "-f", "framehash", "-hash", "md5", "-", "-map", "0:a:0",
               "-af", "silencedetect=noise=-30dB:duration=0.1", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    complaints = [line for line in done.stderr.splitlines()
                  if re.search(r"error|corrupt|invalid|fail|missing|discontinu|non.monoton", line, re.I)
                  and not re.search(r"Error count|Skip \('#EXT|Opening ", line)]
    if done.returncode != 0 or complaints:
        sys.exit("ffmpeg complains:\n" + "\n".join(complaints or [done.stderr[-2000:]]))
    hashes = [line.split(",")[5].strip() for line in done.stdout.splitlines() if line.startswith("0,")]
    shown = [(float(at), int(mean)) for at, mean in
             re.findall(r"pts_time:(\S+).* mean:\[(\d+)", done.stderr)]
    return Seen(
        pictures=[(at, picture) for (at, _), picture in zip(shown, hashes)],
        flashes=[at for at, mean in shown if mean > FLASH],
        beeps=[float(at) for at in re.findall(r"silence_end: (\S+)", done.stderr)])


def see_with_gstreamer(url, seconds):
    """Plays with playbin3, in time."""
    import hashlib
    import gi
    gi.require_version("Gst", "1.0")
    from gi.repository import Gst
    import array
    Gst.init(None)
    seen = Seen([], [], [])
    quiet = [0.0]

    def picture(_, buffer, pad):
        data = buffer.extract_dup(0, buffer.get_size())
        at = pad.get_sticky_event(Gst.EventType.SEGMENT, 0).parse_segment()
        at = at.to_running_time(Gst.Format.TIME, buffer.pts) / Gst.SECOND
        caps = pad.get_current_caps().get_structure(0)
        bright = data[: caps.get_value("width") * caps.get_value("height")]
        seen.pictures.append((at, hashlib.md5(data).hexdigest()))
        if sum(bright[::97]) / len(bright[::97]) > FLASH:
            seen.flashes.append(at)

    def sound(_, buffer, pad):
        segment = pad.get_sticky_event(Gst.EventType.SEGMENT, 0).parse_segment()
        begin = segment.to_running_time(Gst.Format.TIME, buffer.pts) / Gst.SECOND
        samples = array.array("h", buffer.extract_dup(0, buffer.get_size()))
        rate = pad.get_current_caps().get_structure(0).get_value("rate")
        for index, sample in enumerate(samples):
            if abs(sample) > 1000:
                at = begin + index / rate
                if at - quiet[0] > 0.1:
                    seen.beeps.append(at)
                quiet[0] = at

    pipeline = Gst.ElementFactory.make("playbin3")
    pipeline.set_property("uri", url)
    for kind, caps, take in (("video", "video/x-raw,format=I420", picture),
                             ("audio", "audio/x-raw,format=S16LE,channels=1", sound)):
        converter = "videoconvert" if kind == "video" else "audioconvert"
        description = f"{converter} ! {caps} ! fakesink name=end signal-handoffs=true sync=true"
        sink = Gst.parse_bin_from_description(description, True)
        sink.get_by_name("end").connect("handoff", take)
        pipeline.set_property(f"{kind}-sink", sink)
    pipeline.set_state(Gst.State.PLAYING)
    bus = pipeline.get_bus()
    end = time.monotonic() + seconds + 15
    kinds = Gst.MessageType.ERROR | Gst.MessageType.WARNING
    while time.monotonic() < end and len(seen.pictures) < seconds * 25:
        message = bus.timed_pop_filtered(200 * Gst.MSECOND, kinds)
        if message:
            error, debug = (message.parse_error if message.type == Gst.MessageType.ERROR else message.parse_warning)()
            sys.exit(f"GStreamer complains: {error.message}: {debug}")
    pipeline.set_state(Gst.State.NULL)
    return seen


def see_with_vlc(url, seconds):
    """Has VLC write what it receives to a file; it refuses to run as root."""
    with tempfile.TemporaryDirectory() as folder:
        account = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        received = os.path.join(folder, "received.mkv")
        command = ["cvlc", "-I", "dummy", "--no-one-instance", "--run-time", str(seconds), "--play-and-exit", url,
                   "--sout", f"#std{{access=file,mux=ffmpeg{{mux=matroska}},dst={received}}}", "vlc://quit"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder,
                              env=dict(os.environ, HOME=folder), **account)
        if not os.path.exists(received):
            sys.exit("VLC received nothing:\n" + done.stderr[-2000:])
        seen = see_with_ffmpeg(received, None)
        # It stops in the middle of what it has received.
        del seen.pictures[-25:]
        return seen


CLIENTS = {"ffmpeg": see_with_ffmpeg, "gstreamer": see_with_gstreamer, "vlc": see_with_vlc}


def compare_pictures(seen, source, least):
    """All pictures from the first one on, each at its time."""
    places = {picture: index for index, (_, picture) in enumerate(source)}
    if len(places) != len(source):
        sys.exit("two pictures of the clip are alike")
    first = next((index for index, (_, picture) in enumerate(seen) if picture in places), None)
    if first is None:
        sys.exit("no picture is one of the clip")
    if first > 0:
        sys.exit(f"{first} pictures are broken before the first good one")
    begin = places[seen[0][1]]
    shift = seen[0][0] - source[begin][0]
    for index, (at, picture) in enumerate(seen):
        place = places.get(picture)
        if place != begin + index:
            sys.exit(f"picture {index} is {place} of the clip instead of {begin + index}")
        late = at - source[place][0] - shift
        if abs(late) > JITTER:
            sys.exit(f"picture {index} is off by {late * 1000:.1f} ms")
    print(f"{len(seen)} pictures, the first is {begin} of the clip")
    if len(seen) < least:
        sys.exit(f"expected {least} pictures")


def offsets(seen):
    """From each flash to its beep."""
    nearest = [min(seen.beeps, key=lambda beep: abs(beep - flash), default=None) for flash in seen.flashes]
    return [beep - flash for flash, beep in zip(seen.flashes, nearest) if beep is not None and abs(beep - flash) < 0.5]


def compare_beeps(seen, source, least):
    """Each flash has its beep, as far apart as in the clip."""
    expected = offsets(source)
    expected = sum(expected) / len(expected)
    found = offsets(seen)
    if len(found) < least:
        sys.exit(f"{len(found)} beeps for {len(seen.flashes)} flashes, expected {least}")
    off = [offset - expected for offset in found]
    worst = max(off, key=abs)
    print(f"{len(found)} beeps, the worst, number {off.index(worst)}, is off by {worst * 1000:.1f} ms")
    if abs(worst) > APART:
        sys.exit("sound and pictures are not together")


def wait_for_channel(url):
    """Until the server knows the channel, whose first playlist may take longer."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=0.1)
            return
        except urllib.error.HTTPError as error:
            if error.code != 404:
                return
        except (TimeoutError, urllib.error.URLError):
            return
        time.sleep(0.1)
    sys.exit("nobody publishes")


def main():
    client, publish_url, hls_url, clip = sys.argv[1:5]
    seconds = int(sys.argv[5]) if len(sys.argv) > 5 else 60
    source = see_with_ffmpeg(clip, None)
    publisher = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-nostdin", "-re", "-i", clip, "-c", "copy",
         "-f", "rtsp", "-rtsp_transport", "tcp", publish_url])
    try:
        wait_for_channel(hls_url)
        seen = CLIENTS[client](hls_url, seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            publisher.terminate()
        publisher.wait()
    # VLC stops by the clock, having begun late.
    least = seconds - (15 if client == "vlc" else 1)
    compare_pictures(seen.pictures, source.pictures, least * 25)
    compare_beeps(seen, source, least - 1)


main()
