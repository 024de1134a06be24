"""Asks for the description of a movie with libcurl: describe_pycurl.py URL LINE...

Ends with 0 when each LINE starts a line of the answer.
"""

import io
import sys

import pycurl

url, wanted = sys.argv[1], sys.argv[2:]
body = io.BytesIO()
curl = pycurl.Curl()
curl.setopt(pycurl.URL, url)
curl.setopt(pycurl.OPT_RTSP_REQUEST, pycurl.RTSPREQ_DESCRIBE)
curl.setopt(pycurl.OPT_RTSP_STREAM_URI, url)
curl.setopt(pycurl.TIMEOUT, 10)
curl.setopt(pycurl.WRITEDATA, body)
curl.perform()
status = curl.getinfo(pycurl.RESPONSE_CODE)
lines = body.getvalue().decode().splitlines()
missing = [start for start in wanted if not any(line.startswith(start) for line in lines)]
if status != 200 or missing:
    raise SystemExit(f"status {status}, missing {missing} in {lines}")
