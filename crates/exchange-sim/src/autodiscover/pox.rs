//! Plain old XML (MS-OXDSCLI), the only service of Exchange 2007.

use super::{Asked, DEPLOYMENT, Fault, Person, Places, SERVER, legacy_dn, other_of_ring, soap::moved};
use crate::{
    Version,
    reply::Reply,
    soap::{Ns, Writer, read},
};

/// Answers `POST /autodiscover/autodiscover.xml`. Errors come in documents with status 200.
pub(super) fn answer(asked: &Asked<'_>, places: &Places, version: Version, fault: Option<&Fault>) -> Reply {
    let document = match wanted(asked.body) {
        Err(error) => self::error(error),
        Ok(address) => match (fault, (asked.person)(&address)) {
            (Some(Fault::AddressLoop), _) => elsewhere("redirectAddr", "RedirectAddr", &other_of_ring(&address)),
            (Some(Fault::Address(to)), _) => elsewhere("redirectAddr", "RedirectAddr", &moved(&address, to)),
            (Some(Fault::Url(to)), _) => elsewhere("redirectUrl", "RedirectUrl", to),
            (Some(Fault::NoMailbox), _) => self::error((501, "The mailbox of the user cannot be found.")),
            (Some(Fault::ServerBusy | Fault::InternalError), _) => {
                self::error((603, "The Active Directory isn't available."))
            }
            (Some(Fault::InvalidUser), _) | (_, None) => self::error((500, "The email address can't be found.")),
            (_, Some(person)) => settings(&person, places, version, matches!(fault, Some(Fault::NoSetting))),
        },
    };
    let document = match fault {
        Some(Fault::WrongNamespace) => document.replace("\"http://schemas", "\"https://schemas"),
        _ => document,
    };
    Reply::page(200, "text/xml; charset=utf-8", document)
}

/// The address asked for (MS-OXDSCLI 2.2.3), or the error for what was sent.
fn wanted(body: &str) -> Result<String, (u16, &'static str)> {
    const INVALID: (u16, &str) = (600, "Invalid Request");
    let root = read(body.trim_start_matches('\u{feff}')).map_err(|_| INVALID)?;
    let request = root.child("Request").filter(|_| root.ns == Ns::Pox && root.name == "Autodiscover").ok_or(INVALID)?;
    if request.child_text("AcceptableResponseSchema") != Some(OUTLOOK) {
        return Err((601, "Provider is not available"));
    }
    let text = |name| request.child_text(name).filter(|text| !text.is_empty());
    match text("EMailAddress") {
        Some(address) if address.contains('@') => Ok(address.to_owned()),
        // Outlook may send the distinguished name instead.
        _ => text("LegacyDN").and_then(|dn| dn.rsplit_once("/cn=")).map(|(_, alias)| alias.to_owned()).ok_or(INVALID),
    }
}

fn settings(person: &Person, places: &Places, version: Version, no_place: bool) -> String {
    let (major, minor, build, _, _) = version.server_info();
    let alias = person.address.split('@').next().unwrap_or_default();
    let mut w = start();
    w.open("Response", &[("xmlns", OUTLOOK)]);
    w.open("User", &[]);
    w.text("DisplayName", &person.name);
    w.text("LegacyDN", &legacy_dn(alias));
    if version >= Version::Exchange2010 {
        w.text("AutoDiscoverSMTPAddress", &person.address);
    }
    w.text("DeploymentId", DEPLOYMENT);
    w.close("User");
    w.open("Account", &[]);
    w.text("AccountType", "email");
    w.text("Action", "settings");
    if version >= Version::Exchange2013 {
        w.text("MicrosoftOnline", "False");
    }
    w.open("Protocol", &[]);
    w.text("Type", "EXCH");
    let public = places.public_mailboxes.iter().find(|(_, address)| *address == person.address);
    w.text("Server", public.map_or(SERVER, |(by_guid, _)| by_guid));
    w.text("ServerDN", &legacy_dn(SERVER));
    // MS-OXDSCLI 2.2.4.1.1.2.6.36: seven, six bits of major, six of minor version, a one, fifteen bits of build.
    w.text("ServerVersion", &format!("{:08X}", 0x7000_8000 | major << 22 | minor << 16 | build));
    w.text("MdbDN", &format!("{}/cn=Microsoft Private MDB", legacy_dn(SERVER)));
    places_of(&mut w, &places.internal, version, no_place);
    w.close("Protocol");
    w.open("Protocol", &[]);
    w.text("Type", "EXPR");
    w.text("Server", host(&places.external));
    w.text("SSL", "On");
    w.text("AuthPackage", "Ntlm");
    places_of(&mut w, &places.external, version, no_place);
    if version >= Version::Exchange2013 {
        w.text("GroupingInformation", &places.grouping);
    }
    w.close("Protocol");
    w.open("Protocol", &[]);
    w.text("Type", "WEB");
    for (side, kind, place) in [("Internal", "EXCH", &places.internal), ("External", "EXPR", &places.external)] {
        w.open(side, &[]);
        w.text_with("OWAUrl", &[("AuthenticationMethod", "Basic, Fba")], &format!("https://{}/owa/", host(place)));
        if !no_place {
            w.open("Protocol", &[]);
            w.text("Type", kind);
            w.text("ASUrl", place);
            w.close("Protocol");
        }
        w.close(side);
    }
    w.close("Protocol");
    if !places.public_folders.is_empty() {
        w.open("PublicFolderInformation", &[]);
        w.text("SmtpAddress", &places.public_folders);
        w.close("PublicFolderInformation");
    }
    w.close("Account");
    w.close("Response");
    end(w)
}

