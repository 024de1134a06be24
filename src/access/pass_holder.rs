//! Whom a pass was given to, as it stands in the pass. Pure.

use std::fmt;
use std::sync::Arc;

use super::guard::Rule;
use super::tokens::Bearer;

/// Whom a pass was given to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PassHolder<'a> {
    /// A user of the files, who has logged in.
    User(&'a str),
    /// Whom a token has named.
    Bearer {
        user: &'a str,
        /// As far as the rules ask for them.
        groups: Vec<String>,
    },
}

impl<'a> PassHolder<'a> {
    /// Whom a token names, as `rules` are asked about it.
    pub(super) fn of(bearer: &'a Bearer, rules: &[Arc<Rule>]) -> Self {
        let mut groups: Vec<_> = rules
            .iter()
            .flat_map(|rule| rule.asked_groups(&bearer.groups))
            .cloned()
            .collect();
        groups.sort();
        groups.dedup();
        Self::Bearer {
            user: &bearer.user,
            groups,
        }
    }

    /// Reads what [`Display`](fmt::Display) has written.
    pub(super) fn read(text: &'a str) -> Self {
        // No name has a line feed.
        match text.split_once('\n') {
            Some((user, groups)) => Self::Bearer {
                user,
                groups: groups.lines().map(str::to_owned).collect(),
            },
            None => Self::User(text),
        }
    }
}

impl fmt::Display for PassHolder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => f.write_str(user),
            Self::Bearer { user, groups } => write!(f, "{user}\n{}", groups.join("\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_read_as_they_are_written() {
        let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        for (holder, text) in [
            (PassHolder::User("ann"), "ann"),
            (
                PassHolder::Bearer {
                    user: "ann",
                    groups: groups(&[]),
                },
                "ann\n",
            ),
            (
                PassHolder::Bearer {
                    user: "ann",
                    groups: groups(&["gold", "staff"]),
                },
                "ann\ngold\nstaff",
            ),
        ] {
            assert_eq!(holder.to_string(), text);
            assert_eq!(PassHolder::read(text), holder);
        }
    }
}
