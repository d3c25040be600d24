//! GetUserSettings over SOAP (MS-OXWSADISC 3.1.4.3), from Exchange 2010 on.

use super::{Asked, DEPLOYMENT, Fault, Person, Places, SERVER, legacy_dn, other_of_ring};
use crate::{
    Version,
    reply::Reply,
    soap::{Element, Ns, Writer, read},
};

/// Answers `POST /autodiscover/autodiscover.svc`.
pub(super) fn answer(asked: &Asked<'_>, places: &Places, version: Version, fault: Option<&Fault>) -> Reply {
    let Ok(envelope) = read(asked.body.trim_start_matches('\u{feff}')) else {
        return Reply::html(400, "");
    };
    let operation = envelope.child("Body").and_then(|body| body.children.first());
    let Some(operation) = operation.filter(|found| found.ns == Ns::Autodiscover && found.name == OPERATION) else {
        return not_supported();
    };
    let request = operation.child("Request");
    let settings = texts(request, "RequestedSettings");
    let users: Vec<&str> = request
        .map_or(&[][..], |request| request.list("Users"))
        .iter()
        .filter_map(|user| user.child_text("Mailbox"))
        .collect();
    let mut w = Writer::new();
    head(&mut w, version);
    w.open("GetUserSettingsResponseMessage", &[("xmlns", NAMESPACE)]);
    w.open("Response", &[("xmlns:i", "http://www.w3.org/2001/XMLSchema-instance")]);
    match fault {
        _ if users.is_empty() || settings.is_empty() || users.len() > MOST_USERS => {
            status(&mut w, "InvalidRequest", "The request isn't valid.");
            w.empty("UserResponses", &[]);
        }
        Some(Fault::ServerBusy) => {
            status(&mut w, "ServerBusy", "The server is too busy to process the request.");
            w.empty("UserResponses", &[]);
        }
        Some(Fault::InternalError) => {
            status(&mut w, "InternalServerError", "An internal server error occurred.");
            w.empty("UserResponses", &[]);
        }
        _ => {
            status(&mut w, "NoError", "");
            w.open("UserResponses", &[]);
            for user in users {
                w.open("UserResponse", &[]);
                user_response(&mut w, user, &settings, &Told { asked, places, version, fault });
                w.close("UserResponse");
            }
            w.close("UserResponses");
        }
    }
    w.close("Response");
    w.close("GetUserSettingsResponseMessage");
    w.append("</s:Body></s:Envelope>");
    let document = w.finish();
    let document = match fault {
        Some(Fault::WrongNamespace) => document.replace(NAMESPACE, &NAMESPACE.replace("http://", "https://")),
        _ => document,
    };
    Reply::page(200, "text/xml; charset=utf-8", document)
}

/// What an answer for one user depends on.
struct Told<'a> {
    asked: &'a Asked<'a>,
    places: &'a Places,
    version: Version,
    fault: Option<&'a Fault>,
}

/// `UserResponse` (MS-OXWSADISC 3.1.4.3.3.11): the order of its parts is fixed.
fn user_response(w: &mut Writer, address: &str, settings: &[&str], told: &Told<'_>) {
    let redirect = |w: &mut Writer, code: &str, message: &str, target: &str| {
        status(w, code, message);
        w.text("RedirectTarget", target);
    };
    let person = (told.asked.person)(address);
    let mut known = None;
    match (told.fault, person) {
        (Some(Fault::AddressLoop), _) => {
            redirect(w, "RedirectAddress", "Redirection address.", &other_of_ring(address));
        }
        (Some(Fault::Address(to)), _) => {
            redirect(w, "RedirectAddress", "Redirection address.", &moved(address, to));
        }
        (Some(Fault::Url(to)), _) => redirect(w, "RedirectUrl", "Redirection Url.", to),
        (Some(Fault::InvalidUser), _) | (_, None) => {
            status(w, "InvalidUser", &format!("Invalid user: '{address}'"));
            w.empty("RedirectTarget", NIL);
        }
        (Some(Fault::NoMailbox), _) => {
            status(w, "InvalidUser", &format!("The user '{address}' has no mailbox."));
            w.empty("RedirectTarget", NIL);
        }
        (_, Some(person)) => {
            status(w, "NoError", "No error.");
            w.empty("RedirectTarget", NIL);
            known = Some(person);
        }
    }
    let values: Vec<(&str, Result<String, &str>)> = match &known {
        Some(person) => settings.iter().map(|name| (*name, value(name, person, told))).collect(),
        None => Vec::new(),
    };
    w.open("UserSettingErrors", &[]);
    for (name, code) in values.iter().filter_map(|(name, value)| Some((name, value.as_ref().err()?))) {
        w.open("UserSettingError", &[]);
        status(w, code, &format!("The setting '{name}' cannot be told."));
        w.text("SettingName", name);
        w.close("UserSettingError");
    }
    w.close("UserSettingErrors");
    w.open("UserSettings", &[]);
    for (name, value) in values.iter().filter_map(|(name, value)| Some((name, value.as_ref().ok()?))) {
        w.open("UserSetting", &[("i:type", "StringSetting")]);
        w.text("Name", name);
        w.text("Value", value);
        w.close("UserSetting");
    }
    w.close("UserSettings");
}

