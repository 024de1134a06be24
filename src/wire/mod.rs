//! Bytes to values and back for the protocols: RTSP, SDP, RTP, RTCP. Pure.
