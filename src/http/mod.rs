//! HTTP: the administration port and what plain HTTP asks on the others.
