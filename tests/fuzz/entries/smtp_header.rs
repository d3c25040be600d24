//! The header of a message to be sent: no panic, nobody in Bcc afterwards, and the same senders, recipients and body in
//! what is sent as in what came. Once completed, there is nothing to complete.

use jiff::Timestamp;
use mailbox::Content;
use mailbox::submit::{Address, Header, SubmissionId};

pub fn run(data: &[u8]) {
    let message = Content::memory(data.to_vec());
    let Ok(header) = Header::read(&message).expect("it is in memory") else { return };
    let sender = Address::new("anna", "example.org").expect("an address");
    let complete = |message: &Content, header: &Header| {
        let whole = header.completed(message, SubmissionId(1), Some(&sender), Timestamp::UNIX_EPOCH);
        whole.and_then(|whole| whole.read(0, usize::MAX)).expect("it is in memory")
    };
    let sent = complete(&message, &header);
    let again = Header::parse(&sent).expect("what was read can be read again");
    assert!(again.bcc.is_empty() && again.has_date && again.message_id.is_some(), "{again:?}");
    assert_eq!((&header.to, &header.cc), (&again.to, &again.cc));
    assert_eq!(header.sender, again.sender);
    if header.from.is_empty() {
        assert_eq!(again.from.first().map(|mailbox| &mailbox.address), Some(&sender));
    } else {
        assert_eq!(header.from, again.from);
    }
    // Nobody is added but the envelope's sender, who was asked about before.
    let were: Vec<_> = header.senders().collect();
    let are: Vec<_> = again.senders().collect();
    assert!(!are.is_empty() && were.iter().all(|one| are.contains(one)), "{were:?} {are:?}");
    assert!(are.iter().all(|one| were.contains(one) || one.address == sender), "{were:?} {are:?}");
    assert_eq!(complete(&Content::memory(sent.clone()), &again), sent);
}
