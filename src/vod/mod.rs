//! Movies on demand: from a path to packets that leave on their media time.
