//! What imap-codec read, in our words.

use imap_codec::imap_types as theirs;

use imap_proto::command::append::{Append, Event, Kind, Literal, Stretch};
use imap_proto::command::fetch::{Fetch, Item};
use imap_proto::command::list::{self, List};
use imap_proto::command::metadata::{Depth, Entry, GetMetadata, SetMetadata};
use imap_proto::command::quota::SetQuota;
use imap_proto::command::search::{Key, Search};
use imap_proto::command::select::{Resync, Select};
use imap_proto::command::sign_in::{Authenticate, Login};
use imap_proto::command::sort::{By, Criterion, Sort};
use imap_proto::command::status::{self, Status};
use imap_proto::command::store::{Operation, Store};
use imap_proto::command::thread::{Algorithm, Thread};
use imap_proto::command::{Create, Rename, Transfer};
use imap_proto::{
    Bound, DateTime, Flag, MailboxName, Names, Numbering, Partial, Pattern, Secret, Section, SectionText, SequenceSet,
    Span, Verb,
};
use jiff::{Timestamp, civil, tz::Offset};
use theirs::command::{CommandBody, FetchModifier, SelectParameter, StoreModifier};
use theirs::core::NString8;
use theirs::extensions::binary::LiteralOrLiteral8;
use theirs::extensions::metadata::{Depth as TheirDepth, GetMetadataOption};
use theirs::extensions::sort::SortKey;
use theirs::extensions::thread::ThreadingAlgorithm;
use theirs::fetch::{Macro, MacroOrMessageDataItemNames, MessageDataItemName, Part, Section as TheirSection};
use theirs::flag::{Flag as TheirFlag, StoreResponse, StoreType};
use theirs::mailbox::{ListMailbox, Mailbox};
use theirs::search::SearchKey;
use theirs::sequence::{SeqOrUid, Sequence};
use theirs::status::StatusDataItemName;

