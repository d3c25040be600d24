use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::moment::Moment;
use super::words::words;
use super::{Address, Path, Version, strings};
use crate::soap::{Element, Xml};

/// What contacts have beyond any item (EWS "Contact"). What is None or empty was not asked, or is not set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contact {
    /// What it is sorted under.
    pub file_as: Option<String>,
    /// What `file_as` is made of.
    pub file_as_mapping: Option<FileAsMapping>,
    /// The name shown.
    pub display_name: Option<String>,
    /// First name.
    pub given_name: Option<String>,
    /// Initials.
    pub initials: Option<String>,
    /// Middle name.
    pub middle_name: Option<String>,
    /// Nickname.
    pub nickname: Option<String>,
    /// The parts of the name as Exchange puts them together; read only.
    pub complete_name: Option<CompleteName>,
    /// Company.
    pub company: Option<String>,
    /// E-mail addresses, at most three.
    pub emails: Vec<(EmailKey, EmailEntry)>,
    /// Postal addresses, at most three.
    pub addresses: Vec<(AddressKey, PostalAddress)>,
    /// Telephone numbers, one of each kind.
    pub phones: Vec<(PhoneKey, String)>,
    /// Instant-messaging addresses, at most three.
    pub ims: Vec<(ImKey, String)>,
    /// Assistant.
    pub assistant: Option<String>,
    /// Birthday: a day, with some time of it.
    pub birthday: Option<Moment>,
    /// Web page.
    pub home_page: Option<String>,
    /// Children.
    pub children: Vec<String>,
    /// Companies.
    pub companies: Vec<String>,
    /// From the user's folders or from the directory.
    pub source: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// `Jr.`, `III`.
    pub generation: Option<String>,
    /// Job title.
    pub job_title: Option<String>,
    /// Manager.
    pub manager: Option<String>,
    /// Distance travelled.
    pub mileage: Option<String>,
    /// Room.
    pub office: Option<String>,
    /// Which postal address is used for mail.
    pub postal_index: Option<PostalIndex>,
    /// Profession.
    pub profession: Option<String>,
    /// Spouse.
    pub spouse: Option<String>,
    /// Family name.
    pub surname: Option<String>,
    /// Wedding day, with some time of it.
    pub anniversary: Option<Moment>,
    /// There is a photo among the attachments; from 2010 on.
    pub has_picture: Option<bool>,
    /// How the name sounds; from 2010 SP2 on.
    pub phonetic_full_name: Option<String>,
    /// How the first name sounds; from 2010 SP2 on.
    pub phonetic_first_name: Option<String>,
    /// How the family name sounds; from 2010 SP2 on.
    pub phonetic_last_name: Option<String>,
    /// Directory entries only; from 2010 SP2 on.
    pub alias: Option<String>,
    /// Directory entries only; from 2010 SP2 on.
    pub notes: Option<String>,
    /// Directory entries only; from 2010 SP2 on.
    pub photo: Option<Vec<u8>>,
    /// S/MIME certificates, directory entries only; from 2010 SP2 on.
    pub certificates: Vec<Vec<u8>>,
    /// Certificates Outlook published, directory entries only; from 2010 SP2 on.
    pub exchange_certificates: Vec<Vec<u8>>,
    /// Directory entries only; from 2010 SP2 on.
    pub directory_id: Option<String>,
    /// Directory entries only; from 2010 SP2 on.
    pub manager_mailbox: Option<Address>,
    /// Directory entries only; from 2010 SP2 on.
    pub reports: Vec<Address>,
}

impl Contact {
    /// Takes an element that is one of these; false if it is something else.
    pub(crate) fn take(&mut self, child: &Element) -> bool {
        if let Some(text) = self.text_field(child.name()) {
            *text = Some(child.text().to_owned());
            return true;
        }
        match child.name() {
            "FileAsMapping" => self.file_as_mapping = FileAsMapping::from_name(child.text()),
            "CompleteName" => self.complete_name = Some(CompleteName::read(child)),
            "EmailAddresses" => self.emails = entries(child, EmailKey::from_name, EmailEntry::read),
            "PhysicalAddresses" => self.addresses = entries(child, AddressKey::from_name, PostalAddress::read),
            "PhoneNumbers" => self.phones = entries(child, PhoneKey::from_name, |entry| entry.text().to_owned()),
            "ImAddresses" => self.ims = entries(child, ImKey::from_name, |entry| entry.text().to_owned()),
            "Birthday" => self.birthday = Moment::read(child),
            "WeddingAnniversary" => self.anniversary = Moment::read(child),
            "Children" => self.children = strings(child),
            "Companies" => self.companies = strings(child),
            "PostalAddressIndex" => self.postal_index = PostalIndex::from_name(child.text()),
            "HasPicture" => self.has_picture = child.truth(),
            "Photo" => self.photo = binary(child),
            "UserSMIMECertificate" => self.certificates = child.all().iter().filter_map(binary).collect(),
            "MSExchangeCertificate" => self.exchange_certificates = child.all().iter().filter_map(binary).collect(),
            "ManagerMailbox" => self.manager_mailbox = Address::all(child).next(),
            "DirectReports" => self.reports = Address::all(child).collect(),
            _ => return false,
        }
        true
    }

