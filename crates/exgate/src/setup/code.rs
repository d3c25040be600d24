//! QR codes, by which telephones set themselves up.

use qrcodegen::{QrCode, QrCodeEcc};

use super::Place;

/// What there is a code for: what it is, and what stands in it. Whoever reads one with a password can use it.
pub(crate) fn all(place: &Place, user: &str, password: Option<&str>) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    all.extend(mail(place, user, password).map(|text| ("Mail: Thunderbird for Android", text)));
    all.extend(collections(place, user, password).map(|text| ("Calendars and contacts: DAVx⁵", text)));
    let profile = place.url().map(|url| format!("{url}exgate.mobileconfig"));
    all.extend(profile.map(|url| ("iPhone and iPad: the profile", url)));
    all
}

/// What Thunderbird for Android imports ("Export for Mobile" QR code format, version 1): IMAP and SMTP, 3 for TLS, 1 for a
/// password.
fn mail(place: &Place, user: &str, password: Option<&str>) -> Option<String> {
    let (host, imaps, submissions) = (&place.host, place.imaps?, place.submissions?);
    let password = password.unwrap_or_default();
    let incoming = serde_json::json!([0, host, imaps, 3, 1, user, user, password]);
    let outgoing = serde_json::json!([0, host, submissions, 3, 1, user, password]);
    user.contains('@').then(|| serde_json::json!([1, [1, 1], incoming, [[outgoing, [user, user]]]]).to_string())
}

/// What DAVx⁵ opens.
fn collections(place: &Place, user: &str, password: Option<&str>) -> Option<String> {
    let url = place.url()?;
    let place = url.strip_prefix("https://")?;
    let password = password.map_or(String::new(), |password| format!(":{}", quoted(password)));
    Some(format!("davx5://{}{password}@{place}", quoted(user)))
}

/// RFC 3986 section 2.1: all but unreserved characters.
fn quoted(text: &str) -> String {
    let quote = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(quote).collect()
}

/// As a picture within HTML; nothing for a text that is too long.
pub(crate) fn svg(text: &str, title: &str) -> String {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    let side = code.size() + 2 * MARGIN;
    let mut squares = String::new();
    for (x, y) in dark(&code) {
        squares += &format!("M{},{}h1v1h-1z", x + MARGIN, y + MARGIN);
    }
    format!(
        "<svg role=\"img\" aria-label=\"QR code: {}\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#000\" d=\"{squares}\"/></svg>",
        super::escaped(title)
    )
}

/// As lines for a terminal, two rows of squares in each; nothing for a text that is too long.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Low) else { return Vec::new() };
    let around = -MARGIN..code.size() + MARGIN;
    let square = |x, y| if code.get_module(x, y) { 1 } else { 0 };
    // What is light is drawn, since terminals are dark.
    let row = |y| around.clone().map(|x| ['█', '▄', '▀', ' '][square(x, y) * 2 + square(x, y + 1)]).collect();
    around.clone().step_by(2).map(row).collect()
}

fn dark(code: &QrCode) -> impl Iterator<Item = (i32, i32)> {
    let all = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    all.filter(|(x, y)| code.get_module(*x, *y))
}

/// Light squares around a code.
const MARGIN: i32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_its_reader_wants() {
        let all = all(&super::super::example(), "anna@corp.example", Some("abc-1"));
        let texts: Vec<&str> = all.iter().map(|(_, text)| text.as_str()).collect();
        let mail = "[1,[1,1],[0,\"mail.corp.example\",993,3,1,\"anna@corp.example\",\"anna@corp.example\",\"abc-1\"],\
                    [[[0,\"mail.corp.example\",465,3,1,\"anna@corp.example\",\"abc-1\"],\
                    [\"anna@corp.example\",\"anna@corp.example\"]]]]";
        let davx5 = "davx5://anna%40corp.example:abc-1@mail.corp.example:8443/";
        assert_eq!(texts, [mail, davx5, "https://mail.corp.example:8443/exgate.mobileconfig"]);
    }

    #[test]
    fn pictures_and_lines_show_the_same_squares() {
        let code = QrCode::encode_text("hello", QrCodeEcc::Low).unwrap();
        let lines = lines("hello");
        assert_eq!(lines.len() as i32, (code.size() + 2 * MARGIN + 1) / 2);
        let light: usize = lines
            .iter()
            .flat_map(|line| line.chars())
            .map(|c| [2, 1, 1, 0]["█▄▀ ".chars().position(|d| d == c).unwrap()])
            .sum();
        let all = (lines.len() * 2) * (code.size() + 2 * MARGIN) as usize;
        assert_eq!(all - light, dark(&code).count());
        let medium = QrCode::encode_text("hello", QrCodeEcc::Medium).unwrap();
        assert_eq!(svg("hello", "x").matches('M').count(), dark(&medium).count());
        assert!(svg(&"x".repeat(5000), "x").is_empty());
    }
}