/// `None` where it holds a text that stands for none of ours.
pub(crate) fn verb(body: &CommandBody<'_>) -> Option<Verb> {
    Some(match body {
        CommandBody::Capability => Verb::Capability,
        CommandBody::Noop => Verb::Noop,
        CommandBody::Logout => Verb::Logout,
        CommandBody::StartTLS => Verb::StartTls,
        CommandBody::Authenticate { mechanism, initial_response } => Verb::Authenticate(Authenticate {
            mechanism: mechanism.as_ref().to_ascii_uppercase(),
            initial: initial_response.as_ref().map(|_| Secret::new(Vec::new())),
        }),
        CommandBody::Login { username, password } => {
            Verb::Login(Login { user: text(username)?, password: Secret::new(password.declassify().as_ref().to_vec()) })
        }
        CommandBody::Select { mailbox, parameters } => Verb::Select(select(mailbox, parameters)?),
        CommandBody::Unselect => Verb::Unselect,
        CommandBody::Examine { mailbox, parameters } => Verb::Examine(select(mailbox, parameters)?),
        CommandBody::Create { mailbox } => Verb::Create(Create { mailbox: name(mailbox)?, special_use: Vec::new() }),
        CommandBody::Delete { mailbox } => Verb::Delete(name(mailbox)?),
        CommandBody::Rename { from, to } => Verb::Rename(Rename { from: name(from)?, to: name(to)? }),
        CommandBody::Subscribe { mailbox } => Verb::Subscribe(name(mailbox)?),
        CommandBody::Unsubscribe { mailbox } => Verb::Unsubscribe(name(mailbox)?),
        CommandBody::List { reference, mailbox_wildcard } => Verb::List(listing(reference, mailbox_wildcard)?),
        CommandBody::Lsub { reference, mailbox_wildcard } => Verb::Lsub(listing(reference, mailbox_wildcard)?),
        CommandBody::Status { mailbox, item_names } => {
            Verb::Status(Status { mailbox: name(mailbox)?, items: once(item_names.iter().map(status_item)) })
        }
        CommandBody::Append { mailbox, flags, date, message } => {
            Verb::Append(append(mailbox, flags, date.as_ref(), message)?)
        }
        CommandBody::Check => Verb::Check,
        CommandBody::Close => Verb::Close,
        CommandBody::Expunge => Verb::Expunge,
        CommandBody::ExpungeUid { sequence_set } => Verb::UidExpunge(set(sequence_set)),
        CommandBody::Search { charset, criteria, uid } => Verb::Search(Search {
            numbering: numbering(*uid),
            returns: None,
            key: all(criteria.as_ref())?,
            charset: charset.is_some(),
        }),
        CommandBody::Sort { sort_criteria, search_criteria, uid, .. } => {
            let mut criteria: Vec<Criterion> = Vec::new();
            for criterion in sort_criteria.as_ref() {
                let by = by(&criterion.key);
                if criteria.iter().all(|earlier| earlier.by != by) {
                    criteria.push(Criterion { reverse: criterion.reverse, by });
                }
            }
            let (numbering, key) = (numbering(*uid), all(search_criteria.as_ref())?);
            Verb::Sort(Sort { numbering, returns: None, criteria, key })
        }
        CommandBody::Thread { algorithm, search_criteria, uid, .. } => {
            let algorithm = match algorithm {
                ThreadingAlgorithm::OrderedSubject => Algorithm::OrderedSubject,
                ThreadingAlgorithm::References => Algorithm::References,
                ThreadingAlgorithm::Other(_) => return None,
            };
            Verb::Thread(Thread { numbering: numbering(*uid), algorithm, key: all(search_criteria.as_ref())? })
        }
        CommandBody::Fetch { sequence_set, macro_or_item_names, uid, modifiers } => {
            let changed_since = modifiers.iter().rev().find_map(|modifier| match modifier {
                FetchModifier::ChangedSince(mod_seq) => Some(mod_seq.get()),
                FetchModifier::Vanished => None,
            });
            Verb::Fetch(Fetch {
                numbering: numbering(*uid),
                set: set(sequence_set),
                items: items(macro_or_item_names)?,
                changed_since,
                vanished: modifiers.contains(&FetchModifier::Vanished),
                partial: None,
            })
        }
        CommandBody::Store { sequence_set, kind, response, flags, uid, modifiers } => Verb::Store(Store {
            numbering: numbering(*uid),
            set: set(sequence_set),
            unchanged_since: modifiers.first().map(|StoreModifier::UnchangedSince(mod_seq)| *mod_seq),
            operation: match kind {
                StoreType::Replace => Operation::Replace,
                StoreType::Add => Operation::Add,
                StoreType::Remove => Operation::Remove,
            },
            silent: *response == StoreResponse::Silent,
            flags: flags.iter().map(flag).collect(),
        }),
        CommandBody::Copy { sequence_set, mailbox, uid } => Verb::Copy(transfer(sequence_set, mailbox, *uid)?),
        CommandBody::Move { sequence_set, mailbox, uid } => Verb::Move(transfer(sequence_set, mailbox, *uid)?),
        CommandBody::Idle => Verb::Idle,
        CommandBody::Enable { capabilities } => {
            Verb::Enable(capabilities.as_ref().iter().map(|name| name.to_string().to_ascii_uppercase()).collect())
        }
        CommandBody::Compress { algorithm } => Verb::Compress(algorithm.as_ref().to_ascii_uppercase()),
        CommandBody::GetQuota { root } => Verb::GetQuota(text(root)?),
        CommandBody::GetQuotaRoot { mailbox } => Verb::GetQuotaRoot(name(mailbox)?),
        CommandBody::SetQuota { root, quotas } => Verb::SetQuota(SetQuota {
            root: text(root)?,
            limits: quotas.iter().map(|set| (set.resource.to_string().to_ascii_uppercase(), set.limit)).collect(),
        }),
        CommandBody::Id { parameters } => {
            let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let fields = parameters.iter().flatten();
            Verb::Id(
                fields
                    .map(|(name, value)| (lossy(name.as_ref()), value.0.as_ref().map(|v| lossy(v.as_ref()))))
                    .collect(),
            )
        }
        CommandBody::SetMetadata { mailbox, entry_values } => {
            let values = entry_values.as_ref().iter().map(|pair| {
                let value = match &pair.value {
                    NString8::NString(value) => value.0.as_ref().map(|value| value.as_ref().to_vec()),
                    NString8::Literal8(literal) => Some(literal.data.to_vec()),
                };
                Some((Entry::new(&text(&pair.entry)?)?, value))
            });
            Verb::SetMetadata(SetMetadata { mailbox: name(mailbox)?, values: values.collect::<Option<_>>()? })
        }
        CommandBody::GetMetadata { options, mailbox, entries } => {
            let mut get =
                GetMetadata { mailbox: name(mailbox)?, max_size: None, depth: Depth::Zero, entries: Vec::new() };
            for option in options {
                match option {
                    GetMetadataOption::MaxSize(size) => get.max_size = Some(*size),
                    GetMetadataOption::Depth(TheirDepth::Null) => get.depth = Depth::Zero,
                    GetMetadataOption::Depth(TheirDepth::One) => get.depth = Depth::One,
                    GetMetadataOption::Depth(TheirDepth::Infinity) => get.depth = Depth::Infinity,
                }
            }
            get.entries = entries.as_ref().iter().map(|entry| Entry::new(&text(entry)?)).collect::<Option<_>>()?;
            Verb::GetMetadata(get)
        }
        CommandBody::Namespace => Verb::Namespace,
    })
}

