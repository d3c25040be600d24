//! Bodies in the form that was asked for.

/// The text of an HTML body, roughly: no tags, no styles, the common entities.
pub(crate) fn text_of_html(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        push_entities(&mut out, before);
        let lower: String = tag.chars().take(8).collect::<String>().to_ascii_lowercase();
        let hidden = ["script", "style", "head", "title"].into_iter().find(|name| {
            lower.strip_prefix('<').is_some_and(|after| {
                after.strip_prefix(name).is_some_and(|next| next.starts_with(['>', ' ']) || next.is_empty())
            })
        });
        let end = match hidden {
            Some(name) => tag.to_ascii_lowercase().find(&format!("</{name}")).unwrap_or(0),
            None => 0,
        };
        if ["<br", "<p>", "<p ", "<div", "</p", "<tr", "<li"].into_iter().any(|start| lower.starts_with(start)) {
            out.push_str("\r\n");
        }
        let after = tag.get(end..).unwrap_or_default();
        rest = after.find('>').and_then(|close| after.get(close + 1..)).unwrap_or_default();
    }
    push_entities(&mut out, rest);
    out.trim().to_owned()
}

/// An HTML body that shows plain text.
pub(crate) fn html_of_text(text: &str) -> String {
    let mut html = String::from(
        "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n</head>\r\n<body>\r\n<div class=\"PlainText\">",
    );
    for line in text.lines() {
        html.push_str(&line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        html.push_str("<br>\r\n");
    }
    html.push_str("</div>\r\n</body>\r\n</html>\r\n");
    html
}

fn push_entities(out: &mut String, text: &str) {
    let text = text
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    out.push_str(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_text() {
        let html = "<html><head><style>p { }</style></head><body><p>One &amp; two</p>three</body></html>";
        assert_eq!(text_of_html(html), "One & two\r\nthree");
        assert_eq!(text_of_html("no end <style"), "no end");
        assert_eq!(text_of_html(&html_of_text("a < b")), "a < b");
    }
}
