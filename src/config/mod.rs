//! The settings: one immutable value, read from TOML and the environment.
