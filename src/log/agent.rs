//! What a QuickTime player tells of itself in its User-Agent.

/// The parts of `QTS (qtver=7.6;os=Mac 10.4;cpu=PPC;lang=en)`; empty where they lack.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Agent<'a> {
    pub(super) version: &'a str,
    pub(super) language: &'a str,
    pub(super) os: &'a str,
    pub(super) os_version: &'a str,
    pub(super) cpu: &'a str,
}

impl<'a> Agent<'a> {
    /// Reads a User-Agent; one of another form tells nothing.
    pub(super) fn read(text: &'a str) -> Self {
        let mut agent = Self::default();
        let inside = text
            .split_once('(')
            .and_then(|(_, rest)| rest.rsplit_once(')'));
        let Some((facts, _)) = inside else {
            return agent;
        };
        for (name, value) in facts.split(';').filter_map(|fact| fact.split_once('=')) {
            let value = value.trim();
            match name.trim() {
                "qtver" => agent.version = value,
                "lang" => agent.language = value,
                "os" => agent.os = value,
                "osver" => agent.os_version = value,
                "cpu" => agent.cpu = value,
                _ => {}
            }
        }
        agent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quicktime_tells_of_itself() {
        let agent = Agent::read("QTS (qtver=6.5.1;cpu=PPC;os=Mac 10.3.4; lang=en)");
        assert_eq!(agent.version, "6.5.1");
        assert_eq!(
            (agent.os, agent.cpu, agent.language),
            ("Mac 10.3.4", "PPC", "en")
        );
        assert_eq!(Agent::read("Lavf60.16.100"), Agent::default());
        assert_eq!(Agent::read(") x=y ("), Agent::default());
    }
}
