//! Distribution lists of a contacts folder: their members, and how members are told apart (MS-OXWSCONT, MS-OXOCNTC).

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{drop_field, keep, kept, kept_text};
use crate::{
    compose::{Edits, words},
    exchange::Organisation,
    mime::parse::parse,
    op::Trouble,
    property::View,
    soap::Element,
    store::{
        Item, Kind, Mailbox,
        ids::{self, Target},
    },
};

/// In the shape `Default`.
pub(super) const DEFAULT: &[&str] = &["DisplayName", "FileAs"];

/// Sets a property that has a rule.
pub(super) fn set(item: &mut Item, element: &Element) -> Result<bool, Trouble> {
    match element.name.as_str() {
        "ContactSource" => Err(Trouble::new("ErrorInvalidPropertySet", "Set action is invalid for property.")),
        "Members" => {
            keep(item, element.clone());
            Ok(true)
        }
        // The name of a list is its subject (MS-OXOCNTC 2.2.2.1).
        "DisplayName" => {
            set_subject(item, element.text.trim());
            keep(item, element.clone());
            Ok(true)
        }
        "Subject" => {
            keep(item, Element::new("DisplayName", element.text.trim()));
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// Adds members.
pub(super) fn append(item: &mut Item, element: &Element) -> Result<bool, Trouble> {
    if element.name != "Members" {
        return Ok(false);
    }
    let mut all = kept(item, "Members").cloned().unwrap_or_else(|| Element::new("Members", ""));
    all.children.extend(element.children.iter().cloned());
    keep(item, all);
    Ok(true)
}

/// Removes the member with that key.
pub(super) fn delete(item: &mut Item, uri: &str, key: &str) -> Result<(), Trouble> {
    let wrong = || Trouble::new("ErrorInvalidPropertyDelete", "Delete action is invalid for property.");
    if uri != "distributionlist:Members:Member" {
        return Err(wrong());
    }
    let mut all = kept(item, "Members").cloned().ok_or_else(Trouble::not_found)?;
    let before = all.children.len();
    all.children.retain(|member| member.attribute("Key") != Some(key));
    if all.children.len() == before {
        return Err(Trouble::not_found());
    }
    match all.children.is_empty() {
        true => drop_field(item, "Members"),
        false => keep(item, all),
    }
    Ok(())
}

/// Gives new members their key, and finds out who they are.
pub(super) fn settle(organisation: &Organisation, mailbox: usize, item: &mut Item) {
    let Some(mut all) = kept(item, "Members").cloned() else { return };
    let mut keys: Vec<String> = Vec::new();
    for member in &mut all.children {
        let Some(given) = member.child("Mailbox") else { continue };
        let known = resolve(organisation, mailbox, given);
        let key = key(&known);
        member.attributes = vec![("Key".to_owned(), key.clone())];
        member.children = vec![known.element(), Element::new("Status", "Normal")];
        keys.push(key);
    }
    // Nobody is a member twice.
    let mut seen = Vec::new();
    all.children.retain(|member| {
        let key = member.attribute("Key").unwrap_or_default().to_owned();
        let new = !seen.contains(&key);
        seen.push(key);
        new && member.child("Mailbox").is_some()
    });
    match all.children.is_empty() {
        true => drop_field(item, "Members"),
        false => keep(item, all),
    }
}

/// A property as EWS shows it.
pub(super) fn shown(view: &View<'_>, name: &str, list: bool) -> Option<Element> {
    match name {
        "DisplayName" | "FileAs" => {
            let text = kept_text(view.item, name).or_else(|| kept_text(view.item, "DisplayName"));
            Some(Element::new(name, text.unwrap_or_default()))
        }
        // Collections are not in lists.
        "Members" if list => None,
        "Members" => {
            let mut all = kept(view.item, name)?.clone();
            for member in &mut all.children {
                refresh(view.mailbox, member);
            }
            Some(all)
        }
        _ => kept(view.item, name).cloned(),
    }
}

/// A member of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) address: String,
    /// `MailboxType`.
    pub(crate) of: &'static str,
    /// Id and change key of the contact or list it is.
    pub(crate) item: Option<(String, String)>,
}

impl Member {
    /// `t:Mailbox`.
    pub(crate) fn element(&self) -> Element {
        let mut mailbox = Element::new("Mailbox", "");
        let mut add = |name: &str, text: &str| {
            if !text.is_empty() {
                mailbox.children.push(Element::new(name, text));
            }
        };
        add("Name", &self.name);
        add("EmailAddress", &self.address);
        add("RoutingType", if self.address.is_empty() { "MAPIPDL" } else { "SMTP" });
        add("MailboxType", self.of);
        if let Some((id, key)) = &self.item {
            mailbox.children.push(Element::new("ItemId", "").with("Id", id.as_str()).with("ChangeKey", key.as_str()));
        }
        mailbox
    }
}

/// The members of a list as its mailbox knows them now.
pub(crate) fn members(organisation: &Organisation, mailbox: usize, item: &Item) -> Vec<Member> {
    let all = kept(item, "Members").map_or(&[][..], |all| &all.children);
    all.iter().filter_map(|member| Some(resolve(organisation, mailbox, member.child("Mailbox")?))).collect()
}

/// Who a `Mailbox` element of a request is.
fn resolve(organisation: &Organisation, mailbox: usize, given: &Element) -> Member {
    let text = |name: &str| given.child_text(name).unwrap_or_default().to_owned();
    let mut member = Member { name: text("Name"), address: text("EmailAddress"), of: "OneOff", item: None };
    let mailbox = &organisation.mailboxes[mailbox];
    if let Some(item) = given.child("ItemId").and_then(|id| id.attribute("Id")).and_then(|id| of_id(mailbox, id)) {
        let (found, folder) = item;
        let id = mailbox.id(Target::Item { folder, item: found.key });
        let key = ids::change_key(mailbox.guid, found.kind.facts().2, found.changed);
        member.item = Some((id, key));
        member.of = if found.kind == Kind::Contact { "Contact" } else { "PrivateDL" };
        let subject = found.summary().subject.clone();
        member.name = kept_text(found, "DisplayName").unwrap_or(&subject).to_owned();
        if found.kind == Kind::Contact && member.address.is_empty() {
            let first = kept(found, "EmailAddresses").and_then(|all| all.children.first());
            member.address = first.map(|entry| entry.text.clone()).unwrap_or_default();
        }
    } else if let Some(entry) = organisation.directory.find(&member.address) {
        member.of = entry.mailbox_type();
        member.name.clone_from(&entry.name);
    }
    if member.name.is_empty() {
        member.name.clone_from(&member.address);
    }
    member
}

fn of_id<'a>(mailbox: &'a Mailbox, id: &str) -> Option<(&'a Item, u64)> {
    match ids::decode(id).filter(|id| id.mailbox == mailbox.guid)?.target {
        Target::Item { folder, item } => Some((mailbox.item(folder, item)?, folder)),
        _ => None,
    }
}

/// The status and the change key of a member that is an item.
fn refresh(mailbox: &Mailbox, member: &mut Element) {
    let id = member.child("Mailbox").and_then(|given| given.child("ItemId")).and_then(|id| id.attribute("Id"));
    let Some(decoded) = id.and_then(ids::decode) else { return };
    // The id may be from before a migration, which changes ids and moves nothing.
    let now = match decoded.target {
        Target::Item { folder, item } => mailbox.item(folder, item).map(|item| {
            let id = mailbox.id(Target::Item { folder, item: item.key });
            (id, ids::change_key(mailbox.guid, item.kind.facts().2, item.changed))
        }),
        _ => None,
    };
    if let Some(status) = member.children.iter_mut().find(|child| child.name == "Status") {
        // What a member was made from is gone: the list still knows name and address.
        status.text = if now.is_some() { "Normal" } else { "Demoted" }.to_owned();
    }
    let given = member.children.iter_mut().find(|child| child.name == "Mailbox");
    let id = given.and_then(|given| given.children.iter_mut().find(|child| child.name == "ItemId"));
    if let (Some(element), Some((id, key))) = (id, now) {
        element.attributes = vec![("Id".to_owned(), id), ("ChangeKey".to_owned(), key)];
    }
}

/// The same member has the same key in every answer.
fn key(member: &Member) -> String {
    let item = member.item.as_ref().map_or("", |(id, _)| id.as_str());
    let digest = ids::digest(&[member.of.as_bytes(), member.address.to_lowercase().as_bytes(), item.as_bytes()]);
    STANDARD.encode(&digest[..24])
}

fn set_subject(item: &mut Item, name: &str) {
    let bytes = item.bytes();
    let edits = Edits { fields: vec![("Subject", Some(words(name)))], ..Edits::default() };
    item.set_content(edits.apply(&bytes, &parse(&bytes)));
}
