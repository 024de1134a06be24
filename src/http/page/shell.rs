//! The HTML around a page's data: the one that `admin-ui` has built, or a plain one without it.

use std::fmt::Write;

use super::data::{Card, List, Page, Presence, Watch};

/// The words of the built page that give way to a page's own.
const TITLE: &str = "<title>Reelcast</title>";
const BODY: &str = "<!--page-->";

/// Where the plain page is all that there is, it says what is missing.
const UNBUILT: &str = "<p><small>This server was built without its player, so only browsers that play HLS \
    by themselves show anything here. <code>make build</code> adds the player for all others.</small>\n";

/// Where the built page finds the files beside it.
const ASSETS: &str = "\"./assets/";

/// The page; `template` is what `admin-ui` has built, and the server is shown below `prefix`.
pub(super) fn html(template: Option<&str>, page: &Page, prefix: &str) -> String {
    let title = format!("<title>{}</title>", escaped(&title(page)));
    let plain = plain(page, prefix);
    let Some(template) = template else {
        return format!("{HEAD}{title}\n{plain}{UNBUILT}");
    };
    // Nothing in a script can end it before its time.
    let data = page.json(prefix).replace('<', "\\u003c");
    let body = format!(
        "<noscript>\n{plain}</noscript>\n<script id=\"page\" type=\"application/json\">{data}</script>"
    );
    // What users say comes in last, so that nothing of it is replaced.
    let assets = template.replace(ASSETS, &format!("\"{prefix}/assets/"));
    assets.replacen(TITLE, &title, 1).replacen(BODY, &body, 1)
}

/// What browsers may load for a page (CSP): only what comes from this server.
pub(super) fn policy(is_embedded: bool) -> &'static str {
    if is_embedded { EMBEDDED } else { OWN }
}

macro_rules! policy {
    ($frames:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; ",
            "media-src 'self' blob: data:; connect-src 'self'; worker-src 'self' blob:; ",
            "base-uri 'none'; form-action 'none'; frame-ancestors ",
            $frames
        )
    };
}

const OWN: &str = policy!("'self'");
const EMBEDDED: &str = policy!("*");

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n";

fn title(page: &Page) -> String {
    match page {
        Page::List(list) if list.folder.is_empty() => "Reelcast".to_owned(),
        Page::List(list) => format!("{} · Reelcast", list.folder),
        Page::Watch(watch) => format!("{} · Reelcast", watch.card.name),
        Page::Missing { name } => format!("{name} · Reelcast"),
    }
}

fn plain(page: &Page, prefix: &str) -> String {
    let mut html = String::new();
    let written = match page {
        Page::List(list) => write_list(&mut html, list),
        Page::Watch(watch) => write_watch(&mut html, watch, prefix),
        Page::Missing { name } => writeln!(
            html,
            "<h1>{}</h1>\n<p>There is no such channel or movie. <a href=\"{prefix}/\">What there is</a>",
            escaped(name)
        ),
    };
    written.expect("a String takes everything");
    html
}

fn write_list(html: &mut String, list: &List) -> std::fmt::Result {
    for (heading, cards) in [("Channels", &list.channels), ("Movies", &list.movies)] {
        writeln!(html, "<h1>{heading}</h1>\n<ul>")?;
        for card in cards {
            let (url, name) = (escaped(&card.url), escaped(&card.name));
            writeln!(html, "<li><a href=\"{url}\">{name}</a>{}", state(card))?;
        }
        writeln!(html, "</ul>")?;
    }
    if list.is_filling {
        writeln!(html, "<p>The movies folder is still being looked through.")?;
    }
    if list.is_cut {
        writeln!(html, "<p>There are more files than a list is made of.")?;
    }
    if list.left_out > 0 {
        writeln!(
            html,
            "<p>And {} more, which are reached by their names.",
            list.left_out
        )?;
    }
    Ok(())
}

fn state(card: &Card) -> &'static str {
    match card.presence {
        Presence::Live => " (live)",
        Presence::Waiting | Presence::Idle => " (off the air)",
        Presence::Movie => "",
    }
}

fn write_watch(html: &mut String, watch: &Watch, prefix: &str) -> std::fmt::Result {
    let card = &watch.card;
    writeln!(html, "<h1>{}</h1>", escaped(&card.name))?;
    if let Some(title) = &card.title {
        writeln!(html, "<p>{}", escaped(title))?;
    }
    if let Some(first) = watch.playlists.first() {
        let poster = card.poster.as_deref().map(escaped);
        let poster = poster.map_or_else(String::new, |url| format!(" poster=\"{url}\""));
        let url = escaped(&first.url);
        writeln!(
            html,
            "<p><video src=\"{url}\"{poster} controls playsinline></video>"
        )?;
    }
    writeln!(html, "<ul>")?;
    for playlist in &watch.playlists {
        let url = escaped(&playlist.url);
        writeln!(html, "<li><a href=\"{url}\">{url}</a>")?;
    }
    writeln!(
        html,
        "</ul>\n<p><a href=\"{prefix}/\">What else there is</a>"
    )
}

/// A text as it stands in HTML, also in attributes.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::MediaPath;

    const HOSTILE: &str = "</script><script>alert(1)</script>&\"";

    #[test]
    fn names_cannot_become_markup() {
        let page = Page::missing(&MediaPath::from_plain("a<b>&\"c\"").unwrap());
        let plain = html(None, &page, "");
        assert!(
            plain.contains("<h1>a&lt;b&gt;&amp;&quot;c&quot;</h1>"),
            "{plain}"
        );
        assert!(plain.contains("make build"), "{plain}");
    }

    #[test]
    fn data_cannot_end_its_script() {
        let page = Page::Missing {
            name: HOSTILE.to_owned(),
        };
        let template = format!("<html>{TITLE}<body>{BODY}<div id=app></div>");
        let html = html(Some(&template), &page, "");
        assert_eq!(html.matches("</script>").count(), 1, "{html}");
        assert!(!html.contains("alert(1)</"), "{html}");
        let data = html.split_once("json\">").unwrap().1;
        let data = data.split_once("</script>").unwrap().0;
        assert_eq!(data, page.json("").replace('<', "\\u003c"));
        let read: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(read["name"], HOSTILE);
    }

    #[test]
    fn a_proxy_may_show_it_below_a_path() {
        let page = Page::missing(&MediaPath::from_plain("\"./assets/").unwrap());
        let template = format!("<html>{TITLE}<script src=\"./assets/a.js\"></script>{BODY}");
        let html = html(Some(&template), &page, "/media");
        assert!(
            html.contains("<script src=\"/media/assets/a.js\">"),
            "{html}"
        );
        assert!(html.contains("<a href=\"/media/\">"), "{html}");
        assert!(html.contains("\"home\":\"/media/\""), "{html}");
        assert_eq!(html.matches("/media/assets/").count(), 1, "{html}");
    }
}
