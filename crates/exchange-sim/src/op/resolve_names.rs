//! ResolveNames: ambiguous names, looked up in the directory and in the user's contacts.

use super::{Call, Reply, Trouble, respond};
use crate::{
    Version,
    directory::Entry,
    items::{self, Member},
    property::{Base, Shape, View, write_item, write_stored},
    soap::{Element, Fault, Writer},
    store::{
        Folder, Item, Kind,
        ids::{self, Target},
    },
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

/// Somebody who answers to the name.
enum Found<'a> {
    Listed(&'a Entry),
    /// A contact by one of its addresses, or a private distribution list.
    Kept(usize, &'a Folder, &'a Item, Member),
}

fn resolve(call: &Call<'_>, request: &Element) -> (bool, Reply) {
    match search(call, request) {
        Err(trouble) => (false, Err(trouble)),
        Ok(found) if found.is_empty() => {
            (false, Err(Trouble::new("ErrorNameResolutionNoResults", "No results were found.")))
        }
        Ok(found) => (found.len() > 1, Ok(write(call, request, &found))),
    }
}

fn search<'a>(call: &'a Call<'_>, request: &Element) -> Result<Vec<Found<'a>>, Trouble> {
    let name = request.child_text("UnresolvedEntry").unwrap_or_default();
    let exact = name.get(..5).filter(|start| start.eq_ignore_ascii_case("smtp:")).and_then(|_| name.get(5..));
    let folders = request.list("ParentFolderIds");
    if folders.len() > 1 {
        return Err(Trouble::new(
            "ErrorResolveNamesOnlyOneContactsFolderAllowed",
            "Only one contacts folder may be specified in the ParentFolderIds.",
        ));
    }
    let place = match folders.first() {
        Some(id) => call.folder(id)?,
        None => super::create_item::own_folder(call, "contacts")?,
    };
    let folder =
        call.organisation.mailboxes[place.mailbox].folders.get(&place.folder).ok_or_else(Trouble::not_found)?;
    if folder.element() != "ContactsFolder" {
        return Err(Trouble::new(
            "ErrorResolveNamesInvalidFolderType",
            "Only a contacts folder may be specified in the ParentFolderIds.",
        ));
    }
    let kept = || contacts(call, place.mailbox, folder, exact.unwrap_or(name), exact.is_some());
    let listed = || {
        let entries = call.organisation.directory.entries().iter();
        let matches: Vec<Found<'a>> = entries
            .filter(|entry| match exact {
                Some(address) => {
                    let all = std::iter::once(&entry.address).chain(&entry.aliases);
                    all.into_iter().any(|known| known.eq_ignore_ascii_case(address))
                }
                None => entry.answers_to(name),
            })
            .map(Found::Listed)
            .collect();
        matches
    };
    let mut found = match request.attribute("SearchScope").unwrap_or("ActiveDirectoryContacts") {
        "ActiveDirectory" => listed(),
        "Contacts" => kept(),
        "ContactsActiveDirectory" => [kept(), listed()].into_iter().flatten().collect(),
        _ => [listed(), kept()].into_iter().flatten().collect(),
    };
    // One more than is shown tells that there are more.
    found.truncate(MOST + 1);
    Ok(found)
}

/// The contacts and lists of a folder that answer to a name.
fn contacts<'a>(call: &'a Call<'_>, mailbox: usize, folder: &'a Folder, name: &str, exact: bool) -> Vec<Found<'a>> {
    let owner = &call.organisation.mailboxes[mailbox];
    let mut found = Vec::new();
    for item in folder.items.values().filter(|item| !item.associated) {
        let id = owner.id(Target::Item { folder: folder.key, item: item.key });
        let key = ids::change_key(owner.guid, item.kind.facts().2, item.changed);
        let subject = item.summary().subject.clone();
        let member = |address: &str, of| {
            let shown = if address.is_empty() { &subject } else { address };
            Member { name: shown.to_owned(), address: address.to_owned(), of, item: Some((id.clone(), key.clone())) }
        };
        match item.kind {
            Kind::Contact => {
                let text = |name: &str| items::text(item, name).unwrap_or_default().to_owned();
                let display_name = items::display_name(item);
                for address in items::addresses(item) {
                    let as_entry = Entry {
                        address: address.clone(),
                        name: display_name.clone(),
                        given_name: text("GivenName"),
                        surname: text("Surname"),
                        ..Entry::default()
                    };
                    let fits = if exact { address.eq_ignore_ascii_case(name) } else { as_entry.answers_to(name) };
                    if fits {
                        found.push(Found::Kept(mailbox, folder, item, member(&address, "Contact")));
                    }
                }
            }
            Kind::DistributionList if !exact && Entry::person("", &subject).answers_to(name) => {
                found.push(Found::Kept(mailbox, folder, item, member("", "PrivateDL")));
            }
            _ => {}
        }
    }
    found
}

