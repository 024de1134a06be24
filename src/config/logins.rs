//! What this server logs in with elsewhere, such as at cameras: a file that only its owner may read, with
//! a line `NAME:USER:PASSWORD` for each, and variables of the environment.
//!
//! So the passwords need not stand in the URLs of the settings, which more people read.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::fault::{Fault, Place};
use super::source_url::Credentials;
use crate::base::lines::entries;

/// What the variables begin with: `REELCAST_LOGIN_CAMERAS=user:password`.
pub(super) const PREFIX: &str = "REELCAST_LOGIN_";

/// The longest file, in bytes.
const LONGEST: u64 = 1 << 20;

/// Those whose bits of the mode must be 0.
const OTHERS: u32 = 0o077;

/// The logins that there are.
#[derive(Debug)]
pub(super) struct Logins<'e> {
    file: PathBuf,
    environment: &'e [(String, String)],
    /// What the file says, once somebody has needed it.
    read: Option<HashMap<String, Credentials>>,
}

impl<'e> Logins<'e> {
    /// Those of `file` and of `environment`, which goes before.
    pub(super) fn new(file: PathBuf, environment: &'e [(String, String)]) -> Self {
        Self {
            file,
            environment,
            read: None,
        }
    }

    /// The login of that name, which stands at `place` in the settings.
    ///
    /// # Errors
    /// What is wrong with the file or the variable, or that there is none of that name.
    pub(super) fn find(&mut self, name: &str, place: &Place) -> Result<Credentials, Fault> {
        let variable = variable_of(name);
        let mut variables = self.environment.iter();
        if let Some((_, text)) = variables.find(|(known, _)| *known == variable) {
            let read = Credentials::read(text);
            return read.ok_or_else(|| Fault {
                place: Place::Variable(variable),
                text: "no login".to_owned(),
                fix: "write USER:PASSWORD".to_owned(),
            });
        }
        let found = self.of_file()?.get(name).cloned();
        found.ok_or_else(|| Fault {
            place: place.clone(),
            text: format!("there is no login `{name}`"),
            fix: format!(
                "write {name}:USER:PASSWORD into {}, or USER:PASSWORD into the variable {variable}",
                self.file.display()
            ),
        })
    }

    fn of_file(&mut self) -> Result<&HashMap<String, Credentials>, Fault> {
        if self.read.is_none() {
            self.read = Some(read(&self.file)?);
        }
        Ok(self.read.get_or_insert_default())
    }
}

/// `REELCAST_LOGIN_FRONT_DOOR` of `front-door`.
fn variable_of(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_uppercase(),
        _ => '_',
    });
    PREFIX.chars().chain(letters).collect()
}

/// What a file says; nothing when it is not there.
fn read(file: &Path) -> Result<HashMap<String, Credentials>, Fault> {
    let fault = |text: String, fix: &str| Fault {
        place: Place::File(file.to_owned()),
        text,
        fix: fix.to_owned(),
    };
    let cannot = |error: std::io::Error| {
        let text = format!("cannot be read: {error}");
        fault(text, "let the server's user own it")
    };
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(cannot(error)),
    };
    // Of the file that is open, for another may have its name by now.
    let mode = opened.metadata().map_err(cannot)?.mode() & 0o777;
    if mode & OTHERS != 0 {
        let text = format!("others may use these passwords, by the file's mode {mode:o}");
        return Err(fault(text, &format!("chmod 600 {}", file.display())));
    }
    let mut text = String::new();
    let read = opened.take(LONGEST + 1).read_to_string(&mut text);
    if read.map_err(cannot)? as u64 > LONGEST {
        let text = format!("is longer than {LONGEST} bytes");
        return Err(fault(text, "name a file of lines NAME:USER:PASSWORD"));
    }
    let mut logins = HashMap::new();
    for (number, line) in entries(&text) {
        let named = line.split_once(':');
        let named = named.and_then(|(name, login)| Some((name, Credentials::read(login)?)));
        let Some((name, login)) = named else {
            return Err(Fault {
                place: Place::Position {
                    file: file.to_owned(),
                    line: number,
                    column: 1,
                },
                text: "no login".to_owned(),
                fix: "write NAME:USER:PASSWORD".to_owned(),
            });
        };
        logins.insert(name.trim().to_owned(), login);
    }
    Ok(logins)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn find(file: &Path, environment: &[(&str, &str)], name: &str) -> Result<String, String> {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: Vec<_> = environment.iter().map(text).collect();
        let found = Logins::new(file.to_owned(), &environment).find(name, &Place::Argument);
        let found = found.map(|login| format!("{} {}", login.user, login.password));
        found.map_err(|fault| fault.to_string())
    }

    #[test]
    fn logins_are_found_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logins");
        let missing = find(&file, &[], "door").unwrap_err();
        assert!(missing.contains("REELCAST_LOGIN_DOOR"), "{missing}");
        std::fs::write(&file, "# ours\n\ndoor:admin:a:b c\nfront-door:root:\n").unwrap();
        let readable = find(&file, &[], "door").unwrap_err();
        assert!(readable.contains("chmod 600"), "{readable}");
        let set = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            set(mode);
            assert!(find(&file, &[], "door").is_err(), "{mode:o}");
        }
        for mode in [0o600, 0o400] {
            set(mode);
            assert_eq!(find(&file, &[], "door").as_deref(), Ok("admin a:b c"));
        }
        assert_eq!(find(&file, &[], "front-door").as_deref(), Ok("root "));
        let variables = [("REELCAST_LOGIN_FRONT_DOOR", "ann:x")];
        assert_eq!(
            find(&file, &variables, "front-door").as_deref(),
            Ok("ann x")
        );
        let faulty = find(&file, &[("REELCAST_LOGIN_DOOR", "ann")], "door").unwrap_err();
        assert!(faulty.contains("REELCAST_LOGIN_DOOR"), "{faulty}");
        assert!(find(&file, &[], "# ours").is_err());
        set(0o600);
        std::fs::write(&file, "door:admin:x\ngate:admin\n").unwrap();
        let faulty = find(&file, &[], "door").unwrap_err();
        assert!(faulty.contains("logins:2:1: no login"), "{faulty}");
        let long = format!("door:admin:x\n{}", "#\n".repeat(1 << 19));
        std::fs::write(&file, long).unwrap();
        let refused = find(&file, &[], "door").unwrap_err();
        assert!(refused.contains("longer than"), "{refused}");
    }
}
