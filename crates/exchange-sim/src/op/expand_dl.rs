//! ExpandDL: the members of one distribution list, one level deep.

use super::{Call, Reply, Trouble, respond};
use crate::{
    items::{self, Member},
    property::write_stored,
    soap::{Element, Fault, Writer},
    store::Kind,
};

pub(super) fn expand_dl(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let reply = expand(call, request);
    Ok(respond("ExpandDL", "", vec![reply]))
}

fn expand(call: &Call<'_>, request: &Element) -> Reply {
    let list = request.child("Mailbox").ok_or_else(no_results)?;
    let members = match list.child("ItemId") {
        Some(id) => private(call, id)?,
        None => public(call, list)?,
    };
    let count = members.len().to_string();
    let mut w = Writer::new();
    w.open("m:DLExpansion", &[("TotalItemsInView", &count), ("IncludesLastItemInRange", "true")]);
    for member in &members {
        write_stored(&mut w, &member.element());
    }
    w.close("m:DLExpansion");
    Ok(w.finish())
}

/// A list in a contacts folder.
pub(super) fn private(call: &Call<'_>, id: &Element) -> Result<Vec<Member>, Trouble> {
    let place = call.item(&Element { name: "ItemId".to_owned(), ..id.clone() })?;
    let item =
        call.organisation.mailboxes[place.mailbox].item(place.folder, place.item).ok_or_else(Trouble::not_found)?;
    if item.kind != Kind::DistributionList {
        return Err(Trouble::new(
            "ErrorInvalidItemForOperationExpandDL",
            "The item type is invalid for the ExpandDL operation.",
        ));
    }
    Ok(items::members(call.organisation, place.mailbox, item))
}

/// A list of the directory, by address, alias or name; failing that one of the user's own by name.
fn public(call: &Call<'_>, list: &Element) -> Result<Vec<Member>, Trouble> {
    let wanted = list.child_text("EmailAddress").or_else(|| list.child_text("Name")).ok_or_else(no_results)?;
    let directory = &call.organisation.directory;
    let is = |text: &str| text.eq_ignore_ascii_case(wanted);
    let known = directory
        .find(wanted)
        .or_else(|| directory.entries().iter().find(|entry| entry.is_list() && (is(entry.alias()) || is(&entry.name))));
    if let Some(entry) = known {
        if !entry.is_list() {
            return Err(no_results());
        }
        let members = directory.members(entry).map(|member| Member {
            name: member.name.clone(),
            address: member.address.clone(),
            of: member.mailbox_type(),
            item: None,
        });
        return Ok(members.collect());
    }
    let mailbox = &call.organisation.mailboxes[call.me];
    let contacts = mailbox.distinguished("contacts").and_then(|key| mailbox.folders.get(&key));
    let own = contacts
        .into_iter()
        .flat_map(|folder| folder.items.values())
        .find(|item| item.kind == Kind::DistributionList && is(&item.summary().subject));
    own.map(|item| items::members(call.organisation, call.me, item)).ok_or_else(no_results)
}

/// In the words of the documentation's example.
fn no_results() -> Trouble {
    Trouble::new("ErrorNameResolutionNoResults", "No results are found.")
}