/// Ours without what theirs does not keep: how names were written, and base64.
pub(crate) fn plain(verb: Verb) -> Verb {
    match verb {
        Verb::Enable(names) => Verb::Enable(names.iter().map(|name| name.to_ascii_uppercase()).collect()),
        Verb::Authenticate(Authenticate { mechanism, initial }) => {
            Verb::Authenticate(Authenticate { mechanism, initial: initial.map(|_| Secret::new(Vec::new())) })
        }
        other => other,
    }
}

fn text(bytes: &impl AsRef<[u8]>) -> Option<String> {
    String::from_utf8(bytes.as_ref().to_vec()).ok()
}

/// What is looked for: Latin-1 where it is no UTF-8.
fn sought(bytes: &impl AsRef<[u8]>) -> String {
    text(bytes).unwrap_or_else(|| bytes.as_ref().iter().map(|&byte| char::from(byte)).collect())
}

fn name(mailbox: &Mailbox<'_>) -> Option<MailboxName> {
    match mailbox {
        Mailbox::Inbox => Some(MailboxName::inbox()),
        Mailbox::Other(other) => MailboxName::decode(other.as_ref(), Names::ModifiedUtf7),
    }
}

fn numbering(uid: bool) -> Numbering {
    if uid { Numbering::Uid } else { Numbering::Sequence }
}

fn set(theirs: &theirs::sequence::SequenceSet) -> SequenceSet {
    let bound = |bound: &SeqOrUid| match bound {
        SeqOrUid::Value(number) => Bound::Number(*number),
        SeqOrUid::Asterisk => Bound::Star,
    };
    let span = |sequence: &Sequence| match sequence {
        Sequence::Single(one) => Span { from: bound(one), to: bound(one) },
        Sequence::Range(from, to) => Span { from: bound(from), to: bound(to) },
    };
    SequenceSet::Spans(theirs.0.as_ref().iter().map(span).collect())
}

fn flag(theirs: &TheirFlag<'_>) -> Flag {
    match theirs {
        TheirFlag::Answered => Flag::Answered,
        TheirFlag::Deleted => Flag::Deleted,
        TheirFlag::Draft => Flag::Draft,
        TheirFlag::Flagged => Flag::Flagged,
        TheirFlag::Seen => Flag::Seen,
        TheirFlag::Keyword(word) => Flag::Keyword(word.inner().to_owned()),
        TheirFlag::Extension(_) => match theirs.to_string().trim_start_matches('\\') {
            recent if recent.eq_ignore_ascii_case("recent") => Flag::Recent,
            other => Flag::Extension(other.to_owned()),
        },
    }
}

fn select(mailbox: &Mailbox<'_>, parameters: &[SelectParameter]) -> Option<Select> {
    let mut select = Select { mailbox: name(mailbox)?, condstore: false, qresync: None };
    for parameter in parameters {
        match parameter {
            SelectParameter::CondStore => select.condstore = true,
            SelectParameter::QResync { uid_validity, mod_sequence_value, known_uids, seq_match_data } => {
                select.qresync = Some(Resync {
                    uid_validity: uid_validity.get(),
                    mod_seq: mod_sequence_value.get(),
                    known: known_uids.as_ref().map(set),
                    matches: seq_match_data.as_ref().map(|(numbers, uids)| (set(numbers), set(uids))),
                });
            }
        }
    }
    Some(select)
}

fn listing(reference: &Mailbox<'_>, pattern: &ListMailbox<'_>) -> Option<List> {
    let wire = match pattern {
        ListMailbox::Token(token) => token.as_ref(),
        ListMailbox::String(string) => string.as_ref(),
    };
    // Only names are the inbox in any case.
    let pattern = match wire.eq_ignore_ascii_case(b"INBOX") {
        true => text(&wire)?,
        false => MailboxName::decode(wire, Names::ModifiedUtf7)?.0,
    };
    Some(List {
        reference: name(reference)?,
        patterns: vec![Pattern(pattern)],
        select: list::Select::default(),
        returns: list::Return::default(),
        extended: false,
    })
}

