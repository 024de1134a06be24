//! Sockets. The only folder that names socket crates.
