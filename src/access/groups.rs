//! Files of groups: `group: user user` on each line (QTSS manual, "Create a Group File"). Pure.

use std::collections::{HashMap, HashSet};

use super::texts::Fault;
use crate::base::lines::entries;

/// The groups of a file and their members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups(HashMap<String, HashSet<String>>);

impl Groups {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first line that is no group.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let mut groups = Self::default();
        for (number, line) in entries(text) {
            let (name, members) = line.split_once(':').ok_or_else(|| Fault {
                line: number,
                text: "no group; write NAME: USER USER".to_owned(),
            })?;
            let members = members.split_whitespace().map(str::to_owned);
            let group = groups.0.entry(name.trim().to_owned()).or_default();
            group.extend(members);
        }
        Ok(groups)
    }

    /// Whether `user` is in `group`.
    pub(super) fn has(&self, group: &str, user: &str) -> bool {
        self.0
            .get(group)
            .is_some_and(|members| members.contains(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_known() {
        let groups = Groups::read("admin:ann bob \n# no: ann\nstaff : cid\nadmin: eve\n").unwrap();
        for (group, user, is_member) in [
            ("admin", "ann", true),
            ("admin", "bob", true),
            ("admin", "eve", true),
            ("staff", "cid", true),
            ("staff", "ann", false),
            ("admin", "Ann", false),
            ("# no", "ann", false),
            ("other", "ann", false),
        ] {
            assert_eq!(groups.has(group, user), is_member, "{group} {user}");
        }
        assert_eq!(
            Groups::read("\nstaff ann").map_err(|fault| fault.line),
            Err(2)
        );
    }
}
