//! FindPeople and GetPersona: people of the directory and of contacts folders, as personas.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Call, Reply, Trouble, find_item::Page, frame};
use crate::{
    directory::Entry,
    items,
    property::{Base, Path, Shape},
    restriction::Restriction,
    soap::{Element, Fault, Writer},
    store::{Kind, Value, ids},
};

pub(super) fn find_people(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    Ok(frame::alone("FindPeopleResponse", "", find(call, request)))
}

pub(super) fn get_persona(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    Ok(frame::alone("GetPersonaResponseMessage", NOBODY, persona(call, request)))
}

/// Somebody, whichever source he comes from.
struct Persona {
    id: String,
    entry: Entry,
    file_as: String,
    addresses: Vec<String>,
    im: String,
}

impl Persona {
    fn listed(entry: &Entry) -> Persona {
        Persona {
            id: persona_id(&[b"directory", entry.address.to_lowercase().as_bytes()]),
            entry: entry.clone(),
            file_as: String::new(),
            addresses: vec![entry.address.clone()],
            im: String::new(),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let entry = &self.entry;
        let text = match name {
            "PersonaId" => &self.id,
            "DisplayName" | "DisplayNameFirstLast" => &entry.name,
            "DisplayNameLastFirst" if entry.surname.is_empty() => &entry.name,
            "DisplayNameLastFirst" => return Some(format!("{} {}", entry.surname, entry.given_name)),
            "FileAs" => &self.file_as,
            "GivenName" => &entry.given_name,
            "Surname" => &entry.surname,
            "Title" => &entry.title,
            "Department" => &entry.department,
            "CompanyName" => &entry.company,
            "Location" => &entry.office,
            "WorkCity" => &entry.city,
            "ImAddress" => &self.im,
            "EmailAddress" => self.addresses.first()?,
            "PhoneNumber" => [&entry.phone, &entry.mobile].into_iter().find(|number| !number.is_empty())?,
            "PersonaType" => return Some(if entry.is_list() { "DistributionList" } else { "Person" }.to_owned()),
            _ => return None,
        };
        (!text.is_empty()).then(|| text.clone())
    }

    fn write(&self, w: &mut Writer, element: &str, wanted: &dyn Fn(&str) -> bool) {
        w.open(element, &[]);
        w.empty("t:PersonaId", &[("Id", &self.id)]);
        for name in ELEMENTS.iter().filter(|name| wanted(name)) {
            let element = format!("t:{name}");
            match *name {
                "EmailAddress" => {
                    if let Some(address) = self.addresses.first() {
                        write_address(w, &element, &self.entry, address);
                    }
                }
                "EmailAddresses" => {
                    if !self.addresses.is_empty() {
                        w.open(&element, &[]);
                        for address in &self.addresses {
                            write_address(w, "t:Address", &self.entry, address);
                        }
                        w.close(&element);
                    }
                }
                "PhoneNumber" => {
                    if let Some(number) = self.value(name) {
                        w.open(&element, &[]);
                        w.text("t:Number", &number);
                        w.text("t:Type", if self.entry.phone.is_empty() { "Mobile" } else { "Business" });
                        w.close(&element);
                    }
                }
                "RelevanceScore" => w.text(&element, "2147483647"),
                name => {
                    if let Some(text) = self.value(name) {
                        w.text(&element, &text);
                    }
                }
            }
        }
        w.close(element);
    }
}

fn write_address(w: &mut Writer, element: &str, entry: &Entry, address: &str) {
    w.open(element, &[]);
    w.text("t:Name", &entry.name);
    w.text("t:EmailAddress", address);
    w.text("t:RoutingType", "SMTP");
    w.text("t:MailboxType", entry.mailbox_type());
    w.close(element);
}

fn find(call: &Call<'_>, request: &Element) -> Reply {
    let query = request.child_text("QueryString").unwrap_or_default();
    let restriction = request.child("Restriction").and_then(|holder| holder.children.first());
    let restriction = restriction.map(Restriction::read).transpose()?;
    let mut people: Vec<Persona> = sources(call, request)?
        .into_iter()
        .filter(|persona| query.is_empty() || answers(persona, query))
        .filter(|persona| {
            let value = |path: &Path| match path {
                Path::Field(uri) => persona.value(uri.strip_prefix("persona:")?).map(Value::Text),
                _ => None,
            };
            restriction.as_ref().is_none_or(|restriction| restriction.holds(&value))
        })
        .collect();
    for field in request.list("SortOrder").iter().rev() {
        if let Path::Field(uri) = Path::within(field)? {
            let name = uri.trim_start_matches("persona:").to_owned();
            people.sort_by_key(|persona| persona.value(&name).map(|text| text.to_lowercase()));
            if field.attribute("Order") == Some("Descending") {
                people.reverse();
            }
        }
    }
    let page = Page::read(request, "IndexedPageItemView", "", call.organisation.options.version)?;
    let window = page.window(people.len());
    let shape = Shape::read(request.child("PersonaShape"), true)?;
    let wanted = |name: &str| shape.base != Base::IdOnly || shape.asks(&format!("persona:{name}"));
    let mut w = Writer::new();
    w.open("m:People", &[]);
    for persona in people.get(window.from..window.to).unwrap_or_default() {
        persona.write(&mut w, "t:Persona", &wanted);
    }
    w.close("m:People");
    w.number("m:TotalNumberOfPeopleInView", people.len());
    w.number("m:FirstMatchingRowIndex", 0);
    w.number("m:FirstLoadedRowIndex", window.from);
    Ok(w.finish())
}

/// Everybody in the folder asked for; without one, in the user's contacts and the directory.
fn sources(call: &Call<'_>, request: &Element) -> Result<Vec<Persona>, Trouble> {
    let listed = || call.organisation.directory.entries().iter().map(Persona::listed).collect::<Vec<_>>();
    let Some(folder) = request.child("ParentFolderId").and_then(|folder| folder.children.first()) else {
        if request.child_text("QueryString").unwrap_or_default().is_empty() {
            return Err(Trouble::new("ErrorInvalidArgument", "A query string or a parent folder is needed."));
        }
        let asked: Vec<&str> = request.list("QuerySources").iter().map(|source| source.text.trim()).collect();
        let from = |source: &str| asked.is_empty() || asked.contains(&source);
        let place = super::create_item::own_folder(call, "contacts")?;
        let mut people = if from("Mailbox") { kept(call, place)? } else { Vec::new() };
        if from("Directory") {
            people.extend(listed());
        }
        return Ok(people);
    };
    if folder.name == "AddressListId" || folder.attribute("Id") == Some("directory") {
        return Ok(listed());
    }
    let place = call.folder(folder)?;
    kept(call, place)
}

fn kept(call: &Call<'_>, place: super::FolderPlace) -> Result<Vec<Persona>, Trouble> {
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let folder = mailbox.folders.get(&place.folder).ok_or_else(Trouble::not_found)?;
    let contacts = folder.items.values().filter(|item| item.kind == Kind::Contact && !item.associated);
    let people = contacts.map(|item| {
        let text = |name: &str| items::text(item, name).unwrap_or_default().to_owned();
        let addresses = items::addresses(item);
        Persona {
            id: persona_id(&[mailbox.guid.as_bytes(), &item.origin.to_le_bytes()]),
            entry: Entry {
                address: addresses.first().cloned().unwrap_or_default(),
                name: items::display_name(item),
                given_name: text("GivenName"),
                surname: text("Surname"),
                title: text("JobTitle"),
                department: text("Department"),
                company: text("CompanyName"),
                office: text("OfficeLocation"),
                phone: items::indexed_text(item, "PhoneNumbers", "BusinessPhone"),
                mobile: items::indexed_text(item, "PhoneNumbers", "MobilePhone"),
                ..Entry::default()
            },
            file_as: text("FileAs"),
            addresses,
            im: items::indexed_text(item, "ImAddresses", "ImAddress1"),
        }
    });
    let mut people: Vec<Persona> = people.collect();
    people.sort_by_key(|persona| persona.entry.name.to_lowercase());
    Ok(people)
}

/// Names, addresses, job and place are searched.
fn answers(persona: &Persona, query: &str) -> bool {
    let wanted = query.to_lowercase();
    persona.entry.answers_to(query)
        || [&persona.entry.title, &persona.entry.department, &persona.entry.company]
            .into_iter()
            .any(|text| text.to_lowercase().starts_with(&wanted))
        || persona.addresses.iter().any(|address| address.to_lowercase().starts_with(&wanted))
}

fn persona(call: &Call<'_>, request: &Element) -> Reply {
    let mut everybody: Vec<Persona> = call.organisation.directory.entries().iter().map(Persona::listed).collect();
    everybody.extend(kept(call, super::create_item::own_folder(call, "contacts")?)?);
    let wanted_id = request.child("PersonaId").and_then(|id| id.attribute("Id"));
    let address = request.child("EmailAddress").and_then(|address| address.child_text("EmailAddress"));
    let found = everybody.into_iter().find(|persona| match (wanted_id, address) {
        (Some(id), _) => persona.id == id,
        (None, Some(address)) => persona.addresses.iter().any(|known| known.eq_ignore_ascii_case(address)),
        (None, None) => false,
    });
    let found = found.ok_or_else(Trouble::not_found)?;
    let mut w = Writer::new();
    found.write(&mut w, "m:Persona", &|_| true);
    Ok(w.finish())
}

/// The directory's own id of an entry.
pub(super) fn directory_id(entry: &Entry) -> String {
    let digest = ids::digest(&[b"directory", entry.address.to_lowercase().as_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Uuid::from_bytes(bytes).hyphenated().to_string()
}

/// Laid out as the documentation's examples: a kind, a length, sixteen bytes.
fn persona_id(pieces: &[&[u8]]) -> String {
    let mut bytes = vec![0, 5, 16, 0];
    bytes.extend(&ids::digest(pieces)[..16]);
    STANDARD.encode(bytes)
}

/// The schema wants a persona in every answer.
const NOBODY: &str = "<m:Persona><t:PersonaId Id=\"\"/></m:Persona>";

/// In schema order, without `PersonaId`.
const ELEMENTS: &[&str] = &[
    "PersonaType",
    "DisplayName",
    "DisplayNameFirstLast",
    "DisplayNameLastFirst",
    "FileAs",
    "GivenName",
    "Surname",
    "Title",
    "Department",
    "CompanyName",
    "Location",
    "EmailAddress",
    "EmailAddresses",
    "PhoneNumber",
    "ImAddress",
    "WorkCity",
    "RelevanceScore",
];