fn write(call: &Call<'_>, request: &Element, found: &[Found<'_>]) -> String {
    let full = matches!(request.attribute("ReturnFullContactData"), Some("true" | "1"));
    let shape = match request.attribute("ContactDataShape") {
        Some("IdOnly") => Base::IdOnly,
        Some("AllProperties") => Base::AllProperties,
        _ => Base::Default,
    };
    let count = found.len().min(MOST).to_string();
    let last = if found.len() > MOST { "false" } else { "true" };
    let mut w = Writer::new();
    w.open("m:ResolutionSet", &[("TotalItemsInView", &count), ("IncludesLastItemInRange", last)]);
    for found in found.iter().take(MOST) {
        w.open("t:Resolution", &[]);
        match found {
            Found::Listed(entry) => {
                let member = Member {
                    name: entry.name.clone(),
                    address: entry.address.clone(),
                    of: entry.mailbox_type(),
                    item: None,
                };
                write_stored(&mut w, &member.element());
                if full {
                    write_entry(&mut w, call, entry, shape);
                }
            }
            Found::Kept(owner, folder, item, member) => {
                write_stored(&mut w, &member.element());
                if full && item.kind == Kind::Contact {
                    let mailbox = &call.organisation.mailboxes[*owner];
                    let view = View::new(mailbox, folder, item, call.version, call.organisation.options.mime, 0);
                    write_item(&mut w, &view, &Shape { base: shape, ..Shape::ids() });
                }
            }
        }
        w.close("t:Resolution");
    }
    w.close("m:ResolutionSet");
    w.finish()
}

/// `t:Contact` of someone in the directory.
pub(super) fn write_entry(w: &mut Writer, call: &Call<'_>, entry: &Entry, shape: Base) {
    let modern = call.version >= Version::Exchange2010Sp2;
    let all = shape == Base::AllProperties && modern;
    let optional = |w: &mut Writer, element: &str, text: &str| {
        if !text.is_empty() {
            w.text(element, text);
        }
    };
    w.open("t:Contact", &[]);
    w.text("t:DisplayName", &entry.name);
    if shape != Base::IdOnly {
        optional(w, "t:GivenName", &entry.given_name);
        optional(w, "t:CompanyName", &entry.company);
    }
    w.open("t:EmailAddresses", &[]);
    w.text_with("t:Entry", &[("Key", "EmailAddress1")], &format!("SMTP:{}", entry.address));
    // Proxy addresses: the primary one is in capitals, and there are three places.
    for (key, alias) in ["EmailAddress2", "EmailAddress3"].into_iter().zip(&entry.aliases) {
        w.text_with("t:Entry", &[("Key", key)], &format!("smtp:{alias}"));
    }
    w.close("t:EmailAddresses");
    if shape != Base::IdOnly {
        if !entry.city.is_empty() || !entry.country.is_empty() {
            w.open("t:PhysicalAddresses", &[]);
            w.open("t:Entry", &[("Key", "Business")]);
            optional(w, "t:City", &entry.city);
            optional(w, "t:CountryOrRegion", &entry.country);
            w.close("t:Entry");
            w.close("t:PhysicalAddresses");
        }
        let phones: Vec<(&str, &str)> = [("BusinessPhone", &*entry.phone), ("MobilePhone", &entry.mobile)]
            .into_iter()
            .filter(|(_, number)| !number.is_empty())
            .collect();
        if !phones.is_empty() {
            w.open("t:PhoneNumbers", &[]);
            for (key, number) in phones {
                w.text_with("t:Entry", &[("Key", key)], number);
            }
            w.close("t:PhoneNumbers");
        }
    }
    w.text("t:ContactSource", "ActiveDirectory");
    if shape != Base::IdOnly {
        let manager = call.organisation.directory.find(&entry.manager);
        optional(w, "t:Department", &entry.department);
        optional(w, "t:JobTitle", &entry.title);
        optional(w, "t:Manager", manager.map_or("", |manager| &manager.name));
        optional(w, "t:OfficeLocation", &entry.office);
        optional(w, "t:Surname", &entry.surname);
        if let Some(photo) = &entry.photo
            && call.version > Version::Exchange2010
        {
            w.flag("t:HasPicture", !photo.is_empty());
        }
        if modern {
            w.text("t:Alias", entry.alias());
        }
        if all {
            optional(w, "t:Notes", &entry.notes);
            if let Some(photo) = &entry.photo {
                use base64::{Engine, engine::general_purpose::STANDARD};
                w.text("t:Photo", &STANDARD.encode(photo));
            }
            w.text("t:DirectoryId", &super::find_people::directory_id(entry));
            if let Some(manager) = manager {
                w.open("t:ManagerMailbox", &[]);
                write_mailbox(w, manager);
                w.close("t:ManagerMailbox");
            }
            let reports: Vec<&Entry> = call
                .organisation
                .directory
                .entries()
                .iter()
                .filter(|other| other.manager.eq_ignore_ascii_case(&entry.address))
                .collect();
            if !reports.is_empty() {
                w.open("t:DirectReports", &[]);
                for report in reports {
                    write_mailbox(w, report);
                }
                w.close("t:DirectReports");
            }
        }
    }
    w.close("t:Contact");
}

/// `t:Mailbox` of someone in the directory.
pub(super) fn write_mailbox(w: &mut Writer, entry: &Entry) {
    w.open("t:Mailbox", &[]);
    write_address(w, entry);
    w.close("t:Mailbox");
}

/// What an `EmailAddressType` holds.
pub(super) fn write_address(w: &mut Writer, entry: &Entry) {
    w.text("t:Name", &entry.name);
    w.text("t:EmailAddress", &entry.address);
    w.text("t:RoutingType", "SMTP");
    w.text("t:MailboxType", entry.mailbox_type());
}

/// R/resolvenames-operation.
const MOST: usize = 100;