    fn text_field(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "FileAs" => &mut self.file_as,
            "DisplayName" => &mut self.display_name,
            "GivenName" => &mut self.given_name,
            "Initials" => &mut self.initials,
            "MiddleName" => &mut self.middle_name,
            "Nickname" => &mut self.nickname,
            "CompanyName" => &mut self.company,
            "AssistantName" => &mut self.assistant,
            "BusinessHomePage" => &mut self.home_page,
            "ContactSource" => &mut self.source,
            "Department" => &mut self.department,
            "Generation" => &mut self.generation,
            "JobTitle" => &mut self.job_title,
            "Manager" => &mut self.manager,
            "Mileage" => &mut self.mileage,
            "OfficeLocation" => &mut self.office,
            "Profession" => &mut self.profession,
            "SpouseName" => &mut self.spouse,
            "Surname" => &mut self.surname,
            "PhoneticFullName" => &mut self.phonetic_full_name,
            "PhoneticFirstName" => &mut self.phonetic_first_name,
            "PhoneticLastName" => &mut self.phonetic_last_name,
            "Alias" => &mut self.alias,
            "Notes" => &mut self.notes,
            "DirectoryId" => &mut self.directory_id,
            _ => return None,
        })
    }

    /// The e-mail address under a key.
    pub fn email(&self, key: EmailKey) -> Option<&EmailEntry> {
        self.emails.iter().find(|(known, _)| *known == key).map(|(_, entry)| entry)
    }

    /// The telephone number under a key.
    pub fn phone(&self, key: PhoneKey) -> Option<&str> {
        self.phones.iter().find(|(known, _)| *known == key).map(|(_, number)| number.as_str())
    }

    /// The instant-messaging address under a key.
    pub fn im(&self, key: ImKey) -> Option<&str> {
        self.ims.iter().find(|(known, _)| *known == key).map(|(_, address)| address.as_str())
    }

    /// The postal address under a key.
    pub fn address(&self, key: AddressKey) -> Option<&PostalAddress> {
        self.addresses.iter().find(|(known, _)| *known == key).map(|(_, address)| address)
    }
}

/// The `Entry` elements of a dictionary; those with keys nobody here knows are left out, as are empty ones.
fn entries<K, V: Default + PartialEq>(
    dictionary: &Element,
    key: impl Fn(&str) -> Option<K>,
    value: impl Fn(&Element) -> V,
) -> Vec<(K, V)> {
    let known = dictionary.children("Entry").filter_map(|entry| Some((key(entry.attribute("Key")?)?, value(entry))));
    known.filter(|(_, value)| *value != V::default()).collect()
}

fn binary(element: &Element) -> Option<Vec<u8>> {
    let text: Vec<u8> = element.text().bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

/// One e-mail address of a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailEntry {
    /// The address; an X.500 name if `routing` is `EX`.
    pub address: String,
    /// The name shown with it.
    pub name: Option<String>,
    /// `SMTP` or `EX`.
    pub routing: Option<String>,
}

impl EmailEntry {
    /// An address without a name.
    pub fn new(address: impl Into<String>) -> EmailEntry {
        EmailEntry { address: address.into(), ..EmailEntry::default() }
    }

    /// The first version that takes all of it.
    pub(crate) fn since(&self) -> Version {
        if self.name.is_some() || self.routing.is_some() { NAMES_SINCE } else { Version::Exchange2007 }
    }

    fn read(entry: &Element) -> EmailEntry {
        EmailEntry {
            address: entry.text().to_owned(),
            name: entry.attribute("Name").map(str::to_owned),
            routing: entry.attribute("RoutingType").map(str::to_owned),
        }
    }

