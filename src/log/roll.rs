//! Files that are renamed and begun anew when they are old or large, as QTSS did it.
//!
//! `error.log` becomes `error.261121000.log`: the day of the rolling and a
//! number. Age counts in whole days from midnight of the day of creation.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use time::macros::format_description;
use time::{Date, OffsetDateTime, PlainDateTime};

use super::stamp;

/// When a file rolls; a limit of 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Age in days.
    pub days: u32,
    /// Size in KB of 1024 bytes.
    pub kilobytes: u32,
}

/// A log file that rolls.
#[derive(Debug)]
pub struct RollingFile {
    folder: PathBuf,
    name: String,
    limits: Limits,
    /// What a new file begins with, after the line that tells its creation;
    /// without it a file has neither.
    header: Option<String>,
    file: File,
    size: u64,
    created: Date,
}

impl RollingFile {
    /// Opens `folder/name.log` to append to it, and makes folder and file where they lack.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(
        folder: &Path,
        name: &str,
        limits: Limits,
        header: Option<String>,
        now: SystemTime,
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{name}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let size = file.metadata()?.len();
        let mut rolling = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            limits,
            header,
            file,
            size,
            created: stamp::local(now).date(),
        };
        if size == 0 {
            rolling.begin(now)?;
        } else {
            rolling.created = creation_day(&path).unwrap_or(rolling.created);
        }
        Ok(rolling)
    }

    /// Changes when the file rolls.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Appends `line`, which brings its own line end, and rolls the file before if it is too
    /// old and afterwards if it is too large.
    ///
    /// # Errors
    /// What the file system says. A file that cannot be rolled goes on growing.
    pub fn write(&mut self, line: &[u8], now: SystemTime) -> io::Result<()> {
        if self.is_old(now) {
            self.roll(now)?;
        }
        self.append(line)?;
        if self.is_large() {
            self.roll(now)?;
        }
        Ok(())
    }

    /// Renames the file after today's date and begins a new one.
    ///
    /// # Errors
    /// What the file system says, or that today's thousand names are taken.
    pub fn roll(&mut self, now: SystemTime) -> io::Result<()> {
        fs::rename(self.path(), self.free_name(now)?)?;
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path())?;
        self.begin(now)
    }

    fn begin(&mut self, now: SystemTime) -> io::Result<()> {
        let now = stamp::local(now);
        self.size = 0;
        self.created = now.date();
        let Some(header) = &self.header else {
            return Ok(());
        };
        let created = now.format(CREATED).map_err(io::Error::other)?;
        let text = format!("{created}\n{header}");
        self.append(text.as_bytes())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn is_old(&self, now: SystemTime) -> bool {
        let age = (stamp::local(now).date() - self.created).whole_days();
        self.limits.days != 0 && age >= i64::from(self.limits.days)
    }

    fn is_large(&self) -> bool {
        let limit = u64::from(self.limits.kilobytes) * 1024;
        limit != 0 && self.size >= limit
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn free_name(&self, now: SystemTime) -> io::Result<PathBuf> {
        let form = format_description!("[year repr:last_two][month][day]");
        let day = stamp::local(now).format(form).map_err(io::Error::other)?;
        (0..1000)
            .map(|number| format!("{}.{day}{number:03}.log", self.name))
            .map(|name| self.folder.join(name))
            .find(|path| !path.exists())
            .ok_or_else(|| io::Error::other("the names of all rolled logs of today are taken"))
    }
}

const CREATED: &[time::format_description::BorrowedFormatItem<'_>] =
    format_description!("#Log File Created On: [month]/[day]/[year] [hour]:[minute]:[second]");

/// The day that a file's first line tells, else the day when the file system saw it begin.
fn creation_day(path: &Path) -> Option<Date> {
    let file = File::open(path).ok()?;
    let mut line = String::new();
    let told = BufReader::new(&file).read_line(&mut line);
    if told.is_ok()
        && let Ok(created) = PlainDateTime::parse(line.trim_end(), CREATED)
    {
        return Some(created.date());
    }
    let facts = file.metadata().ok()?;
    let born: OffsetDateTime = stamp::local(facts.created().or_else(|_| facts.modified()).ok()?);
    Some(born.date())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    /// Noon in UTC on 2026-11-21, the same day in most time zones.
    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_262_400)
    }

    fn open(folder: &Path, days: u32, kilobytes: u32, now: SystemTime) -> RollingFile {
        let limits = Limits { days, kilobytes };
        RollingFile::open(folder, "a", limits, Some("#Software: x\n".to_owned()), now).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_large_file_rolls_after_the_line_that_made_it_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs");
        let mut log = open(&path, 0, 1, noon());
        for _ in 0..3 {
            log.write(&[b'x'; 1000], noon()).unwrap();
        }
        assert_eq!(
            names(&path),
            [
                "a.261121000.log",
                "a.261121001.log",
                "a.261121002.log",
                "a.log"
            ]
        );
    }

    #[test]
    fn an_old_file_rolls_before_the_next_line_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        open(path, 2, 0, noon()).write(b"one\n", noon()).unwrap();
        let mut log = open(path, 2, 0, noon() + DAY);
        log.write(b"two\n", noon() + DAY).unwrap();
        assert_eq!(names(path), ["a.log"]);
        log.write(b"three\n", noon() + 2 * DAY).unwrap();
        assert_eq!(names(path), ["a.261123000.log", "a.log"]);
        let rolled = fs::read_to_string(path.join("a.261123000.log")).unwrap();
        assert!(
            rolled.starts_with("#Log File Created On: 11/21/2026 "),
            "{rolled}"
        );
        assert!(rolled.ends_with("#Software: x\none\ntwo\n"), "{rolled}");
    }

    #[test]
    fn limits_of_zero_never_roll() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path(), 0, 0, noon());
        log.write(&[b'x'; 1 << 20], noon() + 1000 * DAY).unwrap();
        assert_eq!(names(folder.path()), ["a.log"]);
    }
}
