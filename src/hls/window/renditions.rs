//! The renditions of a channel: what leads, and the sounds that are in segments of their own.

use super::Window;

/// What a sound is chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its number among the renditions of the channel; 0 for what leads.
    pub number: u16,
    /// Its language (RFC 5646).
    pub language: Option<String>,
}

impl Window {
    /// Says that sounds are in segments of their own, by the numbers of their files; `own` is what
    /// the window's own sound is chosen by, if it has one. To be said before anything is pushed.
    ///
    /// What is said to the window later of bounds, targets and the end goes for them too.
    pub fn set_sounds(&mut self, own: Option<Choice>, sounds: Vec<(u32, Choice)>) {
        let (bounds, targets, keeps_all) = (self.bounds, self.targets, self.keeps_all);
        let sound = |(number, choice): (u32, Choice)| Self {
            choice: Some(choice),
            keeps_all,
            ..Self::new(number, bounds, targets)
        };
        self.sounds = sounds.into_iter().map(sound).collect();
        self.choice = own;
        self.number_sounds();
    }

    /// Says that the first of the sounds is the window's own, with pictures if they come later. To be said
    /// before anything is pushed.
    pub fn take_first_sound(&mut self) {
        if !self.sounds.is_empty() {
            let first = self.sounds.remove(0);
            // With pictures, for which nobody waits who knows of them.
            self.tracks += 1;
            self.choice = first.choice.map(|choice| Choice {
                number: 0,
                ..choice
            });
            self.number_sounds();
        }
    }

    /// Numbers the sounds from 1, and tells each rendition of the others.
    fn number_sounds(&mut self) {
        let numbers = 1..=u16::try_from(self.sounds.len()).unwrap_or(u16::MAX);
        for (number, sound) in numbers.clone().zip(&mut self.sounds) {
            let others = numbers.clone().filter(|other| *other != number);
            sound.others = [0].into_iter().chain(others).collect();
            if let Some(choice) = &mut sound.choice {
                choice.number = number;
            }
        }
        self.others = numbers.collect();
    }

    /// Whether it is what leads, which decides for the sounds what stays.
    pub(super) fn leads(&self) -> bool {
        !self.others.contains(&0)
    }

    /// The rendition of that number.
    pub fn rendition(&self, number: u16) -> Option<&Self> {
        match number.checked_sub(1) {
            None => Some(self),
            Some(at) => self.sounds.get(usize::from(at)),
        }
    }

    /// The rendition whose files have that number.
    pub fn with_files(&self, number: u32) -> Option<&Self> {
        let mut renditions = [self].into_iter().chain(&self.sounds);
        renditions.find(|one| one.number == number)
    }

    /// The same to be changed.
    pub(super) fn with_files_mut(&mut self, number: u32) -> Option<&mut Self> {
        match self.number == number {
            true => Some(self),
            false => self.sounds.iter_mut().find(|one| one.number == number),
        }
    }

    /// The rendition of that number, to be changed.
    pub fn rendition_mut(&mut self, number: u16) -> Option<&mut Self> {
        match number.checked_sub(1) {
            None => Some(self),
            Some(at) => self.sounds.get_mut(usize::from(at)),
        }
    }
}
