//! Who other people are: the directory, searched.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ews::op::find_people::{FindPeople, Persona};
use ews::op::get_room_lists::GetRoomLists;
use ews::op::get_rooms::GetRooms;
use ews::op::get_user_photo::{GetUserPhoto, PhotoSize};
use ews::op::resolve_names::{Resolution, ResolveNames, SearchScope};
use ews::{Address, ErrorKind as Theirs, MailboxKind, Page, PhoneKey};
use mailbox::objects::{Person, PersonKind};

use super::directory_card::Card;
use super::principal::{addresses, smtp_addresses};
use crate::error::{Result, Tried};
use crate::live::Live;

/// What is kept of the directory for a while.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// Photos of those whose cards were fetched, and that there is none.
    photos: Mutex<Photos>,
    /// Addresses of rooms. Held while Exchange is asked, so that it is asked once.
    rooms: tokio::sync::Mutex<Option<(Arc<HashSet<String>>, Instant)>>,
}

/// By address: the photo, or that there is none, and when it was asked for.
type Photos = HashMap<String, (Option<Arc<[u8]>>, Instant)>;

impl People {
    /// A photo that is known, or that it is known that there is none.
    fn photo(&self, address: &str) -> Option<Option<Arc<[u8]>>> {
        let photos = self.photos();
        photos.get(address).filter(|(_, at)| at.elapsed() < KEPT).map(|(photo, _)| photo.clone())
    }

    fn keep_photo(&self, address: &str, photo: Option<Arc<[u8]>>) {
        let mut photos = self.photos();
        if photos.len() >= MOST_PHOTOS {
            photos.retain(|_, (_, at)| at.elapsed() < KEPT);
        }
        if photos.len() >= MOST_PHOTOS {
            photos.clear();
        }
        photos.insert(address.to_owned(), (photo, Instant::now()));
    }

    fn photos(&self) -> MutexGuard<'_, Photos> {
        self.photos.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// People of the directory by the beginning of their names.
    pub(crate) async fn find_people(self: &Arc<Self>, words: &str, limit: usize) -> Result<Vec<Person>> {
        let words = words.trim();
        if words.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let cards = self.look_up(words, limit).await?;
        Ok(cards.into_iter().map(|card| self.person(card)).collect())
    }

    /// Whoever has this address, with a photo if there is one.
    pub(crate) async fn person_of(&self, address: &str) -> Result<Option<Person>> {
        let is = |card: &Card| card.addresses.iter().any(|own| own.eq_ignore_ascii_case(address));
        let found = self.look_up(address, AS_MANY).await?.into_iter().find(is);
        let found = match found {
            Some(card) => Some(card),
            // What is looked for is not always found by its address.
            None => self.resolve(&format!("smtp:{address}")).await?.into_iter().find(is),
        };
        let Some(card) = found else { return Ok(None) };
        if self.people.photo(card.address()).is_none() {
            let photo = self.ask_photo(card.address()).await;
            self.people.keep_photo(card.address(), photo);
        }
        Ok(Some(self.person(card)))
    }

    fn person(&self, card: Card) -> Person {
        let photo = self.people.photo(card.address()).flatten();
        card.person(photo.as_deref())
    }

    async fn look_up(&self, words: &str, limit: usize) -> Result<Vec<Card>> {
        let max = u32::try_from(limit).unwrap_or(u32::MAX).min(MOST);
        let ask = FindPeople::in_directory(Some(words.to_owned()), Page { offset: 0, max });
        let mut cards: Vec<Card> = match self.client()?.call(&ask).await {
            Ok(found) => found.people.iter().filter_map(of_persona).collect(),
            Err(error) if matches!(error.kind, Theirs::SignIn | Theirs::Busy { .. } | Theirs::Unavailable) => {
                return Err(self.failed(&Tried::new(NOT_FOUND), &error));
            }
            // Exchange is too old for it, or has it not set up.
            Err(_) => self.resolve(words).await?,
        };
        cards.truncate(limit);
        if cards.iter().any(|card| card.kind == PersonKind::Individual) {
            let rooms = self.rooms().await;
            let is_room = |card: &&mut Card| card.addresses.iter().any(|address| rooms.contains(address));
            cards.iter_mut().filter(is_room).for_each(|card| card.kind = PersonKind::Room);
        }
        Ok(cards)
    }

    async fn resolve(&self, entry: &str) -> Result<Vec<Card>> {
        let ask = ResolveNames { entry: entry.to_owned(), scope: SearchScope::ActiveDirectory, full: true };
        let answer = self.client()?.call(&ask).await;
        let found = answer.map_err(|error| self.failed(&Tried::new(NOT_FOUND), &error))?.found;
        Ok(found.iter().filter_map(of_resolution).collect())
    }

