//! What contacts, distribution lists and tasks have of their own: rules for setting properties, properties that follow
//! from others, and the MAPI names of both.
//!
//! Properties are kept as the elements that set them. An element that follows from others is made when it is read.

mod alias;
mod contact;
mod indexed;
mod list;
mod task;

pub(crate) use alias::{read as alias_value, remove as remove_alias, write as set_alias};
pub(crate) use contact::display_name;
pub(crate) use indexed::{entry, subset};
pub(crate) use list::{Member, members};
pub(crate) use task::{skip, spawn};

use crate::{
    exchange::Organisation,
    op::Trouble,
    property::{Path, View},
    soap::Element,
    store::{Item, Kind},
};

/// Sets a property where the kind of item has a rule for it; tells whether it has.
pub(crate) fn set(item: &mut Item, element: &Element) -> Result<bool, Trouble> {
    match item.kind {
        Kind::Contact => contact::set(item, element),
        Kind::DistributionList => list::set(item, element),
        Kind::Task => task::set(item, element),
        _ => Ok(false),
    }
}

/// Sets a property named by `path`, as updates do; tells whether the kind of item has a rule for it.
pub(crate) fn update(item: &mut Item, path: &Path, element: &Element) -> Result<bool, Trouble> {
    match (item.kind, path) {
        (Kind::Contact, Path::Indexed(uri, index)) => indexed::set(item, uri, index, element).map(|()| true),
        // Dictionaries are changed entry by entry.
        (Kind::Contact, Path::Field(uri)) if indexed::is_dictionary(uri) => {
            Err(Trouble::new("ErrorInvalidPropertySet", "Set action is invalid for property."))
        }
        _ => Ok(false),
    }
}

/// Adds to a property; tells whether the kind of item has a rule for it.
pub(crate) fn append(item: &mut Item, element: &Element) -> Result<bool, Trouble> {
    match item.kind {
        Kind::DistributionList => list::append(item, element),
        _ => Ok(false),
    }
}

/// Removes a property; tells whether the kind of item has a rule for it.
pub(crate) fn delete(item: &mut Item, path: &Path) -> Result<bool, Trouble> {
    match (item.kind, path) {
        (Kind::Contact, Path::Indexed(uri, index)) => indexed::delete(item, uri, index).map(|()| true),
        (Kind::DistributionList, Path::Indexed(uri, key)) => list::delete(item, uri, key).map(|()| true),
        (Kind::Contact, Path::Field(uri)) if indexed::is_dictionary(uri) || contact::is_read_only(local(uri)) => {
            Err(Trouble::new("ErrorInvalidPropertyDelete", "Delete action is invalid for property."))
        }
        (Kind::Task, Path::Field(uri)) => task::delete(item, local(uri)),
        _ => Ok(false),
    }
}

/// What follows from a change that is otherwise done: `before` is the item as it was, if it was there.
pub(crate) fn settle(organisation: &Organisation, mailbox: usize, before: Option<&Item>, item: &mut Item) {
    match item.kind {
        Kind::Contact => contact::settle(before, item),
        Kind::DistributionList => list::settle(organisation, mailbox, item),
        Kind::Task => task::settle(before, item),
        _ => {}
    }
}

/// A property as EWS shows it, if it has a value. `list`: in the answer of FindItem or SyncFolderItems.
pub(crate) fn shown(view: &View<'_>, name: &str, list: bool) -> Option<Element> {
    match view.item.kind {
        Kind::Contact => contact::shown(view, name, list),
        Kind::DistributionList => list::shown(view, name, list),
        Kind::Task => task::shown(view, name),
        _ => view.stored_element(name).cloned(),
    }
}

/// Whether the shape `Default` has a property of the item's own kind (Microsoft's "property sets and response
/// shapes", table 3); other kinds show what they have.
pub(crate) fn in_default(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Contact => contact::DEFAULT.contains(&name),
        Kind::DistributionList => list::DEFAULT.contains(&name),
        Kind::Task => task::DEFAULT.contains(&name),
        _ => true,
    }
}

/// Why an item may not be in a folder of that class, if so (R/responsecode).
pub(crate) fn misplaced(kind: Kind, folder_class: Option<&str>) -> Option<Trouble> {
    let (wanted, code, text) = match kind {
        Kind::Contact | Kind::DistributionList => (
            "IPF.Contact",
            "ErrorCannotCreateContactInNonContactFolder",
            "Cannot create a contact in a folder that is not a contacts folder.",
        ),
        Kind::Task => (
            "IPF.Task",
            "ErrorCannotCreateTaskInNonTaskFolder",
            "Cannot create a task in a folder that is not a tasks folder.",
        ),
        _ => return None,
    };
    let fits = folder_class.is_some_and(|class| class.starts_with(wanted));
    (!fits).then(|| Trouble::new(code, text))
}

/// The name after the colon of a `FieldURI`.
fn local(uri: &str) -> &str {
    uri.split(':').nth(1).unwrap_or_default()
}

/// A property kept as it was set.
fn kept<'a>(item: &'a Item, name: &str) -> Option<&'a Element> {
    item.extra.as_ref()?.fields.get(name)
}

/// Its text, if it is not empty.
fn kept_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    kept(item, name).map(|element| element.text.trim()).filter(|text| !text.is_empty())
}

/// Keeps a property.
fn keep(item: &mut Item, element: Element) {
    let _ = item.extra_mut().fields.insert(element.name.clone(), element);
}

/// Forgets a property.
fn drop_field(item: &mut Item, name: &str) {
    if let Some(extra) = &mut item.extra {
        extra.fields.remove(name);
    }
}

/// The text of a property kept as it was set.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    kept_text(item, name)
}

/// The text of an entry of a dictionary; empty if there is none.
pub(crate) fn indexed_text(item: &Item, name: &str, key: &str) -> String {
    let entry = kept(item, name).and_then(|all| all.children.iter().find(|entry| entry.attribute("Key") == Some(key)));
    entry.map(|entry| entry.text.clone()).unwrap_or_default()
}

/// The e-mail addresses of a contact.
pub(crate) fn addresses(item: &Item) -> Vec<String> {
    kept(item, "EmailAddresses").map_or(Vec::new(), |all| all.children.iter().map(|entry| entry.text.clone()).collect())
}