fn status_item(theirs: &StatusDataItemName) -> status::Item {
    match theirs {
        StatusDataItemName::Messages => status::Item::Messages,
        StatusDataItemName::Recent => status::Item::Recent,
        StatusDataItemName::UidNext => status::Item::UidNext,
        StatusDataItemName::UidValidity => status::Item::UidValidity,
        StatusDataItemName::Unseen => status::Item::Unseen,
        StatusDataItemName::Deleted => status::Item::Deleted,
        StatusDataItemName::DeletedStorage => status::Item::DeletedStorage,
        StatusDataItemName::Size => status::Item::Size,
        StatusDataItemName::HighestModSeq => status::Item::HighestModSeq,
    }
}

fn append(
    mailbox: &Mailbox<'_>,
    flags: &[TheirFlag<'_>],
    date: Option<&theirs::datetime::DateTime>,
    message: &LiteralOrLiteral8<'_>,
) -> Option<Append> {
    let (octets, binary) = match message {
        LiteralOrLiteral8::Literal(literal) => (literal.data().len(), false),
        LiteralOrLiteral8::Literal8(literal) => (literal.data.len(), true),
    };
    let date = match date.map(AsRef::as_ref) {
        Some(date) => {
            let at: Timestamp = date.to_rfc3339().parse().ok()?;
            Some(DateTime { at, offset: Offset::from_seconds(date.offset().local_minus_utc()).ok()? })
        }
        None => None,
    };
    let events = vec![Event::Message { flags: flags.iter().map(flag).collect(), date }];
    let literal = Some(Literal { kind: Kind::Message, size: octets as u64, utf8: false, binary });
    Some(Append { mailbox: name(mailbox)?, said: Stretch { events, literal } })
}

fn transfer(messages: &theirs::sequence::SequenceSet, to: &Mailbox<'_>, uid: bool) -> Option<Transfer> {
    Some(Transfer { numbering: numbering(uid), set: set(messages), to: name(to)? })
}

/// Keys that all must hold; one alone is itself.
fn all(keys: &[SearchKey<'_>]) -> Option<Key> {
    let mut keys: Vec<Key> = keys.iter().map(key).collect::<Option<_>>()?;
    Some(if keys.len() == 1 { keys.remove(0) } else { Key::And(keys) })
}

fn key(theirs: &SearchKey<'_>) -> Option<Key> {
    let not = |key: Key| Key::Not(Box::new(key));
    let day = |date: &theirs::datetime::NaiveDate| date.as_ref().to_string().parse::<civil::Date>().ok();
    Some(match theirs {
        SearchKey::And(keys) => all(keys.as_ref())?,
        SearchKey::SequenceSet(numbers) => Key::Sequence(set(numbers)),
        SearchKey::All => Key::All,
        SearchKey::Answered => Key::Answered,
        SearchKey::Bcc(word) => Key::Bcc(sought(word)),
        SearchKey::Before(date) => Key::Before(day(date)?),
        SearchKey::Body(word) => Key::Body(sought(word)),
        SearchKey::Cc(word) => Key::Cc(sought(word)),
        SearchKey::Deleted => Key::Deleted,
        SearchKey::Draft => Key::Draft,
        SearchKey::Flagged => Key::Flagged,
        SearchKey::From(word) => Key::From(sought(word)),
        SearchKey::Header(name, word) => Key::Header(text(name)?, sought(word)),
        SearchKey::Keyword(word) => Key::Keyword(word.inner().to_owned()),
        SearchKey::Larger(octets) => Key::Larger((*octets).into()),
        SearchKey::New => Key::New,
        SearchKey::Not(one) => not(key(one)?),
        SearchKey::Old => Key::Old,
        SearchKey::Older(seconds) => Key::Older(seconds.get()),
        SearchKey::On(date) => Key::On(day(date)?),
        SearchKey::Or(one, other) => Key::Or(Box::new(key(one)?), Box::new(key(other)?)),
        SearchKey::Recent => Key::Recent,
        SearchKey::Seen => Key::Seen,
        SearchKey::SentBefore(date) => Key::SentBefore(day(date)?),
        SearchKey::SentOn(date) => Key::SentOn(day(date)?),
        SearchKey::SentSince(date) => Key::SentSince(day(date)?),
        SearchKey::Since(date) => Key::Since(day(date)?),
        SearchKey::Smaller(octets) => Key::Smaller((*octets).into()),
        SearchKey::Subject(word) => Key::Subject(sought(word)),
        SearchKey::Text(word) => Key::Text(sought(word)),
        SearchKey::To(word) => Key::To(sought(word)),
        SearchKey::Uid(uids) => Key::Uid(set(uids)),
        SearchKey::Unanswered => not(Key::Answered),
        SearchKey::Undeleted => not(Key::Deleted),
        SearchKey::Undraft => not(Key::Draft),
        SearchKey::Unflagged => not(Key::Flagged),
        SearchKey::Unkeyword(word) => not(Key::Keyword(word.inner().to_owned())),
        SearchKey::Unseen => not(Key::Seen),
        SearchKey::Younger(seconds) => Key::Younger(seconds.get()),
        SearchKey::ModSequence { modseq, .. } => Key::ModSeq(*modseq),
    })
}

fn by(theirs: &SortKey) -> By {
    match theirs {
        SortKey::Arrival => By::Arrival,
        SortKey::Cc => By::Cc,
        SortKey::Date => By::Date,
        SortKey::DisplayFrom => By::DisplayFrom,
        SortKey::DisplayTo => By::DisplayTo,
        SortKey::From => By::From,
        SortKey::Size => By::Size,
        SortKey::Subject => By::Subject,
        SortKey::To => By::To,
    }
}

fn items(theirs: &MacroOrMessageDataItemNames<'_>) -> Option<Vec<Item>> {
    let fast = [Item::Flags, Item::InternalDate, Item::Rfc822Size];
    Some(match theirs {
        MacroOrMessageDataItemNames::Macro(Macro::Fast) => fast.to_vec(),
        MacroOrMessageDataItemNames::Macro(Macro::All) => [&fast[..], &[Item::Envelope]].concat(),
        MacroOrMessageDataItemNames::Macro(Macro::Full) => [&fast[..], &[Item::Envelope, Item::Body]].concat(),
        MacroOrMessageDataItemNames::Macro(other) => panic!("another macro: {other:?}"),
        MacroOrMessageDataItemNames::MessageDataItemNames(names) => {
            once(names.iter().map(item).collect::<Option<Vec<_>>>()?.into_iter())
        }
    })
}

fn item(theirs: &MessageDataItemName<'_>) -> Option<Item> {
    let partial = |partial: &Option<(u32, std::num::NonZeroU32)>| {
        partial.map(|(offset, length)| Partial { offset: offset.into(), length: length.get().into() })
    };
    let numbers = |section: &[std::num::NonZeroU32]| section.iter().map(|number| number.get()).collect::<Vec<_>>();
    Some(match theirs {
        MessageDataItemName::Body => Item::Body,
        MessageDataItemName::BodyExt { section, partial: octets, peek } => Item::Section {
            peek: *peek,
            section: section.as_ref().map_or(Some(Section::default()), self::section)?,
            partial: partial(octets),
        },
        MessageDataItemName::BodyStructure => Item::BodyStructure,
        MessageDataItemName::Envelope => Item::Envelope,
        MessageDataItemName::Flags => Item::Flags,
        MessageDataItemName::InternalDate => Item::InternalDate,
        MessageDataItemName::Rfc822 => Item::Rfc822,
        MessageDataItemName::Rfc822Header => Item::Rfc822Header,
        MessageDataItemName::Rfc822Size => Item::Rfc822Size,
        MessageDataItemName::Rfc822Text => Item::Rfc822Text,
        MessageDataItemName::Uid => Item::Uid,
        MessageDataItemName::Binary { section, partial: octets, peek } => {
            Item::Binary { peek: *peek, part: numbers(section), partial: partial(octets) }
        }
        MessageDataItemName::BinarySize { section } => Item::BinarySize(numbers(section)),
        MessageDataItemName::ModSeq => Item::ModSeq,
    })
}

fn section(theirs: &TheirSection<'_>) -> Option<Section> {
    let numbers = |part: Option<&Part>| {
        part.map(|part| part.0.as_ref().iter().map(|number| number.get()).collect()).unwrap_or_default()
    };
    let fields = |names: &[theirs::core::AString<'_>]| names.iter().map(text).collect::<Option<Vec<_>>>();
    let (part, text) = match theirs {
        TheirSection::Part(part) => (Some(part), SectionText::All),
        TheirSection::Header(part) => (part.as_ref(), SectionText::Header),
        TheirSection::HeaderFields(part, names) => (part.as_ref(), SectionText::HeaderFields(fields(names.as_ref())?)),
        TheirSection::HeaderFieldsNot(part, names) => {
            (part.as_ref(), SectionText::HeaderFieldsNot(fields(names.as_ref())?))
        }
        TheirSection::Text(part) => (part.as_ref(), SectionText::Text),
        TheirSection::Mime(part) => (Some(part), SectionText::Mime),
    };
    Some(Section { part: numbers(part), text })
}

/// What is there twice is there once.
fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut all, one| {
        if !all.contains(&one) {
            all.push(one);
        }
        all
    })
}
