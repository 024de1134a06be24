//! `reelcast passwd`, also by the name `qtpasswd`: users of a users file and their passwords.
#![expect(clippy::print_stderr, reason = "this command's output")]

use std::fs;
use std::io::{self, IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::replacing::{lock, replace};
use crate::access::{Scheme, Unfit, UserFile};

/// Adds a user to a users file, changes a password, or deletes a user
#[derive(Debug, Args)]
pub struct Passwd {
    /// Create the file, for passwords of this realm
    #[arg(short = 'c', long = "create", value_name = "REALM")]
    realm: Option<String>,
    /// Delete the user
    #[arg(short = 'd', long, conflicts_with = "realm")]
    delete: bool,
    /// Overwrite the file without asking
    #[arg(short = 'F', long)]
    force: bool,
    /// Only for logins by this scheme, basic or digest; whoever reads the hash of digest can log in
    #[arg(short = 's', long, value_name = "SCHEME", conflicts_with = "delete")]
    scheme: Option<Scheme>,
    /// The users file
    file: PathBuf,
    /// The user
    user: String,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}: {error}", .file.display())]
    File { file: PathBuf, error: io::Error },
    #[error("{} is not there; -c REALM creates it", .0.display())]
    Missing(PathBuf),
    #[error("{} is there; -F overwrites it", .0.display())]
    There(PathBuf),
    #[error("{}: {unfit}", .file.display())]
    Unfit { file: PathBuf, unfit: Unfit },
    #[error("{0}")]
    Word(#[from] Unfit),
    #[error("there is no user {0}")]
    Nobody(String),
    #[error("the passwords differ")]
    Differ,
    #[error("no password: {0}")]
    Silent(io::Error),
}

/// Changes the file; tells on standard error what it did, or why not.
pub fn passwd(arguments: &Passwd) -> ExitCode {
    match arguments.carry_out() {
        Ok(done) => {
            eprintln!("{done}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

impl Passwd {
    /// Returns what was done.
    fn carry_out(&self) -> Result<String, Failure> {
        // What another file links to is to be changed, and not the link.
        let file = self.file.canonicalize();
        let file = file.unwrap_or_else(|_| self.file.clone());
        let password = match self.delete {
            true => None,
            false => {
                // Questions come before the lock: nobody else has to wait for the answers.
                self.consent(&file)?;
                Some(ask_password(&self.user)?)
            }
        };
        let _lock = lock(&file).map_err(|error| failed(&file, error))?;
        let mut users = self.users(&file)?;
        let user = &self.user;
        let done = match password {
            None if users.remove(user) => format!("{user} is deleted"),
            None => return Err(Failure::Nobody(user.clone())),
            Some(password) => match users.set(user, &password, self.scheme, rand::random())? {
                true => format!("{user} is added"),
                false => format!("{user} has another password"),
            },
        };
        replace(&file, users.text()).map_err(|error| failed(&file, error))?;
        Ok(done)
    }

    /// Whether the file may be created, or has to be there.
    fn consent(&self, file: &Path) -> Result<(), Failure> {
        match (&self.realm, file.exists()) {
            (None, false) => Err(Failure::Missing(file.to_owned())),
            (Some(_), true) if !self.force && !may_overwrite(file) => {
                Err(Failure::There(file.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The users as they are, or none in a new file.
    fn users(&self, file: &Path) -> Result<UserFile, Failure> {
        if let Some(realm) = &self.realm {
            return Ok(UserFile::new(realm)?);
        }
        let text = fs::read_to_string(file).map_err(|error| failed(file, error))?;
        UserFile::read(text).map_err(|unfit| Failure::Unfit {
            file: file.to_owned(),
            unfit,
        })
    }
}

fn failed(file: &Path, error: io::Error) -> Failure {
    let file = file.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => Failure::Missing(file),
        _ => Failure::File { file, error },
    }
}

/// Asks whoever sits at the terminal; nobody there is no.
fn may_overwrite(file: &Path) -> bool {
    if !stdin().is_terminal() {
        return false;
    }
    eprint!("{} is there. Overwrite it (yes or no)? ", file.display());
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}

/// Asks for the password of `user` twice: without echo at a terminal, else from two lines of the standard input.
fn ask_password(user: &str) -> Result<String, Failure> {
    let ask = |question: &str| match stdin().is_terminal() {
        true => rpassword::prompt_password(format!("{question} of {user}: ")),
        false => next_line(),
    };
    let first = ask("Password").map_err(Failure::Silent)?;
    let second = ask("Once more, the password").map_err(Failure::Silent)?;
    match first == second {
        true => Ok(first),
        false => Err(Failure::Differ),
    }
}

fn next_line() -> io::Result<String> {
    let mut line = String::new();
    if stdin().read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