/// Exchange 2007 knows EWS as the place of the availability service only.
fn places_of(w: &mut Writer, place: &str, version: Version, no_place: bool) {
    if no_place {
        return;
    }
    w.text("ASUrl", place);
    if version >= Version::Exchange2010 {
        w.text("EwsUrl", place);
    }
    w.text("OOFUrl", place);
}

fn elsewhere(action: &str, element: &str, to: &str) -> String {
    let mut w = start();
    w.open("Response", &[("xmlns", OUTLOOK)]);
    w.open("Account", &[]);
    w.text("Action", action);
    w.text(element, to);
    w.close("Account");
    w.close("Response");
    end(w)
}

/// An error (MS-OXDSCLI 2.2.4.1.1.1): its elements are in the outer namespace.
fn error((code, message): (u16, &str)) -> String {
    let mut w = start();
    w.open("Response", &[]);
    w.open("Error", &[("Time", "08:30:00.0000000"), ("Id", "1054084152")]);
    w.number("ErrorCode", code);
    w.text("Message", message);
    w.empty("DebugData", &[]);
    w.close("Error");
    w.close("Response");
    end(w)
}

fn start() -> Writer {
    let mut w = Writer::new();
    w.append("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    w.open("Autodiscover", &[("xmlns", OUTER)]);
    w
}

fn end(mut w: Writer) -> String {
    w.close("Autodiscover");
    w.finish()
}

/// The host name in a URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default()
}

const OUTER: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        autodiscover::{Autodiscover, Step},
        soap::Element,
    };

    fn request(address: &str, schema: &str) -> String {
        format!(
            "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request>\
             <EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>{schema}</AcceptableResponseSchema>\
             </Request></Autodiscover>"
        )
    }

    fn ask(body: &str, version: Version, fault: Option<Fault>) -> String {
        let services = Autodiscover::new(version, "https://mail.a.test/EWS/Exchange.asmx");
        let person = |address: &str| {
            address
                .eq_ignore_ascii_case("anna@a.test")
                .then(|| Person { address: "anna@a.test".into(), name: "Anna".into() })
        };
        let asked = Asked { host: "a.test", path: "", query: "", body, person: &person };
        services.answer(Step::Pox, &asked, fault.as_ref()).body
    }

    fn account(document: &str) -> Element {
        let root = read(document).unwrap();
        root.child("Response").and_then(|response| response.child("Account")).cloned().unwrap()
    }

    #[test]
    fn three_protocols_are_told() {
        let account = account(&ask(&request("anna@a.test", OUTLOOK), Version::ExchangeSe, None));
        let protocols: Vec<_> = account.children.iter().filter(|child| child.name == "Protocol").collect();
        let kinds: Vec<_> = protocols.iter().map(|protocol| protocol.child_text("Type").unwrap()).collect();
        assert_eq!(kinds, ["EXCH", "EXPR", "WEB"]);
        assert_eq!(protocols[1].child_text("EwsUrl"), Some("https://mail.a.test/EWS/Exchange.asmx"));
        assert_eq!(protocols[0].child_text("ServerVersion"), Some("73C286D4"), "15.2.1748");
        let old = self::account(&ask(&request("anna@a.test", OUTLOOK), Version::Exchange2007Sp1, None));
        let old = old.child("Protocol").unwrap();
        assert_eq!((old.child("EwsUrl").is_some(), old.child("ASUrl").is_some()), (false, true));
    }

    #[test]
    fn every_misbehaviour_has_its_answer() {
        let body = request("anna@a.test", OUTLOOK);
        for (fault, part) in [
            (Fault::AddressLoop, "<RedirectAddr>loop-anna@a.test</RedirectAddr>"),
            (Fault::Address("@c.test".into()), "<RedirectAddr>anna@c.test</RedirectAddr>"),
            (Fault::Url("https://b.test/".into()), "<RedirectUrl>https://b.test/</RedirectUrl>"),
            (Fault::InvalidUser, "<ErrorCode>500</ErrorCode>"),
            (Fault::NoMailbox, "<ErrorCode>501</ErrorCode>"),
            (Fault::InternalError, "<ErrorCode>603</ErrorCode>"),
            (Fault::WrongNamespace, "xmlns=\"https://schemas.microsoft.com"),
        ] {
            let document = ask(&body, Version::ExchangeSe, Some(fault));
            assert!(document.contains(part), "{part}: {document}");
        }
        let without = ask(&body, Version::ExchangeSe, Some(Fault::NoSetting));
        assert!(!without.contains("EWS/Exchange.asmx") && without.contains("<Action>settings"), "{without}");
    }

    #[test]
    fn wrong_requests_are_refused() {
        for (body, code) in [
            ("", 600),
            ("<Autodiscover/>", 600),
            (&*request("anna", OUTLOOK), 600),
            (&*request("anna@a.test", "http://mobile"), 601),
            (&*request("ben@a.test", OUTLOOK), 500),
        ] {
            let document = ask(body, Version::ExchangeSe, None);
            assert!(document.contains(&format!("<ErrorCode>{code}</ErrorCode>")), "{body}: {document}");
        }
    }
}