    /// Writes it; servers before 2010 SP1 take the address only.
    pub(crate) fn write(&self, xml: &mut Xml, key: EmailKey, version: Version) {
        let mut attributes = vec![("Key", key.as_str())];
        if version >= NAMES_SINCE {
            attributes.extend(self.name.as_deref().map(|name| ("Name", name)));
            attributes.extend(self.routing.as_deref().map(|routing| ("RoutingType", routing)));
        }
        xml.text_with("t:Entry", &attributes, &self.address);
    }
}

/// One postal address of a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostalAddress {
    /// Street and number; may have several lines.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
}

impl PostalAddress {
    fn read(entry: &Element) -> PostalAddress {
        let mut address = PostalAddress::default();
        for part in AddressPart::ALL {
            let text = entry.child(part.as_str()).map(|text| text.text().to_owned());
            *address.part_mut(*part) = text.filter(|text| !text.is_empty());
        }
        address
    }

    /// One part of it.
    pub fn part(&self, part: AddressPart) -> Option<&str> {
        match part {
            AddressPart::Street => &self.street,
            AddressPart::City => &self.city,
            AddressPart::State => &self.state,
            AddressPart::Country => &self.country,
            AddressPart::PostalCode => &self.postal_code,
        }
        .as_deref()
    }

    /// One part of it, to be changed.
    pub fn part_mut(&mut self, part: AddressPart) -> &mut Option<String> {
        match part {
            AddressPart::Street => &mut self.street,
            AddressPart::City => &mut self.city,
            AddressPart::State => &mut self.state,
            AddressPart::Country => &mut self.country,
            AddressPart::PostalCode => &mut self.postal_code,
        }
    }
}

/// The parts of a name as Exchange puts them together (EWS "CompleteName").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompleteName {
    /// `Dr.`
    pub title: Option<String>,
    /// First name.
    pub first: Option<String>,
    /// Middle name.
    pub middle: Option<String>,
    /// Family name.
    pub last: Option<String>,
    /// `Jr.`
    pub suffix: Option<String>,
    /// Initials.
    pub initials: Option<String>,
    /// All of it.
    pub full: Option<String>,
    /// Nickname.
    pub nickname: Option<String>,
    /// How the first name sounds.
    pub yomi_first: Option<String>,
    /// How the family name sounds.
    pub yomi_last: Option<String>,
}

impl CompleteName {
    fn read(element: &Element) -> CompleteName {
        let text = |name| element.child(name).map(|part| part.text().to_owned()).filter(|text| !text.is_empty());
        CompleteName {
            title: text("Title"),
            first: text("FirstName"),
            middle: text("MiddleName"),
            last: text("LastName"),
            suffix: text("Suffix"),
            initials: text("Initials"),
            full: text("FullName"),
            nickname: text("Nickname"),
            yomi_first: text("YomiFirstName"),
            yomi_last: text("YomiLastName"),
        }
    }
}

/// What private distribution lists have beyond any item (EWS "DistributionList").
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DistributionList {
    /// The name shown.
    pub display_name: Option<String>,
    /// What it is sorted under.
    pub file_as: Option<String>,
    /// Who is in it; from 2010 on.
    pub members: Vec<Member>,
}

impl DistributionList {
    /// Takes an element that is one of these; false if it is something else.
    pub(crate) fn take(&mut self, child: &Element) -> bool {
        match child.name() {
            "DisplayName" => self.display_name = Some(child.text().to_owned()),
            "FileAs" => self.file_as = Some(child.text().to_owned()),
            "Members" => self.members = child.children("Member").map(Member::read).collect(),
            "ContactSource" => {}
            _ => return false,
        }
        true
    }
}

/// Somebody in a private distribution list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// What Exchange knows this entry of the list by.
    pub key: Option<String>,
    /// Who; with kind `Contact` or `PrivateDL` and an item id, it is an item of the mailbox.
    pub mailbox: Address,
    /// `Normal`, `Demoted` or `Unrecognized`.
    pub status: Option<String>,
}

impl Member {
    /// Somebody to be put into a list.
    pub fn new(mailbox: Address) -> Member {
        Member { mailbox, ..Member::default() }
    }

    fn read(element: &Element) -> Member {
        Member {
            key: element.attribute("Key").map(str::to_owned),
            mailbox: element.child("Mailbox").map(Address::read).unwrap_or_default(),
            status: element.child("Status").map(|status| status.text().to_owned()),
        }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        let key = self.key.as_deref().map(|key| ("Key", key));
        xml.within("t:Member", key.as_slice(), |xml| self.mailbox.write(xml));
    }
}

