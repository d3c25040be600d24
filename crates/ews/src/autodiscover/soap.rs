//! SOAP GetUserSettings (MS-OXWSADISC section 3.1.4.4).

use bytes::Bytes;

use super::answer::{Said, Settings, quoted};
use crate::soap::{Element, Xml, tree};

/// The URL that asks a host.
pub(super) fn url(scheme: &str, host: &str) -> String {
    format!("{scheme}://{host}/autodiscover/autodiscover.svc")
}

/// The question. `to` is the URL it goes to.
pub(super) fn request(address: &str, to: &str) -> Bytes {
    let mut xml = Xml::new();
    xml.within("soap:Envelope", &NAMESPACES, |xml| {
        xml.within("soap:Header", &[], |xml| {
            // The oldest that has the operation: later servers understand it, and earlier ones no later one.
            xml.text("a:RequestedServerVersion", "Exchange2010");
            xml.text("wsa:Action", ACTION);
            xml.text("wsa:To", to);
        });
        xml.within("soap:Body", &[], |xml| {
            xml.within("a:GetUserSettingsRequestMessage", &[], |xml| {
                xml.within("a:Request", &[], |xml| {
                    xml.within("a:Users", &[], |xml| xml.within("a:User", &[], |xml| xml.text("a:Mailbox", address)));
                    xml.within("a:RequestedSettings", &[], |xml| {
                        SETTINGS.iter().for_each(|setting| xml.text("a:Setting", setting));
                    });
                });
            });
        });
    });
    xml.finish().0.into()
}

/// Reads `GetUserSettingsResponseMessage`, or a fault.
pub(super) fn read(body: &[u8]) -> Said {
    let root = match tree(body) {
        Ok(root) if root.name() == "Envelope" => root,
        Ok(_) => return Said::Noise("XML that is no SOAP answer".to_owned()),
        Err(error) => return Said::Noise(format!("no SOAP answer ({error})")),
    };
    let Some(body) = root.child("Body") else { return Said::Noise("a SOAP answer without a body".to_owned()) };
    if let Some(fault) = body.child("Fault") {
        let text = fault.child("faultstring").or_else(|| fault.child("Reason")?.child("Text"));
        return Said::No(format!("the fault {}", quoted(text.map_or("without words", Element::text))));
    }
    let response = body.child("GetUserSettingsResponseMessage").and_then(|message| message.child("Response"));
    let Some(response) = response else { return Said::Noise("a SOAP answer to another question".to_owned()) };
    match code(response) {
        "" | "NoError" => {}
        _ => return refusal(response),
    }
    let Some(user) = response.child("UserResponses").and_then(|users| users.child("UserResponse")) else {
        return Said::Noise("an answer that tells of nobody".to_owned());
    };
    let target = || user.child("RedirectTarget").map_or("", Element::text).trim().to_owned();
    match code(user) {
        "" | "NoError" => {}
        "RedirectAddress" => return Said::Address(target()),
        "RedirectUrl" => return Said::Url(target()),
        _ => return refusal(user),
    }
    let settings = user.child("UserSettings");
    let value = |name: &str| {
        let setting = settings?.children("UserSetting").find(|setting| text(setting, "Name") == name)?;
        Some(text(setting, "Value").to_owned()).filter(|value| !value.is_empty())
    };
    let schemas = value("EwsSupportedSchemas").unwrap_or_default();
    Said::Settings(Box::new(Settings {
        external: value("ExternalEwsUrl"),
        internal: value("InternalEwsUrl"),
        schemas: schemas.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        grouping: value("GroupingInformation"),
        public_folder_mailbox: value("PublicFolderInformation"),
        rpc_server: value("InternalRpcClientServer"),
        primary_address: value("AutoDiscoverSMTPAddress"),
    }))
}

/// MS-OXWSADISC section 2.2.5.1: the codes that pass by themselves, and the others.
fn refusal(told: &Element) -> Said {
    let code = code(told);
    let sentence = format!("{}: {}", quoted(code), quoted(text(told, "ErrorMessage")));
    match code {
        "ServerBusy" | "InternalServerError" => Said::Busy(sentence),
        _ => Said::No(sentence),
    }
}

fn code(told: &Element) -> &str {
    text(told, "ErrorCode")
}

fn text<'a>(element: &'a Element, name: &str) -> &'a str {
    element.child(name).map_or("", Element::text).trim()
}

pub(super) const ACTION: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings";