    /// Rooms that are in a list of rooms: elsewhere Exchange calls them mailboxes like any other.
    async fn rooms(&self) -> Arc<HashSet<String>> {
        let mut known = self.people.rooms.lock().await;
        if let Some((rooms, _)) = known.as_ref().filter(|(_, at)| at.elapsed() < KEPT) {
            return Arc::clone(rooms);
        }
        let rooms = self.ask_rooms().await.unwrap_or_else(|error| {
            tracing::info!(user = self.user, %error, "rooms are told from people by their addresses alone");
            HashSet::new()
        });
        let rooms = Arc::new(rooms);
        *known = Some((Arc::clone(&rooms), Instant::now()));
        rooms
    }

    async fn ask_rooms(&self) -> Result<HashSet<String>> {
        let tried = Tried::new("rooms could not be listed");
        let client = self.client()?;
        let lists = client.call(&GetRoomLists).await.map_err(|error| self.failed(&tried, &error))?;
        let mut rooms = HashSet::new();
        for list in lists.into_iter().filter_map(|list| list.address).take(MOST_LISTS) {
            let found = client.call(&GetRooms { list }).await.map_err(|error| self.failed(&tried, &error))?;
            rooms.extend(found.into_iter().filter_map(|room| Some(room.address?.to_lowercase())));
        }
        Ok(rooms)
    }

    async fn ask_photo(&self, address: &str) -> Option<Arc<[u8]>> {
        let ask = GetUserPhoto { address: address.to_owned(), size: PhotoSize::Of240 };
        let answer = self.client().ok()?.call(&ask).await;
        let tried = Tried::new("the photo could not be read");
        let answer = answer.inspect_err(|error| tracing::debug!(user = self.user, error = %self.failed(&tried, error)));
        answer.ok()?.map(Arc::from)
    }
}

/// `None` without an SMTP address.
fn of_persona(persona: &Persona) -> Option<Card> {
    let emails = persona.email.iter().chain(&persona.emails);
    let addresses = smtp_addresses(emails.map(|email| (email.address.as_deref(), email.routing.as_deref())));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let kind = match persona.kind.as_deref() {
        Some("Room" | "Place") => PersonKind::Room,
        Some("DistributionList" | "Group" | "ModernGroup") => PersonKind::Group,
        _ => persona.email.as_ref().map_or(PersonKind::Individual, kind_of),
    };
    Some(Card {
        kind,
        name: persona.display_name.clone().filter(|name| !name.is_empty()).or_else(|| addresses.first().cloned())?,
        surname: text(&persona.surname),
        given: text(&persona.given_name),
        company: text(&persona.company),
        department: text(&persona.department),
        title: text(&persona.title),
        phones: {
            let business = persona.business_phones.iter().map(|number| ("work", number.clone()));
            business.chain(persona.mobile_phones.iter().map(|number| ("cell", number.clone()))).collect()
        },
        addresses: Some(addresses).filter(|addresses| !addresses.is_empty())?,
    })
}

/// `None` without an SMTP address.
fn of_resolution(one: &Resolution) -> Option<Card> {
    let addresses = addresses(one);
    let contact = one.data.as_ref().and_then(|data| data.contact.as_deref());
    let text = |read: fn(&ews::Contact) -> &Option<String>| contact.and_then(|contact| read(contact).clone());
    Some(Card {
        kind: kind_of(&one.address),
        name: one.address.name.clone().filter(|name| !name.is_empty()).or_else(|| addresses.first().cloned())?,
        surname: text(|contact| &contact.surname).unwrap_or_default(),
        given: text(|contact| &contact.given_name).unwrap_or_default(),
        company: text(|contact| &contact.company).unwrap_or_default(),
        department: text(|contact| &contact.department).unwrap_or_default(),
        title: text(|contact| &contact.job_title).unwrap_or_default(),
        phones: contact.map_or_else(Vec::new, |contact| {
            contact.phones.iter().map(|(key, number)| (line(*key), number.clone())).collect()
        }),
        addresses: Some(addresses).filter(|addresses| !addresses.is_empty())?,
    })
}

/// TYPE of a telephone number (RFC 6350 section 6.4.1).
fn line(key: PhoneKey) -> &'static str {
    match key {
        PhoneKey::Mobile => "cell",
        PhoneKey::Home | PhoneKey::Home2 => "home",
        PhoneKey::BusinessFax | PhoneKey::HomeFax | PhoneKey::OtherFax => "fax",
        PhoneKey::Pager => "pager",
        _ => "work",
    }
}

fn kind_of(address: &Address) -> PersonKind {
    match address.kind {
        Some(MailboxKind::PublicList | MailboxKind::PrivateList | MailboxKind::GroupMailbox) => PersonKind::Group,
        _ => PersonKind::Individual,
    }
}

const NOT_FOUND: &str = "nobody could be looked up";
/// FindPeople: as many as one page may hold.
const MOST: u32 = 1000;
/// Those whose addresses or names begin like an address.
const AS_MANY: usize = 20;
const MOST_LISTS: usize = 50;
const MOST_PHOTOS: usize = 500;
const KEPT: Duration = Duration::from_secs(60 * 60);
