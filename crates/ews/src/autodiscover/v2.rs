//! `autodiscover.json`, asked without a sign-in ("Autodiscover v2").

use serde_json::Value;

use super::answer::{Said, Settings, quoted};

/// The URL that asks a host.
pub(super) fn url(scheme: &str, host: &str, address: &str) -> String {
    let path = "/autodiscover/autodiscover.json";
    format!("{scheme}://{host}{path}?Email={}&Protocol=EWS&RedirectCount=1", escaped(address))
}

/// Reads `{"Protocol":"EWS","Url":"..."}` or `{"ErrorCode":"...","ErrorMessage":"..."}`.
pub(super) fn read(body: &[u8]) -> Said {
    let Ok(Value::Object(told)) = serde_json::from_slice::<Value>(body) else {
        return Said::Noise("something that is no Autodiscover JSON".to_owned());
    };
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    match (text("Url"), text("ErrorCode")) {
        (Some(url), _) => Said::Settings(Box::new(Settings { external: Some(url.to_owned()), ..Settings::default() })),
        (None, Some(code)) => {
            let message = text("ErrorMessage").map(|message| format!(": {}", quoted(message))).unwrap_or_default();
            Said::No(format!("{}{message}", quoted(code)))
        }
        _ => Said::Noise("JSON that names no URL".to_owned()),
    }
}

/// As it may stand in a query (RFC 3986 section 2.3).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_break_out_of_the_query() {
        assert_eq!(
            url("https", "h", "a&b=c+d#ä@x.example"),
            "https://h/autodiscover/autodiscover.json?Email=a%26b%3Dc%2Bd%23%C3%A4@x.example&Protocol=EWS&RedirectCount=1"
        );
    }

    #[test]
    fn answers_are_read() {
        let Said::Settings(told) = read(br#"{"Protocol":"Ews","Url":"https://m/EWS/Exchange.asmx"}"#) else { panic!() };
        assert_eq!(told.external.as_deref(), Some("https://m/EWS/Exchange.asmx"));
        let no = br#"{"ErrorCode":"UserNotFound","ErrorMessage":"The given\nuser is not found."}"#;
        assert_eq!(read(no), Said::No("UserNotFound: The given user is not found.".to_owned()));
        for noise in ["", "<html>", "[]", "{}", "{\"Url\":7}", "{\"Url\":\" \"}", "null"] {
            assert!(matches!(read(noise.as_bytes()), Said::Noise(_)), "{noise}");
        }
    }
}
