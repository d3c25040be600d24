//! ResolveNames, in the directory of mailboxes.

use super::{Call, Reply, Trouble, respond};
use crate::{
    soap::{Element, Fault, Writer},
    store::Mailbox,
};

pub(super) fn resolve_names(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let (several, reply) = resolve(call, request);
    let answer = respond("ResolveNames", "", vec![reply]);
    // Several matches are given, with a warning.
    Ok(match several {
        true => answer.replacen(
            "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>",
            "ResponseClass=\"Warning\"><m:MessageText>Multiple results were found.</m:MessageText>\
             <m:ResponseCode>ErrorNameResolutionMultipleResults</m:ResponseCode>\
             <m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>",
            1,
        ),
        false => answer,
    })
}

fn resolve(call: &Call<'_>, request: &Element) -> (bool, Reply) {
    let name = request.child_text("UnresolvedEntry").unwrap_or_default().to_lowercase();
    let name = name.strip_prefix("smtp:").unwrap_or(&name);
    let scope = request.attribute("SearchScope").unwrap_or("ActiveDirectoryContacts");
    let full = matches!(request.attribute("ReturnFullContactData"), Some("true" | "1"));
    let matches = |mailbox: &&Mailbox| {
        let (address, display) = (mailbox.address.to_lowercase(), mailbox.display_name.to_lowercase());
        address.starts_with(name) || display.split(' ').any(|word| word.starts_with(name)) || display.starts_with(name)
    };
    let found: Vec<&Mailbox> = match scope == "Contacts" || name.is_empty() {
        true => Vec::new(),
        false => call.organisation.mailboxes.iter().filter(matches).take(MOST).collect(),
    };
    if found.is_empty() {
        let none = Trouble::new("ErrorNameResolutionNoResults", "No results were found.");
        return (false, Err(none));
    }
    let count = found.len().to_string();
    let mut w = Writer::new();
    w.open("m:ResolutionSet", &[("TotalItemsInView", &count), ("IncludesLastItemInRange", "true")]);
    for mailbox in &found {
        w.open("t:Resolution", &[]);
        w.open("t:Mailbox", &[]);
        w.text("t:Name", &mailbox.display_name);
        w.text("t:EmailAddress", &mailbox.address);
        w.text("t:RoutingType", "SMTP");
        w.text("t:MailboxType", "Mailbox");
        w.close("t:Mailbox");
        if full {
            w.open("t:Contact", &[]);
            w.text("t:DisplayName", &mailbox.display_name);
            w.open("t:EmailAddresses", &[]);
            w.text_with("t:Entry", &[("Key", "EmailAddress1")], &format!("SMTP:{}", mailbox.address));
            w.close("t:EmailAddresses");
            w.text("t:ContactSource", "ActiveDirectory");
            w.close("t:Contact");
        }
        w.close("t:Resolution");
    }
    w.close("m:ResolutionSet");
    (found.len() > 1, Ok(w.finish()))
}

/// R/resolvenames-operation.
const MOST: usize = 100;
