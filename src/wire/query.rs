//! Queries of URLs (RFC 3986, 3.4) as pairs `name=value`, which nothing decodes here.

/// What `query` says of `name`: the first value, as it is spelt.
pub fn value<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    if query.is_empty() {
        return None;
    }
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

/// `url` for people to read, without what its query says of `names`.
pub fn without_values(url: &str, names: &[&str]) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if names.contains(&name) => format!("{name}=..."),
        _ => pair.to_owned(),
    });
    let pairs: Vec<_> = pairs.collect();
    format!("{path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_of_a_name_counts() {
        assert_eq!(value("a=1&b=2&a=3", "a"), Some("1"));
        assert_eq!(value("ba=1&a", "a"), None);
        assert_eq!(value("a==", "a"), Some("="));
        assert_eq!(value("", ""), None);
    }

    #[test]
    fn secrets_are_left_out() {
        let shown = |url| without_values(url, &["signed", "token"]);
        assert_eq!(shown("rtsp://h/a"), "rtsp://h/a");
        assert_eq!(shown("/a?x=1&signed=s&y"), "/a?x=1&signed=...&y");
        assert_eq!(shown("/a?token=t&token=u"), "/a?token=...&token=...");
        assert_eq!(shown("/signed=s?a"), "/signed=s?a");
    }
}
