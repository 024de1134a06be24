//! Rules of a channel that stand in the settings, in the lines of an access file. Pure.

use std::fmt;
use std::sync::Arc;

use super::qtaccess::AccessFile;

/// Who may watch a channel, and publish it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    lines: Vec<String>,
    access: Arc<AccessFile>,
}

impl Rules {
    /// Reads the lines; files that they name lie in the folder that the server was started in.
    ///
    /// # Errors
    /// What is wrong with a line, or that nobody is let in.
    pub fn read(lines: Vec<String>) -> Result<Self, String> {
        match AccessFile::read(&lines.join("\n")) {
            Ok(access) => Ok(Self {
                lines,
                access: Arc::new(access),
            }),
            Err(fault) => Err(fault.text),
        }
    }

    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The same as a file would say it.
    pub(super) fn access(&self) -> &Arc<AccessFile> {
        &self.access
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_those_of_a_file() {
        let read = |lines: &[&str]| Rules::read(lines.iter().map(ToString::to_string).collect());
        let rules = read(&["AuthScheme basic", "require group family"]).unwrap();
        assert_eq!(rules.to_string(), "AuthScheme basic; require group family");
        assert!(read(&["reqire valid-user"]).unwrap_err().contains("reqire"));
        assert!(read(&["AuthScheme basic"]).unwrap_err().contains("nobody"));
    }
}