/// The value of a setting, or the error code for it (the names are those of MS-OXWSADISC 3.1.4.3, `UserSettings`).
fn value(name: &str, person: &Person, told: &Told<'_>) -> Result<String, &'static str> {
    let places = told.places;
    let alias = person.address.split('@').next().unwrap_or_default();
    let ews = matches!(name, "ExternalEwsUrl" | "InternalEwsUrl");
    if ews && matches!(told.fault, Some(Fault::NoSetting)) {
        return Err("SettingIsNotAvailable");
    }
    let value = match name {
        "ExternalEwsUrl" => places.external.clone(),
        "InternalEwsUrl" => places.internal.clone(),
        "EwsSupportedSchemas" if places.schemas.is_empty() => supported(told.version),
        "EwsSupportedSchemas" => places.schemas.clone(),
        "GroupingInformation" if told.version >= Version::Exchange2013 => places.grouping.clone(),
        "PublicFolderInformation" => places.public_folders.clone(),
        "InternalRpcClientServer" if told.version >= Version::Exchange2013 => {
            format!("{DEPLOYMENT}@{}", person.address.rsplit('@').next().unwrap_or_default())
        }
        "InternalRpcClientServer" | "InternalMailboxServer" | "ExternalMailboxServer" | "ActiveDirectoryServer" => {
            SERVER.to_owned()
        }
        "AutoDiscoverSMTPAddress" => person.address.clone(),
        "UserDisplayName" => person.name.clone(),
        "UserDN" => legacy_dn(alias),
        "UserDeploymentId" => DEPLOYMENT.to_owned(),
        "MailboxDN" => format!("{}/cn=Microsoft Private MDB", legacy_dn(SERVER)),
        "CrossOrganizationSharingEnabled" => "True".to_owned(),
        "CasVersion" => {
            let (major, minor, build, revision, _) = told.version.server_info();
            format!("{major}.{minor:02}.{build:04}.{revision:03}")
        }
        _ => return Err("InvalidSetting"),
    };
    // A mailbox without such a thing has no such setting.
    if value.is_empty() { Err("SettingIsNotAvailable") } else { Ok(value) }
}

/// `EwsSupportedSchemas`
pub(super) fn supported(version: Version) -> String {
    let upto = SCHEMAS.iter().filter(|(since, _)| *since <= version);
    upto.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

const SCHEMAS: &[(Version, &str)] = &[
    (Version::Exchange2007Sp1, "Exchange2007"),
    (Version::Exchange2007Sp1, "Exchange2007_SP1"),
    (Version::Exchange2010, "Exchange2010"),
    (Version::Exchange2010Sp1, "Exchange2010_SP1"),
    (Version::Exchange2010Sp2, "Exchange2010_SP2"),
    (Version::Exchange2013, "Exchange2013"),
    (Version::Exchange2013Sp1, "Exchange2013_SP1"),
    (Version::Exchange2016, "Exchange2015"),
];

/// A new address, or the same name in a new domain when that begins with `@`.
pub(super) fn moved(address: &str, to: &str) -> String {
    match to.strip_prefix('@') {
        Some(domain) => format!("{}@{domain}", address.split('@').next().unwrap_or_default()),
        None => to.to_owned(),
    }
}

fn status(w: &mut Writer, code: &str, message: &str) {
    w.text("ErrorCode", code);
    if message.is_empty() { w.empty("ErrorMessage", &[]) } else { w.text("ErrorMessage", message) }
}

/// The envelope up to its body: the version is elements here, not attributes as in EWS.
fn head(w: &mut Writer, version: Version) {
    let (major, minor, build, revision, name) = version.server_info();
    // The names that servers give their newest schema in EWS are unknown here.
    let name = match version {
        Version::Exchange2016 | Version::ExchangeSe => "Exchange2015",
        Version::Exchange2013Sp1 => "Exchange2013_SP1",
        _ => name,
    };
    w.append("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    w.open("s:Envelope", &[("xmlns:s", Ns::Soap.uri()), ("xmlns:a", "http://www.w3.org/2005/08/addressing")]);
    w.open("s:Header", &[]);
    w.text_with("a:Action", &[("s:mustUnderstand", "1")], &format!("{NAMESPACE}/Autodiscover/GetUserSettingsResponse"));
    w.open("h:ServerVersionInfo", &[("xmlns:h", NAMESPACE)]);
    w.number("h:MajorVersion", major);
    w.number("h:MinorVersion", minor);
    w.number("h:MajorBuildNumber", build);
    w.number("h:MinorBuildNumber", revision);
    w.text("h:Version", name);
    w.close("h:ServerVersionInfo");
    w.close("s:Header");
    w.append("<s:Body>");
}

/// Every other operation gets the fault of the Windows Communication Foundation.
fn not_supported() -> Reply {
    let mut w = Writer::new();
    w.append("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    w.open("s:Envelope", &[("xmlns:s", Ns::Soap.uri())]);
    w.append("<s:Body><s:Fault>");
    let namespace = [("xmlns:a", "http://schemas.microsoft.com/ws/2005/05/addressing/none")];
    w.text_with("faultcode", &namespace, "a:ActionNotSupported");
    w.text_with("faultstring", &[("xml:lang", "en-US")], "The action cannot be processed at the receiver.");
    w.append("</s:Fault></s:Body></s:Envelope>");
    Reply::page(500, "text/xml; charset=utf-8", w.finish())
}

fn texts<'a>(element: Option<&'a Element>, list: &str) -> Vec<&'a str> {
    element.map_or(&[][..], |element| element.list(list)).iter().map(|child| child.text.trim()).collect()
}

const OPERATION: &str = "GetUserSettingsRequestMessage";
const NAMESPACE: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
const NIL: &[(&str, &str)] = &[("i:nil", "true")];

/// `MaximumNumberOfUsersPerRequest`: 100 by default.
const MOST_USERS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autodiscover::{Autodiscover, Step};

    fn request(users: &[&str], settings: &[&str]) -> String {
        let list = |items: &[&str], open: &str, close: &str| -> String {
            items.iter().map(|item| format!("{open}{item}{close}")).collect()
        };
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:a=\"{NAMESPACE}\"><s:Body>\
             <a:GetUserSettingsRequestMessage><a:Request><a:Users>{}</a:Users><a:RequestedSettings>{}\
             </a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>",
            list(users, "<a:User><a:Mailbox>", "</a:Mailbox></a:User>"),
            list(settings, "<a:Setting>", "</a:Setting>"),
        )
    }

    fn ask(body: &str, version: Version, fault: Option<Fault>) -> Reply {
        let services = Autodiscover::new(version, "https://mail.a.test/EWS/Exchange.asmx");
        let person = |address: &str| {
            address
                .eq_ignore_ascii_case("anna@a.test")
                .then(|| Person { address: "anna@a.test".into(), name: "Anna".into() })
        };
        let asked = Asked { host: "a.test", path: "", query: "", body, person: &person };
        services.answer(Step::Soap, &asked, fault.as_ref())
    }

    fn user(reply: &Reply) -> Element {
        let mut element = read(&reply.body).unwrap();
        for name in ["Body", "GetUserSettingsResponseMessage", "Response", "UserResponses", "UserResponse"] {
            element = element.child(name).unwrap_or_else(|| panic!("no {name} in {}", reply.body)).clone();
        }
        element
    }

    #[test]
    fn settings_are_told_and_missing_ones_named() {
        let body = request(&["Anna@A.test"], &["ExternalEwsUrl", "UserDN", "PublicFolderInformation", "Nonsense"]);
        let answer = user(&ask(&body, Version::Exchange2013, None));
        let parts: Vec<&str> = answer.children.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(parts, ["ErrorCode", "ErrorMessage", "RedirectTarget", "UserSettingErrors", "UserSettings"]);
        let told: Vec<_> = answer.list("UserSettings").iter().map(|one| one.child_text("Name").unwrap()).collect();
        assert_eq!(told, ["ExternalEwsUrl", "UserDN"]);
        let missing: Vec<_> = answer
            .list("UserSettingErrors")
            .iter()
            .map(|one| (one.child_text("SettingName").unwrap(), one.child_text("ErrorCode").unwrap()))
            .collect();
        let wanted = [("PublicFolderInformation", "SettingIsNotAvailable"), ("Nonsense", "InvalidSetting")];
        assert_eq!(missing, wanted);
        assert!(supported(Version::Exchange2010Sp1).ends_with("Exchange2010, Exchange2010_SP1"));
    }

    #[test]
    fn every_misbehaviour_has_its_answer() {
        let body = request(&["anna@a.test"], &["ExternalEwsUrl"]);
        let code = |fault| {
            let answer = user(&ask(&body, Version::ExchangeSe, Some(fault)));
            let text = |name| answer.child_text(name).unwrap_or_default().to_owned();
            (text("ErrorCode"), text("RedirectTarget"))
        };
        let pair = |code: &str, target: &str| (code.to_owned(), target.to_owned());
        assert_eq!(code(Fault::AddressLoop), pair("RedirectAddress", "loop-anna@a.test"));
        assert_eq!(code(Fault::Address("@c.test".into())), pair("RedirectAddress", "anna@c.test"));
        assert_eq!(code(Fault::Url("https://b.test/x".into())), pair("RedirectUrl", "https://b.test/x"));
        assert_eq!(code(Fault::InvalidUser), pair("InvalidUser", ""));
        assert_eq!(code(Fault::NoMailbox), pair("InvalidUser", ""));
        assert_eq!(code(Fault::NoSetting), pair("NoError", ""));
        for (fault, word) in [
            (Fault::ServerBusy, "<ErrorCode>ServerBusy</ErrorCode>"),
            (Fault::InternalError, "<ErrorCode>InternalServerError</ErrorCode>"),
            (Fault::WrongNamespace, "\"https://schemas.microsoft.com/exchange/2010/Autodiscover\""),
        ] {
            let reply = ask(&body, Version::ExchangeSe, Some(fault));
            assert!(reply.body.contains(word), "{word}: {}", reply.body);
        }
        assert!(read(&ask(&body, Version::ExchangeSe, Some(Fault::BrokenXml)).body).is_err());
    }

    #[test]
    fn wrong_requests_are_refused() {
        assert_eq!(ask("<a", Version::ExchangeSe, None).status, 400);
        let other = request(&["anna@a.test"], &["UserDN"]).replace("GetUserSettings", "GetNonsense");
        let reply = ask(&other, Version::ExchangeSe, None);
        assert!(reply.status == 500 && reply.body.contains("ActionNotSupported"), "{}", reply.body);
        let nobody = ask(&request(&[], &["UserDN"]), Version::ExchangeSe, None);
        assert!(nobody.body.contains("InvalidRequest"), "{}", nobody.body);
        let foreign = request(&["anna@a.test"], &["UserDN"]).replace("http://schemas.microsoft.com", "https://x");
        assert_eq!(ask(&foreign, Version::ExchangeSe, None).status, 500, "another namespace");
    }
}
