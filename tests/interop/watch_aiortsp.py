"""Watches the video of a movie with aiortsp: watch_aiortsp.py URL tcp|udp PICTURES.

Ends with 0 when as many pictures (packets with the marker bit) came, in order and without a gap.
"""

import asyncio
import sys
from urllib.parse import urlparse

from aiortsp.rtsp.connection import RTSPConnection
from aiortsp.rtsp.session import RTSPMediaSession
from aiortsp.transport import transport_for_scheme


async def watch(url, scheme, pictures):
    parsed = urlparse(url)
    packets = asyncio.Queue()

    class Recorder:
        def handle_rtp(self, packet):
            packets.put_nowait(packet)

        def handle_rtcp(self, _packet):
            pass

        def handle_closed(self, error):
            packets.put_nowait(error)

    transport_class = transport_for_scheme(scheme)
    async with RTSPConnection(parsed.hostname, parsed.port) as connection:
        async with transport_class(connection) as transport:
            transport.subscribe(Recorder())
            async with RTSPMediaSession(connection, url, transport=transport) as session:
                await session.play()
                return await count(packets, pictures)


async def count(packets, pictures):
    seen, last = 0, None
    while seen < pictures:
        packet = await asyncio.wait_for(packets.get(), 10)
        if packet is None or isinstance(packet, Exception):
            break
        if last is not None and packet.seq != (last + 1) % 65536:
            raise SystemExit(f"packet {packet.seq} after {last}")
        last = packet.seq
        seen += packet.m
    return seen


if __name__ == "__main__":
    url, protocol, pictures = sys.argv[1], sys.argv[2], int(sys.argv[3])
    scheme = {"tcp": "rtspt", "udp": "rtsp"}[protocol]
    seen = asyncio.run(watch(url, scheme, pictures))
    if seen != pictures:
        raise SystemExit(f"{seen} of {pictures} pictures")
