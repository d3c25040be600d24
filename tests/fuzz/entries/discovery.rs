//! Autodiscover and identity providers that answer anything: never a panic, never a search without an end, and never a
//! password for a host that nobody named.
//!
//! The input is a list of answers, each on a line: an octet for the kind, one for the status, the rest for its text.

use ews::autodiscover::{MOST_REFUSALS, Rehearsed, Request, Step, rehearse};
use ews::oauth::{Bearer, Diagnostics, Modern, OAuthConfig, Refusal, explain};
use ews::{Identity, Secret, Service, Told};
use http::{HeaderMap, HeaderValue};

pub fn run(data: &[u8]) {
    let answers: Vec<&[u8]> = data.split(|byte| *byte == b'\n').filter(|line| line.len() >= 2).collect();
    search(&answers);
    for text in answers.iter().filter_map(|answer| std::str::from_utf8(&answer[2..]).ok()) {
        let _ = Bearer::parse([text]);
        let _ = Diagnostics::parse(text).map(|told| told.to_string());
        if let Ok(Some(modern)) = Modern::from_challenges([text], "https://m.x.example/EWS/Exchange.asmx", &[]) {
            let host = modern.authority.strip_prefix("https://").expect("tokens come over TLS");
            assert!(
                ews::oauth::WELL_KNOWN_AUTHORITIES.iter().any(|known| host.to_lowercase().starts_with(known)),
                "{host}"
            );
        }
        let config = OAuthConfig::new("https://login.microsoftonline.com", "app", "https://m.x.example");
        assert!(!explain(Refusal::read(text.as_bytes()), &config, None).sentence.is_empty());
    }
}

fn search(answers: &[&[u8]]) {
    let mut request = Request::new("anna@x.example");
    request.identity = Some(Identity::basic("anna", Secret::new("secret")));
    request.redirect_hosts = vec!["*.y.example".to_owned()];
    request.settings = answers.len() % 2 == 1;
    let mut questions = 0;
    let found = rehearse(&request, |question| {
        questions += 1;
        assert!(questions < 500, "a search without an end");
        if question.signed_in {
            let host = question.url.strip_prefix("https://").expect("no password in clear");
            let host = host.split(['/', ':', '?']).next().unwrap_or_default().trim_end_matches('.').to_lowercase();
            let known = ["x.example", "autodiscover.x.example", "outlook.office365.com", "autodiscover-s.outlook.com"];
            assert!(known.contains(&host.as_str()) || host.ends_with(".y.example"), "a password for {host}");
            assert!(matches!(question.step, Step::Soap | Step::Pox));
        }
        let Some(answer) = answers.get((questions - 1) % answers.len().max(1)) else { return Rehearsed::Silence };
        page(answer)
    });
    if let Ok(found) = found {
        assert!(found.ews_url.starts_with("https://"), "{}", found.ews_url);
    }
    const { assert!(MOST_REFUSALS <= 2) };
}

fn page(answer: &[u8]) -> Rehearsed {
    let (kind, status, text) = (answer[0], answer[1], &answer[2..]);
    let words = String::from_utf8_lossy(text).into_owned();
    if kind == 2 {
        return Rehearsed::Services(vec![Service { priority: 0, weight: 0, host: words, port: 443 }]);
    }
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_bytes(text);
    let status = match (kind, value) {
        (0, _) => u16::from(status),
        (1, Ok(value)) => {
            headers.insert("location", value);
            302
        }
        (3, Ok(value)) => {
            headers.insert("www-authenticate", value);
            401
        }
        _ => return Rehearsed::Silence,
    };
    Rehearsed::Page(Told { status, headers, body: text.to_vec().into() })
}
