//! FindPeople: the address list, searched or page by page.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{Address, DistinguishedFolder, Field, FolderRef, Page, Path, Version};
use crate::{Error, ItemError};

/// Lists people. The only operation that can go through a whole address list.
#[derive(Clone, Debug)]
pub struct FindPeople {
    /// Where: the directory, or a folder of contacts.
    pub folder: FolderRef,
    /// Only those a word of whose names, addresses and the like begins so.
    pub query: Option<String>,
    /// Which page.
    pub page: Page,
}

impl FindPeople {
    /// Looks in the address list.
    pub fn in_directory(query: Option<String>, page: Page) -> FindPeople {
        FindPeople { folder: DistinguishedFolder::Directory.into(), query, page }
    }
}

/// A page of people.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Each of them.
    pub people: Vec<Persona>,
    /// How many there are in all; 0 where Exchange does not count.
    pub total: Option<u32>,
}

/// Somebody (EWS "Persona").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persona {
    /// Opaque.
    pub id: String,
    /// `Person`, `DistributionList`, `Room` ...
    pub kind: Option<String>,
    /// The name shown.
    pub display_name: Option<String>,
    /// First name.
    pub given_name: Option<String>,
    /// Family name.
    pub surname: Option<String>,
    /// Job title.
    pub title: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// The address to write to.
    pub email: Option<Address>,
    /// All addresses.
    pub emails: Vec<Address>,
    /// The instant-messaging address.
    pub im: Option<String>,
    /// Telephone numbers at work.
    pub business_phones: Vec<String>,
    /// Mobile telephone numbers.
    pub mobile_phones: Vec<String>,
    /// Rooms.
    pub offices: Vec<String>,
}

impl Operation for FindPeople {
    type Payload = Found;
    type Answer = People;
    const NAME: &'static str = "FindPeople";

    fn required(&self) -> Version {
        Version::Exchange2013
    }

    fn wished(&self) -> Version {
        self.required().max(self.folder.since())
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:FindPeople", &[], |xml| {
            xml.within("m:PersonaShape", &[], |xml| {
                xml.text("t:BaseShape", "Default");
                xml.within("t:AdditionalProperties", &[], |xml| {
                    MORE.iter().for_each(|field| Path::Field(*field).write(xml));
                });
            });
            self.page.write(xml, "m:IndexedPageItemView");
            xml.within("m:ParentFolderId", &[], |xml| self.folder.write(xml));
            if let Some(query) = &self.query {
                xml.text("m:QueryString", query);
            }
        });
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<People, Error> {
        Ok(only(messages)?.0)
    }
}

/// The payload of FindPeople.
#[derive(Debug, Default)]
pub struct Found(People);

impl Payload for Found {
    fn take(&mut self, container: &str, element: Element) {
        match (container, element.name()) {
            ("People", _) => self.0.people.push(Persona::read(&element)),
            (_, "TotalNumberOfPeopleInView") => self.0.total = element.parse(),
            _ => {}
        }
    }
}

impl Persona {
    fn read(element: &Element) -> Persona {
        let text = |name| element.child(name).map(|text| text.text().to_owned()).filter(|text| !text.is_empty());
        // Microsoft's schema calls them Address, its documentation and servers EmailAddress.
        let emails = element.child("EmailAddresses").map(Element::all).unwrap_or_default();
        Persona {
            id: element.child("PersonaId").and_then(|id| id.attribute("Id")).unwrap_or_default().to_owned(),
            kind: text("PersonaType"),
            display_name: text("DisplayName"),
            given_name: text("GivenName"),
            surname: text("Surname"),
            title: text("Title"),
            department: text("Department"),
            company: text("CompanyName"),
            email: element.child("EmailAddress").map(Address::read),
            emails: emails.iter().map(Address::read).collect(),
            im: text("ImAddress"),
            business_phones: business_phones(element),
            mobile_phones: values(element, "MobilePhones"),
            offices: values(element, "OfficeLocations"),
        }
    }
}

/// Those of all sources; where these were not given, the one number that a persona always has.
fn business_phones(persona: &Element) -> Vec<String> {
    let all = values(persona, "BusinessPhoneNumbers");
    if !all.is_empty() {
        return all;
    }
    let main = persona.child("PhoneNumber");
    let at_work = main.filter(|phone| phone.child("Type").is_some_and(|kind| kind.text() == "Business"));
    let number = at_work.and_then(|phone| phone.child("Number")).map(|number| number.text().to_owned());
    number.into_iter().filter(|number| !number.is_empty()).collect()
}

/// The values of a property that may come from several sources, without the sources.
fn values(persona: &Element, name: &str) -> Vec<String> {
    let sources = persona.child(name).map(Element::all).unwrap_or_default().iter();
    let values = sources.filter_map(|source| source.child("Value"));
    let mut texts: Vec<String> = Vec::new();
    for text in values.map(|value| value.child("Number").unwrap_or(value).text()) {
        if !text.is_empty() && !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    }
    texts
}

/// What the default shape lacks.
const MORE: [Field; 8] = [
    Field::PERSONA_TITLE,
    Field::PERSONA_COMPANY,
    Field::PERSONA_GIVEN_NAME,
    Field::PERSONA_SURNAME,
    Field::PERSONA_EMAILS,
    Field::PERSONA_BUSINESS_PHONES,
    Field::PERSONA_MOBILE_PHONES,
    Field::PERSONA_OFFICES,
];
