//! The error log and the access log, both rolled by age and size.