/// Names and routing types of e-mail addresses came with the schema of 2010 SP1.
const NAMES_SINCE: Version = Version::Exchange2010Sp1;

impl EmailKey {
    /// Where the address under this key is found, for shapes and for deleting it.
    pub fn path(self) -> Path {
        Path::Indexed("contacts:EmailAddress", self.as_str())
    }
}

impl ImKey {
    /// Where the address under this key is found, for shapes and for deleting it.
    pub fn path(self) -> Path {
        Path::Indexed("contacts:ImAddress", self.as_str())
    }
}

impl PhoneKey {
    /// Where the number under this key is found, for shapes and for deleting it.
    pub fn path(self) -> Path {
        Path::Indexed("contacts:PhoneNumber", self.as_str())
    }
}

impl AddressKey {
    /// Where a part of the address under this key is found, for shapes and for deleting it.
    pub fn path(self, part: AddressPart) -> Path {
        let uri = match part {
            AddressPart::Street => "contacts:PhysicalAddress:Street",
            AddressPart::City => "contacts:PhysicalAddress:City",
            AddressPart::State => "contacts:PhysicalAddress:State",
            AddressPart::Country => "contacts:PhysicalAddress:CountryOrRegion",
            AddressPart::PostalCode => "contacts:PhysicalAddress:PostalCode",
        };
        Path::Indexed(uri, self.as_str())
    }
}

words! {
    /// Which of a contact's e-mail addresses (EWS "EmailAddressKeyType").
    EmailKey {
        First "EmailAddress1",
        Second "EmailAddress2",
        Third "EmailAddress3",
    }
}

words! {
    /// Which of a contact's instant-messaging addresses (EWS "ImAddressKeyType").
    ImKey {
        First "ImAddress1",
        Second "ImAddress2",
        Third "ImAddress3",
    }
}

words! {
    /// Which of a contact's postal addresses (EWS "PhysicalAddressKeyType").
    AddressKey {
        Business "Business",
        Home "Home",
        Other "Other",
    }
}

words! {
    /// A part of a postal address, in the order of the schema.
    AddressPart {
        Street "Street",
        City "City",
        State "State",
        Country "CountryOrRegion",
        PostalCode "PostalCode",
    }
}

words! {
    /// Which postal address is used for mail (EWS "PhysicalAddressIndexType").
    PostalIndex {
        Nothing "None",
        Home "Home",
        Business "Business",
        Other "Other",
    }
}

words! {
    /// Which of a contact's telephone numbers (EWS "PhoneNumberKeyType", those of every version).
    PhoneKey {
        Assistant "AssistantPhone",
        BusinessFax "BusinessFax",
        Business "BusinessPhone",
        Business2 "BusinessPhone2",
        Callback "Callback",
        Car "CarPhone",
        CompanyMain "CompanyMainPhone",
        HomeFax "HomeFax",
        Home "HomePhone",
        Home2 "HomePhone2",
        Isdn "Isdn",
        Mobile "MobilePhone",
        OtherFax "OtherFax",
        Other "OtherTelephone",
        Pager "Pager",
        Primary "PrimaryPhone",
        Radio "RadioPhone",
        Telex "Telex",
        TtyTdd "TtyTddPhone",
    }
}

words! {
    /// What a contact is sorted under (EWS "FileAsMappingType").
    FileAsMapping {
        Nothing "None",
        LastCommaFirst "LastCommaFirst",
        FirstSpaceLast "FirstSpaceLast",
        Company "Company",
        LastCommaFirstCompany "LastCommaFirstCompany",
        CompanyLastFirst "CompanyLastFirst",
        LastFirst "LastFirst",
        LastFirstCompany "LastFirstCompany",
        CompanyLastCommaFirst "CompanyLastCommaFirst",
        LastFirstSuffix "LastFirstSuffix",
        LastSpaceFirstCompany "LastSpaceFirstCompany",
        CompanyLastSpaceFirst "CompanyLastSpaceFirst",
        LastSpaceFirst "LastSpaceFirst",
        DisplayName "DisplayName",
        FirstName "FirstName",
        LastFirstMiddleSuffix "LastFirstMiddleSuffix",
        LastName "LastName",
        Empty "Empty",
    }
}
