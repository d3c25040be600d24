//! Answers whose response element is itself the one response message.

use super::{Reply, Trouble};
use crate::soap::{Ns, Writer};

/// `m:NAME` with the outcome and, if it went well, what is inside; `empty` is what an error ends with where the schema
/// wants something.
pub(super) fn alone(name: &str, empty: &str, reply: Reply) -> String {
    let mut w = Writer::new();
    let element = format!("m:{name}");
    let class = match &reply {
        Ok(_) => "Success",
        Err(trouble) if trouble.warning => "Warning",
        Err(_) => "Error",
    };
    let namespaces = [("xmlns:m", Ns::Messages.uri()), ("xmlns:t", Ns::Types.uri())];
    w.open(&element, &[namespaces[0], namespaces[1], ("ResponseClass", class)]);
    outcome(&mut w, reply.as_ref().err());
    w.append(reply.as_deref().unwrap_or(empty));
    w.close(&element);
    w.finish()
}

/// `m:NAME` with an `m:ResponseMessage` that holds the outcome, and what follows it.
pub(super) fn with_message(name: &str, reply: Reply) -> String {
    let mut w = Writer::new();
    let element = format!("m:{name}");
    w.open(&element, &[("xmlns:m", Ns::Messages.uri()), ("xmlns:t", Ns::Types.uri())]);
    message(&mut w, "m:ResponseMessage", reply.as_ref().err());
    if let Ok(inside) = reply {
        w.append(&inside);
    }
    w.close(&element);
    w.finish()
}

/// A response message that holds nothing but the outcome.
pub(super) fn message(w: &mut Writer, element: &str, trouble: Option<&Trouble>) {
    w.open(element, &[("ResponseClass", if trouble.is_some() { "Error" } else { "Success" })]);
    outcome(w, trouble);
    w.close(element);
}

/// What a response message begins with.
pub(super) fn outcome(w: &mut Writer, trouble: Option<&Trouble>) {
    match trouble {
        None => w.text("m:ResponseCode", "NoError"),
        Some(trouble) => {
            w.text("m:MessageText", &trouble.text);
            w.text("m:ResponseCode", trouble.code);
            w.text("m:DescriptiveLinkKey", "0");
        }
    }
}
