//! Status codes.

use std::fmt;

/// A status code (RFC 2326, 7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u16);

impl Status {
    /// 200
    pub const OK: Self = Self(200);
    /// 400
    pub const BAD_REQUEST: Self = Self(400);
    /// 413
    pub const ENTITY_TOO_LARGE: Self = Self(413);
    /// 414
    pub const URI_TOO_LARGE: Self = Self(414);
    /// 505
    pub const VERSION_NOT_SUPPORTED: Self = Self(505);

    /// The reason phrase (RFC 2326, 7.1.1); for an unknown code that of its class.
    pub fn reason(self) -> &'static str {
        match self.0 {
            100 => "Continue",
            200 => "OK",
            201 => "Created",
            250 => "Low on Storage Space",
            300 => "Multiple Choices",
            301 => "Moved Permanently",
            302 => "Moved Temporarily",
            303 => "See Other",
            304 => "Not Modified",
            305 => "Use Proxy",
            _ => self.failure(),
        }
    }

    fn failure(self) -> &'static str {
        match self.0 {
            401 => "Unauthorized",
            402 => "Payment Required",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            406 => "Not Acceptable",
            407 => "Proxy Authentication Required",
            408 => "Request Time-out",
            410 => "Gone",
            411 => "Length Required",
            412 => "Precondition Failed",
            413 => "Request Entity Too Large",
            414 => "Request-URI Too Large",
            415 => "Unsupported Media Type",
            450..=499 => self.refusal(),
            501 => "Not Implemented",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Time-out",
            505 => "RTSP Version not supported",
            551 => "Option not supported",
            code if code < 200 => "Continue",
            code if code < 300 => "OK",
            code if code < 400 => "Moved Temporarily",
            code if code < 500 => "Bad Request",
            _ => "Internal Server Error",
        }
    }

    /// The codes that RTSP added to those of HTTP (RFC 2326, 11.3).
    fn refusal(self) -> &'static str {
        match self.0 {
            451 => "Parameter Not Understood",
            452 => "Conference Not Found",
            453 => "Not Enough Bandwidth",
            454 => "Session Not Found",
            455 => "Method Not Valid in This State",
            456 => "Header Field Not Valid for Resource",
            457 => "Invalid Range",
            458 => "Parameter Is Read-Only",
            459 => "Aggregate Operation Not Allowed",
            460 => "Only Aggregate Operation Allowed",
            461 => "Unsupported Transport",
            462 => "Destination Unreachable",
            464 => "Data Transport Not Ready Yet",
            _ => "Bad Request",
        }
    }
}

impl fmt::Display for Status {
    /// `404 Not Found`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}
