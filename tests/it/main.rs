//! Integration tests: one binary, every server on port 0.
