//! Faults: the answer when a whole request is refused.

use super::{
    Ns,
    writer::{Writer, version_info},
};
use crate::{Version, schema::Violation};

/// Why a whole request is refused.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The `ResponseCode`.
    code: &'static str,
    message: String,
    /// Line and position in the request, and what is wrong there.
    violation: Option<(usize, usize, String)>,
}

impl Fault {
    /// A fault with a code and a sentence.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into(), violation: None }
    }

    /// The request is not what the schema wants.
    pub(crate) fn schema(request: &str, violation: Violation) -> Fault {
        let before = request.get(..violation.at).unwrap_or(request);
        let line = before.matches('\n').count() + 1;
        let position = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 2;
        Fault {
            code: "ErrorSchemaValidation",
            message: "The request failed schema validation.".to_owned(),
            violation: Some((line, position, violation.text)),
        }
    }

    /// The document, as a server of that version writes it.
    pub(crate) fn document(&self, server: Version) -> Vec<u8> {
        match server {
            Version::Exchange2007Sp1 => self.of_2007(),
            _ => self.of_2010(),
        }
    }

    /// The same as text.
    pub(crate) fn text(&self, server: Version) -> String {
        String::from_utf8_lossy(&self.document(server)).into_owned()
    }

    fn sentence(&self) -> String {
        match &self.violation {
            Some((_, _, text)) => format!("{}: {text}", self.message.trim_end_matches('.')),
            None => self.message.clone(),
        }
    }

    /// Recorded from 8.1: the header is there, line and position are elements of their own.
    fn of_2007(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.append("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
        w.open("soap11:Envelope", &[("xmlns:soap11", Ns::Soap.uri())]);
        w.open("soap11:Header", &[]);
        version_info(&mut w, Version::Exchange2007Sp1);
        w.close("soap11:Header");
        w.open("soap11:Body", &[]);
        w.open("soap11:Fault", &[]);
        w.text("faultcode", "soap11:Client");
        w.text("faultstring", &self.sentence());
        w.open("detail", &[]);
        w.text_with("e:ResponseCode", &[ERRORS], self.code);
        let message = self.violation.as_ref().map_or(&self.message, |(_, _, text)| text);
        w.text_with("e:Message", &[ERRORS], message);
        if let Some((line, position, _)) = &self.violation {
            w.text_with("e:Line", &[ERRORS], &line.to_string());
            w.text_with("e:Position", &[ERRORS], &position.to_string());
        }
        w.close("detail");
        w.close("soap11:Fault");
        w.close("soap11:Body");
        w.close("soap11:Envelope");
        w.finish().into_bytes()
    }

    /// Recorded from 14.2 and later: no header at all.
    fn of_2010(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.append("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
        w.open("s:Envelope", &[("xmlns:s", Ns::Soap.uri())]);
        w.open("s:Body", &[]);
        w.open("s:Fault", &[]);
        w.text_with("faultcode", &[("xmlns:a", Ns::Types.uri())], &format!("a:{}", self.code));
        w.text_with("faultstring", &[("xml:lang", "en-US")], &self.sentence());
        w.open("detail", &[]);
        w.text_with("e:ResponseCode", &[ERRORS], self.code);
        w.text_with("e:Message", &[ERRORS], &self.message);
        if let Some((line, position, text)) = &self.violation {
            w.open("t:MessageXml", &[("xmlns:t", Ns::Types.uri())]);
            w.number("t:LineNumber", line);
            w.number("t:LinePosition", position);
            w.text("t:Violation", text);
            w.close("t:MessageXml");
        }
        w.close("detail");
        w.close("s:Fault");
        w.close("s:Body");
        w.close("s:Envelope");
        w.finish().into_bytes()
    }
}

const ERRORS: (&str, &str) = ("xmlns:e", "http://schemas.microsoft.com/exchange/services/2006/errors");