const NAMESPACES: [(&str, &str); 3] = [
    ("xmlns:a", "http://schemas.microsoft.com/exchange/2010/Autodiscover"),
    ("xmlns:wsa", "http://www.w3.org/2005/08/addressing"),
    ("xmlns:soap", "http://schemas.xmlsoap.org/soap/envelope/"),
];

const SETTINGS: [&str; 7] = [
    "ExternalEwsUrl",
    "InternalEwsUrl",
    "EwsSupportedSchemas",
    "GroupingInformation",
    "PublicFolderInformation",
    "InternalRpcClientServer",
    "AutoDiscoverSMTPAddress",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_the_one_exchange_understands() {
        let wanted = "<soap:Envelope xmlns:a=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\" \
             xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
             <soap:Header><a:RequestedServerVersion>Exchange2010</a:RequestedServerVersion>\
             <wsa:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings</wsa:Action>\
             <wsa:To>https://h/a.svc</wsa:To></soap:Header>\
             <soap:Body><a:GetUserSettingsRequestMessage><a:Request>\
             <a:Users><a:User><a:Mailbox>a&amp;b@x.example</a:Mailbox></a:User></a:Users><a:RequestedSettings>\
             <a:Setting>ExternalEwsUrl</a:Setting><a:Setting>InternalEwsUrl</a:Setting>\
             <a:Setting>EwsSupportedSchemas</a:Setting><a:Setting>GroupingInformation</a:Setting>\
             <a:Setting>PublicFolderInformation</a:Setting><a:Setting>InternalRpcClientServer</a:Setting>\
             <a:Setting>AutoDiscoverSMTPAddress</a:Setting></a:RequestedSettings></a:Request>\
             </a:GetUserSettingsRequestMessage></soap:Body></soap:Envelope>";
        assert_eq!(request("a&b@x.example", "https://h/a.svc"), wanted.as_bytes());
    }

    /// As WCF servers write it: prefixes of their own, types, and settings that are null.
    fn answer(user: &str) -> Vec<u8> {
        format!(
            "\u{feff}<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header><h:ServerVersionInfo/>\
             </s:Header><s:Body><GetUserSettingsResponseMessage xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\">\
             <Response xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><ErrorCode>NoError</ErrorCode><ErrorMessage/>\
             <UserResponses><UserResponse>{user}</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage>\
             </s:Body></s:Envelope>"
        )
        .into_bytes()
    }

    #[test]
    fn settings_are_read() {
        let told = read(&answer(
            "<ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage><RedirectTarget i:nil=\"true\"/>\
             <UserSettingErrors/><UserSettings>\
             <UserSetting i:type=\"StringSetting\"><Name>ExternalEwsUrl</Name><Value>https://m/EWS/Exchange.asmx</Value></UserSetting>\
             <UserSetting i:type=\"StringSetting\"><Name>InternalEwsUrl</Name><Value i:nil=\"true\"/></UserSetting>\
             <UserSetting i:type=\"StringSetting\"><Name>EwsSupportedSchemas</Name><Value>Exchange2007, Exchange2010_SP2</Value></UserSetting>\
             </UserSettings>",
        ));
        let Said::Settings(told) = told else { panic!("{told:?}") };
        assert_eq!(told.external.as_deref(), Some("https://m/EWS/Exchange.asmx"));
        assert_eq!((told.internal, told.schemas.len()), (None, 2));
    }

    #[test]
    fn other_answers_are_told_apart() {
        let user = |code: &str, target: &str| {
            read(&answer(&format!(
                "<ErrorCode>{code}</ErrorCode><ErrorMessage>Told.</ErrorMessage><RedirectTarget>{target}</RedirectTarget>"
            )))
        };
        assert_eq!(user("RedirectAddress", "a@b.example"), Said::Address("a@b.example".to_owned()));
        assert_eq!(user("RedirectUrl", "https://b/a.svc"), Said::Url("https://b/a.svc".to_owned()));
        assert_eq!(user("InvalidUser", ""), Said::No("InvalidUser: Told.".to_owned()));
        assert_eq!(user("ServerBusy", ""), Said::Busy("ServerBusy: Told.".to_owned()));
        let fault = b"<Envelope><Body><Fault><faultcode>x</faultcode><faultstring>Not\nhere</faultstring></Fault></Body></Envelope>";
        assert_eq!(read(fault), Said::No("the fault Not here".to_owned()));
        for noise in
            ["", "<html></html>", "<!DOCTYPE html>", "<Envelope/>", "<Envelope><Body/></Envelope>", "<Envelope><Body>"]
        {
            assert!(matches!(read(noise.as_bytes()), Said::Noise(_)), "{noise}");
        }
    }
}
