use jiff::Timestamp;

use super::{read_utc, words};
use crate::soap::{Element, Xml};

/// Automatic replies while somebody is away (EWS "OofSettings").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfOffice {
    /// Whether, or in a span of time.
    pub state: OofState,
    /// Whom outside the organization is replied to.
    pub audience: Audience,
    /// The span, from and until, for `Scheduled`.
    pub span: Option<(Timestamp, Timestamp)>,
    /// To people inside the organization; HTML or text.
    pub internal: Option<String>,
    /// To people outside of it; HTML or text.
    pub external: Option<String>,
}

words! {
    /// Whether automatic replies are sent (EWS "OofState").
    OofState {
        Disabled "Disabled",
        Enabled "Enabled",
        Scheduled "Scheduled",
    }
}

words! {
    /// Whom outside the organization is replied to (EWS "ExternalAudience").
    Audience {
        Nobody "None",
        Known "Known",
        All "All",
    }
}

impl OutOfOffice {
    pub(crate) fn read(element: &Element) -> Option<OutOfOffice> {
        let reply =
            |name| element.child(name).and_then(|reply| reply.child("Message")).map(|text| text.text().to_owned());
        let span = element.child("Duration").and_then(|span| {
            Some((span.child("StartTime").and_then(read_utc)?, span.child("EndTime").and_then(read_utc)?))
        });
        Some(OutOfOffice {
            state: OofState::from_name(element.child("OofState")?.text())?,
            audience: element
                .child("ExternalAudience")
                .and_then(|audience| Audience::from_name(audience.text()))
                .unwrap_or(Audience::Nobody),
            span,
            internal: reply("InternalReply"),
            external: reply("ExternalReply"),
        })
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        xml.within("t:UserOofSettings", &[], |xml| {
            xml.text("t:OofState", self.state.as_str());
            xml.text("t:ExternalAudience", self.audience.as_str());
            if let Some((start, end)) = self.span {
                xml.within("t:Duration", &[], |xml| {
                    xml.text("t:StartTime", &start.to_string());
                    xml.text("t:EndTime", &end.to_string());
                });
            }
            for (name, text) in [("t:InternalReply", &self.internal), ("t:ExternalReply", &self.external)] {
                if let Some(text) = text {
                    xml.within(name, &[], |xml| xml.text("t:Message", text));
                }
            }
        });
    }
}
