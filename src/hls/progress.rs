//! How far a channel's playlists are, and what a player may ask for before it is there.

use std::time::Duration;

/// The end of a channel's playlists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The media sequence number of the segment that is being made; all before it are whole.
    pub next: u64,
    /// How many of its parts are there.
    pub parts: u32,
    /// How many parts the segment before it has.
    pub last_parts: u32,
    /// Whether nothing will come any more.
    pub ended: bool,
}

/// What a playlist must hold before it is sent (rfc8216bis, 6.2.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The media sequence number of a segment.
    pub sequence: u64,
    /// The index of a part in it; without one, the segment must be whole.
    pub part: Option<u32>,
}

impl Progress {
    /// The number of the last segment of which there is something, and its last part.
    pub fn last(&self) -> (u64, Option<u32>) {
        let (sequence, parts) = match self.parts {
            0 => (self.next.saturating_sub(1), self.last_parts),
            parts => (self.next, parts),
        };
        (sequence, parts.checked_sub(1))
    }

    /// Whether a playlist of now holds what is wanted, or what comes after it.
    pub fn holds(&self, wanted: Wanted) -> bool {
        let Wanted { sequence, part } = wanted;
        let Some(part) = part else {
            return sequence < self.next;
        };
        match self.next.checked_sub(sequence) {
            None => false,
            Some(0) => part < self.parts,
            // A part beyond the last of its segment is the first of the next one.
            Some(1) => part < self.last_parts || self.parts > 0,
            Some(_) => true,
        }
    }

    /// Whether what is wanted is further away than players may ask for, in parts of at most `part_target`.
    pub fn is_beyond(&self, wanted: Wanted, part_target: Duration) -> bool {
        let first_part = match wanted.sequence.checked_sub(self.next) {
            None => return false,
            Some(0) => self.parts,
            Some(1) => 0,
            Some(_) => return true,
        };
        let ahead = wanted.part.and_then(|part| part.checked_sub(first_part));
        ahead.is_some_and(|ahead| u64::from(ahead) >= advance_limit(part_target))
    }

    /// What the part that comes next is called: as if it followed in the segment of the last one.
    pub fn announced(&self) -> (u64, u32) {
        match self.next.checked_sub(1) {
            Some(last) if self.parts == 0 && self.last_parts > 0 => (last, self.last_parts),
            _ => (self.next, self.parts),
        }
    }

    /// Whether that is the part that comes next.
    pub fn is_next(&self, sequence: u64, part: u32) -> bool {
        let places = [self.announced(), (self.next, self.parts)];
        !self.ended && places.contains(&(sequence, part))
    }
}

/// How many parts ahead of the last one a player may ask for (rfc8216bis, 6.2.5.2).
fn advance_limit(part_target: Duration) -> u64 {
    let millis = part_target.as_millis().max(1);
    let limit = if millis < 1000 {
        3000_u128.div_ceil(millis)
    } else {
        3
    };
    u64::try_from(limit).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Duration = Duration::from_millis(500);

    const NOW: Progress = Progress {
        next: 10,
        parts: 2,
        last_parts: 12,
        ended: false,
    };

    fn wanted(sequence: u64, part: Option<u32>) -> Wanted {
        Wanted { sequence, part }
    }

    #[test]
    fn what_is_there_is_held() {
        for (sequence, part, held) in [
            (9, None, true),
            (10, None, false),
            (10, Some(1), true),
            (10, Some(2), false),
            (9, Some(11), true),
            (9, Some(12), true),
            (3, Some(99), true),
            (11, Some(0), false),
        ] {
            let wanted = wanted(sequence, part);
            assert_eq!(NOW.holds(wanted), held, "{wanted:?}");
        }
        let begun = Progress { parts: 0, ..NOW };
        assert!(!begun.holds(wanted(9, Some(12))));
        assert!(begun.is_next(10, 0) && !begun.is_next(10, 1));
    }

    #[test]
    fn what_was_announced_comes_next_though_its_segment_has_ended() {
        assert_eq!(NOW.announced(), (10, 2));
        let ended = Progress {
            next: 11,
            parts: 0,
            last_parts: 2,
            ended: false,
        };
        assert_eq!(ended.announced(), (10, 2));
        assert!(ended.is_next(10, 2) && ended.is_next(11, 0) && !ended.is_next(10, 1));
        let first = Progress {
            last_parts: 0,
            ..ended
        };
        assert_eq!(first.announced(), (11, 0));
    }

    #[test]
    fn too_far_ahead_is_beyond() {
        for (sequence, part, beyond) in [
            (0, Some(1000), false),
            (10, Some(7), false),
            (10, Some(8), true),
            (11, None, false),
            (11, Some(5), false),
            (11, Some(6), true),
            (12, None, true),
            (u64::MAX, Some(0), true),
        ] {
            let wanted = wanted(sequence, part);
            assert_eq!(NOW.is_beyond(wanted, HALF), beyond, "{wanted:?}");
        }
        let slow = Duration::from_secs(2);
        assert!(!NOW.is_beyond(wanted(10, Some(4)), slow));
        assert!(NOW.is_beyond(wanted(10, Some(5)), slow));
    }
}
