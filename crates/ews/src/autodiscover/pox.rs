//! POX, "plain old XML" (MS-OXDSCLI section 2.2).

use bytes::Bytes;

use super::answer::{Said, Settings, quoted};
use crate::soap::{Element, Xml, tree};

/// The URL that asks a host.
pub(super) fn url(scheme: &str, host: &str) -> String {
    format!("{scheme}://{host}/autodiscover/autodiscover.xml")
}

/// The question (MS-OXDSCLI section 2.2.3).
pub(super) fn request(address: &str) -> Bytes {
    let mut xml = Xml::new();
    xml.within("Autodiscover", &[("xmlns", REQUEST)], |xml| {
        xml.within("Request", &[], |xml| {
            xml.text("EMailAddress", address);
            xml.text("AcceptableResponseSchema", RESPONSE);
        });
    });
    xml.finish().0.into()
}

/// Reads an answer (MS-OXDSCLI section 2.2.4).
pub(super) fn read(body: &[u8]) -> Said {
    let root = match tree(body) {
        Ok(root) if root.name() == "Autodiscover" => root,
        Ok(_) => return Said::Noise("XML that is no Autodiscover answer".to_owned()),
        Err(error) => return Said::Noise(format!("no Autodiscover answer ({error})")),
    };
    let Some(response) = root.child("Response") else {
        return Said::Noise("an Autodiscover answer that says nothing".to_owned());
    };
    if let Some(error) = response.child("Error") {
        let sentence = format!("error {}: {}", quoted(text(error, "ErrorCode")), quoted(text(error, "Message")));
        return match text(error, "ErrorCode") {
            // 500: the address is unknown, 600: the request is bad, 601: no provider for the schema.
            "603" => Said::Busy(sentence),
            _ => Said::No(sentence),
        };
    }
    let Some(account) = response.child("Account") else {
        return Said::Noise("an Autodiscover answer without an account".to_owned());
    };
    // Older servers leave the action out, and say it by the element that is there.
    match text(account, "Action") {
        "redirectAddr" => return Said::Address(text(account, "RedirectAddr").to_owned()),
        "redirectUrl" => return Said::Url(text(account, "RedirectUrl").to_owned()),
        _ if account.child("RedirectAddr").is_some() => return Said::Address(text(account, "RedirectAddr").to_owned()),
        _ => {}
    }
    let user = response.child("User");
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let public = account.child("PublicFolderInformation").map_or("", |place| text(place, "SmtpAddress"));
    Said::Settings(Box::new(Settings {
        external: ews(account, "EXPR"),
        internal: ews(account, "EXCH"),
        public_folder_mailbox: some(public),
        rpc_server: protocol(account, "EXCH").and_then(|protocol| some(text(protocol, "Server"))),
        primary_address: user.and_then(|user| some(text(user, "AutoDiscoverSMTPAddress"))),
        ..Settings::default()
    }))
}

/// `EXCH` is the inside of the organisation's network, `EXPR` the outside. Exchange 2007 calls the URL ASUrl.
fn ews(account: &Element, kind: &str) -> Option<String> {
    let protocol = protocol(account, kind)?;
    ["EwsUrl", "ASUrl"].map(|name| text(protocol, name)).into_iter().find(|url| !url.is_empty()).map(str::to_owned)
}

fn protocol<'a>(account: &'a Element, kind: &str) -> Option<&'a Element> {
    account.children("Protocol").find(|protocol| text(protocol, "Type").eq_ignore_ascii_case(kind))
}

fn text<'a>(element: &'a Element, name: &str) -> &'a str {
    element.child(name).map_or("", Element::text).trim()
}

const REQUEST: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
const RESPONSE: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_the_one_exchange_understands() {
        let wanted = "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">\
             <Request><EMailAddress>a@x.example</EMailAddress><AcceptableResponseSchema>\
             http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>\
             </Request></Autodiscover>";
        assert_eq!(request("a@x.example"), wanted.as_bytes());
    }

    fn answer(response: &str) -> Said {
        let schema = "xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\"";
        read(
            format!("<?xml version=\"1.0\"?>\r\n<Autodiscover {schema}><Response>{response}</Response></Autodiscover>")
                .as_bytes(),
        )
    }

    #[test]
    fn settings_are_read() {
        let told = answer(
            "<User><DisplayName>Anna</DisplayName><AutoDiscoverSMTPAddress>anna@x.example</AutoDiscoverSMTPAddress></User>\
             <Account><AccountType>email</AccountType><Action>settings</Action>\
             <Protocol><Type>EXCH</Type><Server>guid@x.example</Server><EwsUrl>https://in/EWS/Exchange.asmx</EwsUrl></Protocol>\
             <Protocol><Type>EXPR</Type><ASUrl>https://out/EWS/Exchange.asmx</ASUrl></Protocol>\
             <PublicFolderInformation><SmtpAddress>pf@x.example</SmtpAddress></PublicFolderInformation></Account>",
        );
        let Said::Settings(told) = told else { panic!("{told:?}") };
        assert_eq!(told.external.as_deref(), Some("https://out/EWS/Exchange.asmx"));
        assert_eq!(told.internal.as_deref(), Some("https://in/EWS/Exchange.asmx"));
        assert_eq!(told.rpc_server.as_deref(), Some("guid@x.example"));
        assert_eq!(told.public_folder_mailbox.as_deref(), Some("pf@x.example"));
        assert_eq!(told.primary_address.as_deref(), Some("anna@x.example"));
    }

    #[test]
    fn other_answers_are_told_apart() {
        let account = |inside: &str| answer(&format!("<Account>{inside}</Account>"));
        let address = Said::Address("a@b.example".to_owned());
        assert_eq!(account("<Action>redirectAddr</Action><RedirectAddr>a@b.example</RedirectAddr>"), address);
        assert_eq!(account("<RedirectAddr> a@b.example </RedirectAddr>"), address);
        assert_eq!(
            account("<Action>redirectUrl</Action><RedirectUrl>https://b/</RedirectUrl>"),
            Said::Url("https://b/".to_owned())
        );
        let error = answer(
            "<Error Time=\"1\" Id=\"2\"><ErrorCode>500</ErrorCode><Message>The email address can't be found.</Message></Error>",
        );
        assert_eq!(error, Said::No("error 500: The email address can't be found.".to_owned()));
        assert_eq!(answer("<Error><ErrorCode>603</ErrorCode></Error>"), Said::Busy("error 603: ".to_owned()));
        assert_eq!(account(""), Said::Settings(Box::default()));
        for noise in [
            "",
            "<html><body></body></html>",
            "<Autodiscover/>",
            "<Autodiscover><Response/></Autodiscover>",
            "{}",
            "<Autodiscover><Response>",
        ] {
            assert!(matches!(read(noise.as_bytes()), Said::Noise(_)), "{noise}");
        }
    }
}
