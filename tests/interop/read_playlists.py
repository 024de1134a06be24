"""Reads playlists with the parser of PyPI's m3u8, and compares what it finds with the text: read_playlists.py URL..."""

import re
import sys
import urllib.request

import m3u8


def text_of(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def check(url):
    text = text_of(url)
    program = m3u8.loads(text, uri=url)
    assert program.is_variant, url
    for variant in program.playlists:
        info = variant.stream_info
        assert info.bandwidth > 0 and info.codecs, text
        media_text = text_of(variant.absolute_uri)
        media = m3u8.loads(media_text, uri=variant.absolute_uri)
        whole = [segment for segment in media.segments if segment.uri]
        assert len(whole) == media_text.count("#EXTINF:"), media_text
        durations = [float(found) for found in re.findall(r"#EXTINF:([0-9.]+)", media_text)]
        assert [segment.duration for segment in whole] == durations
        assert max(round(duration) for duration in durations) <= media.target_duration
        # What is given back must be the same playlist.
        again = m3u8.loads(media.dumps(), uri=variant.absolute_uri)
        assert [segment.uri for segment in again.segments] == [segment.uri for segment in media.segments]
        parts = sum(len(segment.parts) for segment in media.segments)
        assert parts == media_text.count("#EXT-X-PART:"), media_text


for playlist in sys.argv[1:]:
    check(playlist + ".m3u8")
