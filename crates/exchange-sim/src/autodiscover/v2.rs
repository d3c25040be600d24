//! Version 2: one GET without sign-in, answered in JSON.

use serde_json::json;

use super::{Asked, Fault, Places, other_of_ring};
use crate::{
    form::{Form, encode},
    reply::Reply,
};

/// `GET /autodiscover/autodiscover.json?Email=…&Protocol=EWS&RedirectCount=1`; clients of Microsoft also write the
/// address behind the path and `v1.0`.
pub(super) fn answer(asked: &Asked<'_>, places: &Places, fault: Option<&Fault>) -> Reply {
    let query = Form::parse(asked.query);
    let Some(address) = address(asked.path, &query) else {
        return refused(400, "InvalidUserId", "The given user id is not a valid SMTP address.");
    };
    let Some(protocol) = lenient(&query, "protocol") else {
        return refused(400, "MandatoryParameterMissing", "A value must be given for the query parameter 'Protocol'.");
    };
    if let Some(to) = elsewhere(&address, protocol, fault, lenient(&query, "redirectcount")) {
        return Reply::found(to);
    }
    let url = match &*protocol.to_ascii_lowercase() {
        "ews" => &places.external,
        "autodiscoverv1" => &format!("https://{}/autodiscover/autodiscover.xml", asked.host),
        _ => {
            let message = format!("The protocol '{protocol}' is not one of 'AutodiscoverV1,Ews'.");
            return refused(400, "ProtocolNotSupported", &message);
        }
    };
    let known = (asked.person)(&address).is_some();
    if !known || matches!(fault, Some(Fault::InvalidUser | Fault::NoMailbox)) {
        return refused(404, "UserNotFound", "The given user is not found.");
    }
    match fault {
        Some(Fault::InternalError) => refused(500, "InternalServerError", "An internal error has occurred."),
        Some(Fault::ServerBusy) => refused(503, "ServerBusy", "The server is too busy.").with("retry-after", "30"),
        Some(Fault::WrongNamespace) => Reply::page(200, JSON, json!({ "protocol": protocol, "uri": url }).to_string()),
        Some(Fault::NoSetting) => Reply::page(200, JSON, json!({ "Protocol": protocol, "Url": null }).to_string()),
        _ => Reply::page(200, JSON, json!({ "Protocol": protocol, "Url": url }).to_string()),
    }
}

/// The address in the query or behind the path.
pub(super) fn address(path: &str, query: &Form) -> Option<String> {
    let in_path = || path.rsplit_once('/').map(|(_, last)| last.replace("%40", "@"));
    lenient(query, "email").map(str::to_owned).or_else(in_path).filter(|address| address.contains('@'))
}

/// Mailboxes that are not here are looked for where the redirection says; each hop counts one on.
fn elsewhere(address: &str, protocol: &str, fault: Option<&Fault>, count: Option<&str>) -> Option<String> {
    let next = count.and_then(|count| count.parse::<u32>().ok()).unwrap_or(0).saturating_add(1).to_string();
    let at = |place: &str, address: &str| {
        let query = [("Email", address), ("Protocol", protocol), ("RedirectCount", next.as_str())];
        format!("{place}?{}", encode(query))
    };
    match fault? {
        Fault::Url(to) => Some(at(to, address)),
        Fault::Address(_) => Some(at("https://outlook.office365.com/autodiscover/autodiscover.json", address)),
        Fault::AddressLoop => Some(at("/autodiscover/autodiscover.json", &other_of_ring(address))),
        _ => None,
    }
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    Reply::page(status, JSON, json!({ "ErrorCode": code, "ErrorMessage": message }).to_string())
}

/// The names of parameters are compared without regard to case.
fn lenient<'a>(query: &'a Form, name: &str) -> Option<&'a str> {
    query.pairs().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

const JSON: &str = "application/json; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Version,
        autodiscover::{Autodiscover, Person, Step},
    };

    fn ask(path: &str, query: &str, fault: Option<&Fault>) -> Reply {
        let services = Autodiscover::new(Version::ExchangeSe, "https://mail.a.test/EWS/Exchange.asmx");
        let person = |address: &str| {
            address.eq_ignore_ascii_case("anna@a.test").then(|| Person { address: address.into(), name: "Anna".into() })
        };
        let asked = Asked { host: "a.test", path, query, body: "", person: &person };
        services.answer(Step::V2, &asked, fault)
    }

    #[test]
    fn the_place_of_ews_is_told() {
        let place = json!({ "Protocol": "Ews", "Url": "https://mail.a.test/EWS/Exchange.asmx" }).to_string();
        let reply = ask("/autodiscover/autodiscover.json", "email=Anna%40a.test&Protocol=Ews&RedirectCount=1", None);
        assert_eq!((reply.status, reply.body), (200, place.clone()));
        assert_eq!(ask("/autodiscover/autodiscover.json/v1.0/anna%40a.test", "Protocol=Ews", None).body, place);
    }

    #[test]
    fn what_cannot_be_told_is_named() {
        for (query, status, code) in [
            ("Protocol=Ews", 400, "InvalidUserId"),
            ("Email=anna@a.test", 400, "MandatoryParameterMissing"),
            ("Email=anna@a.test&Protocol=Pop", 400, "ProtocolNotSupported"),
            ("Email=ben@a.test&Protocol=Ews", 404, "UserNotFound"),
        ] {
            let reply = ask("/autodiscover/autodiscover.json", query, None);
            assert_eq!(reply.status, status, "{query}");
            assert!(reply.body.contains(code), "{}", reply.body);
        }
    }

    #[test]
    fn redirections_count_on() {
        let query = "Email=anna@a.test&Protocol=Ews&RedirectCount=4";
        let to = |fault| ask("", query, Some(&fault)).header("location").map(str::to_owned).unwrap();
        let cloud = to(Fault::Address("@x.test".into()));
        assert!(cloud.starts_with("https://outlook.office365.com/") && cloud.ends_with("RedirectCount=5"), "{cloud}");
        assert!(to(Fault::AddressLoop).contains("loop-anna"), "a ring");
        assert!(to(Fault::Url("https://b.test/j".into())).starts_with("https://b.test/j?Email=anna%40a.test&"));
    }
}
