//! The program: builds the parts, starts and stops them, applies new settings.
