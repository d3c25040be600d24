//! The vectors of MS-NLMP section 4.2, a client of the tests' own, and messages that are no good.

use proptest::prelude::*;

use super::{
    message::{from_utf16, utf16},
    *,
};

const CHALLENGE: &str = "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000\
    06007017000000 0f53006500720076006500720002000c0044006f006d00610069006e0001000c0053006500720076006500720000000000";

const AUTHENTICATE: &str = "4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000\
    1000100 05c00000010001000d8000000358288e20501280a0000000f\
    44006f006d00610069006e00 5500730065007200 43004f004d0050005500540045005200\
    86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa\
    68cd0ab851e51c96aabc927bebef6a1c 01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000\
    02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000\
    c5dad2544fc979909 4ce1ce90bc9d03e";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn key(text: &str) -> Key {
    hex(text).try_into().unwrap()
}

/// Section 4.2.4.1.
#[test]
fn keys_follow_from_passwords() {
    let ntowf = crypto::ntowf_v2("Password", "User", "Domain");
    assert_eq!(ntowf, key("0c868a403bfd7a93a3001ef22ef02e3f"));
    assert_eq!(crypto::ntowf_v2("Password", "uSER", "Domain"), ntowf);
    assert_ne!(crypto::ntowf_v2("Password", "User", "DOMAIN"), ntowf);
    let response = hex("0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000 02000c0044006f006d00610069006e00\
                        01000c00530065007200760065007200 00000000 00000000");
    let proof = crypto::proof(&ntowf, &nonce(), &response);
    assert_eq!(proof, key("68cd0ab851e51c96aabc927bebef6a1c"));
    assert_eq!(crypto::session_base_key(&ntowf, &proof), key("8de40ccadbc14a82f15cb0ad0de95ca3"));
}

/// Section 4.2.4.3, both messages.
#[test]
fn the_published_messages_are_taken() {
    let authenticate = hex(AUTHENTICATE);
    let claims = claims(&authenticate).unwrap();
    assert_eq!((claims.domain.as_str(), claims.user.as_str()), ("Domain", "User"));
    assert_eq!((claims.workstation.as_str(), claims.target), ("COMPUTER", None));
    let pending = Pending { negotiate: Vec::new(), challenge: hex(CHALLENGE), nonce: nonce() };
    let proved = pending.prove(&authenticate, "Password").unwrap();
    assert_eq!(proved.session_key, [0x55; 16]);
    assert_eq!(pending.prove(&authenticate, "password").err(), Some(Refusal::Proof));
    assert!(pending.check(&authenticate, &proved, LENIENT).is_ok());
    assert_eq!(pending.check(&authenticate, &proved, STRICT).err(), Some(Refusal::NoMic));
}

#[test]
fn a_challenge_is_laid_out_as_the_published_one() {
    let info = Pairs::default().with_text(av::NB_DOMAIN_NAME, "Domain").with_text(av::NB_COMPUTER_NAME, "Server");
    let made = Challenge { flags: 0xe28a_8233, nonce: nonce(), target: "Server", info: &info }.encode();
    let published = hex(CHALLENGE);
    // Between them stands the version of the product.
    assert_eq!((&made[..48], &made[56..]), (&published[..48], &published[56..]));
}

/// Section 4.2.4.4: the text is sealed first, and the checksum with what the cipher yields next.
#[test]
fn signatures_are_as_published() {
    let (signing, sealing) = crypto::keys(&[0x55; 16], 0xe288_8235, Side::Client);
    assert_eq!(signing, key("4788dc861b4782f35d43fd98fe1a2d39"));
    assert_eq!(sealing, key("59f600973cc4960a25480a7c196e4c58"));
    let text = utf16("Plaintext");
    let mut sealed = [&text[..], &crypto::hmac_md5(&signing, &[&[0; 4], &text])[..8]].concat();
    Rc4::new(&sealing).apply(&mut sealed);
    assert_eq!(sealed, hex("54e50165bf1936dc996020c1811b0f06fb5f 7fb38ec5c55d4976"));
    let alone = crypto::signature(&[0x55; 16], 0xe288_8235, Side::Client, &[]);
    assert_eq!((&alone[..4], &alone[12..]), (&[1, 0, 0, 0][..], &[0; 4][..]));
}

#[test]
fn every_part_is_checked() {
    let bound = |binding| Policy { mic: true, binding };
    let right = Some([7; 16]);
    for (client, policy, verdict) in [
        (Client::default(), STRICT, Ok(())),
        (Client { password: "other", ..Client::default() }, LENIENT, Err(Refusal::Proof)),
        (Client { mic: Mic::None, ..Client::default() }, STRICT, Err(Refusal::NoMic)),
        (Client { mic: Mic::None, ..Client::default() }, LENIENT, Ok(())),
        (Client { mic: Mic::Wrong, ..Client::default() }, STRICT, Err(Refusal::BadMic)),
        (Client { mic: Mic::Wrong, ..Client::default() }, LENIENT, Err(Refusal::BadMic)),
        (Client { exchange_key: true, ..Client::default() }, STRICT, Ok(())),
        (Client { binding: None, ..Client::default() }, bound(Bound::Allow(right)), Ok(())),
        (Client { binding: None, ..Client::default() }, bound(Bound::Require(right)), Err(Refusal::NoBinding)),
        (Client { binding: Some([0; 16]), ..Client::default() }, bound(Bound::Allow(right)), Ok(())),
        (Client { binding: Some([0; 16]), ..Client::default() }, bound(Bound::Require(right)), Err(Refusal::NoBinding)),
        (
            Client { binding: Some([8; 16]), ..Client::default() },
            bound(Bound::Allow(right)),
            Err(Refusal::WrongBinding),
        ),
        (
            Client { binding: Some([8; 16]), ..Client::default() },
            bound(Bound::Require(right)),
            Err(Refusal::WrongBinding),
        ),
        (Client { binding: Some([8; 16]), ..Client::default() }, bound(Bound::Off), Ok(())),
        (Client::default(), bound(Bound::Allow(right)), Ok(())),
        (Client::default(), bound(Bound::Require(right)), Ok(())),
        (Client::default(), bound(Bound::Require(None)), Err(Refusal::WrongBinding)),
    ] {
        let pending = challenge(&Client::negotiate(), &names(), nonce(), 1).unwrap();
        let authenticate = client.authenticate(&pending);
        let outcome = pending
            .prove(&authenticate, "secret")
            .and_then(|proved| pending.check(&authenticate, &proved, policy))
            .map(|_| ());
        assert_eq!(outcome, verdict, "{client:?} {policy:?}");
    }
}

#[test]
fn a_mic_covers_all_three_messages() {
    let pending = challenge(&Client::negotiate(), &names(), nonce(), 1).unwrap();
    let authenticate = Client::default().authenticate(&pending);
    let proved = pending.prove(&authenticate, "secret").unwrap();
    let mut others = [pending.clone(), pending.clone()];
    others[0].negotiate[20] ^= 1;
    others[1].challenge[50] ^= 1;
    for other in others {
        assert_eq!(other.check(&authenticate, &proved, STRICT).err(), Some(Refusal::BadMic));
    }
}

#[test]
fn old_versions_and_nobody_are_refused() {
    let pending = challenge(&Client::negotiate(), &names(), nonce(), 1).unwrap();
    for (user, nt, refusal) in [
        ("anna", vec![1; 24], Refusal::Version1),
        ("anna", vec![], Refusal::Version1),
        ("", vec![], Refusal::Nobody),
        ("anna", vec![1; 60], Refusal::Malformed),
        ("anna", [vec![0; 16], vec![1, 1], vec![0; 26], vec![1, 0, 9, 9]].concat(), Refusal::Malformed),
    ] {
        let message = authenticate(0x0008_8205, "CORP", user, &nt, &[]);
        assert_eq!(pending.prove(&message, "secret").err(), Some(refusal), "{user} {nt:?}");
    }
    assert_eq!(pending.prove(b"NTLMSSP\0\x03", "secret").err(), Some(Refusal::Malformed));
    assert!(challenge(b"NTLMSSP\0\x03\0\0\0", &names(), nonce(), 1).is_none());
}

#[test]
fn what_a_session_signs_is_known_by_its_keys() {
    let session = Session { key: [9; 16], flags: 0xe288_8215 };
    let client = crypto::signature(&[9; 16], 0xe288_8215, Side::Client, b"list");
    assert!(session.signed_by_client(b"list", &client));
    assert!(!session.signed_by_client(b"another", &client));
    assert!(!session.signed_by_client(b"list", &session.sign(b"list")), "the server's is another");
    assert!(!session.signed_by_client(b"list", &crypto::DUMMY_SIGNATURE));
    let unsigned = Session { flags: session.flags & !flag::SIGN, ..session };
    assert!(unsigned.signed_by_client(b"list", &crypto::DUMMY_SIGNATURE));
}

proptest! {
    #[test]
    fn pairs_survive(values in proptest::collection::vec((1_u16..20, proptest::collection::vec(any::<u8>(), 0..40)), 0..8)) {
        let pairs = values.iter().fold(Pairs::default(), |pairs, (id, value)| pairs.with(*id, value.clone()));
        prop_assert_eq!(av::decode(&pairs.encode()), Some(pairs.clone()));
        let whole = pairs.encode();
        for end in 0..whole.len() {
            prop_assert_eq!(av::decode(&whole[..end]), None);
        }
    }

    #[test]
    fn an_answer_survives(domain in "\\PC{0,20}", user in "\\PC{1,20}", nt in proptest::collection::vec(any::<u8>(), 25..80)) {
        let bytes = authenticate(flag::UNICODE, &domain, &user, &nt, &[1; 16]);
        let message = Authenticate::decode(&bytes).unwrap();
        prop_assert_eq!((&message.domain, &message.user, message.nt), (&domain, &user, &nt[..]));
        prop_assert_eq!(from_utf16(&utf16(&user)), user);
    }

    #[test]
    fn nothing_that_comes_in_breaks_it(changes in proptest::collection::vec((0_usize..200, any::<u8>()), 0..12), end in 0_usize..240) {
        let pending = challenge(&Client::negotiate(), &names(), nonce(), 1).unwrap();
        let mut message = Client::default().authenticate(&pending);
        for (at, byte) in changes {
            if let Some(place) = message.get_mut(at) {
                *place = byte;
            }
        }
        message.truncate(end);
        claims(&message);
        if let Ok(proved) = pending.prove(&message, "secret") {
            let _ = pending.check(&message, &proved, STRICT);
        }
        challenge(&message, &names(), nonce(), 1);
    }
}

/// A client, with everything it may do wrong. It is anna of CORP.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) password: &'static str,
    pub(crate) mic: Mic,
    pub(crate) binding: Option<[u8; 16]>,
    pub(crate) exchange_key: bool,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Mic {
    None,
    Right,
    Wrong,
}

impl Default for Client {
    fn default() -> Self {
        Self { password: "secret", mic: Mic::Right, binding: Some([7; 16]), exchange_key: false }
    }
}

impl Client {
    pub(crate) fn negotiate() -> Vec<u8> {
        let flags = flag::UNICODE | flag::NTLM | flag::REQUEST_TARGET | flag::EXTENDED_SESSIONSECURITY | flag::KEY_EXCH;
        [SIGNATURE, &1_u32.to_le_bytes(), &flags.to_le_bytes(), &[0; 24]].concat()
    }

    /// The answer to a CHALLENGE_MESSAGE, after [`Client::negotiate`].
    pub(crate) fn answer(&self, challenge: &[u8]) -> Vec<u8> {
        let nonce = challenge[24..32].try_into().unwrap();
        self.authenticate(&Pending { negotiate: Self::negotiate(), challenge: challenge.to_vec(), nonce })
    }

    /// What it signs with, after the same challenge.
    pub(crate) fn signature(&self, challenge: &[u8], message: &[u8]) -> [u8; 16] {
        let nonce = challenge[24..32].try_into().unwrap();
        let ntowf = crypto::ntowf_v2(self.password, "anna", "CORP");
        let proof = crypto::proof(&ntowf, &nonce, &self.temp());
        crypto::signature(&crypto::session_base_key(&ntowf, &proof), flag::UNICODE, Side::Client, message)
    }

    /// Everything the proof is about.
    fn temp(&self) -> Vec<u8> {
        let mut pairs = Pairs::default().with_text(av::TARGET_NAME, "HTTP/mail.corp.test");
        if self.mic != Mic::None {
            pairs = pairs.with(av::FLAGS, av::HAS_MIC.to_le_bytes());
        }
        if let Some(binding) = self.binding {
            pairs = pairs.with(av::CHANNEL_BINDINGS, binding);
        }
        [&[1, 1, 0, 0, 0, 0, 0, 0][..], &[3; 20], &pairs.encode(), &[0; 4]].concat()
    }

    fn authenticate(&self, pending: &Pending) -> Vec<u8> {
        let temp = self.temp();
        let ntowf = crypto::ntowf_v2(self.password, "anna", "CORP");
        let proof = crypto::proof(&ntowf, &pending.nonce, &temp);
        let mut session = crypto::session_base_key(&ntowf, &proof);
        let mut sent = Vec::new();
        if self.exchange_key {
            sent = vec![0x42; 16];
            Rc4::new(&session).apply(&mut sent);
            session = [0x42; 16];
        }
        let flags = flag::UNICODE | if self.exchange_key { flag::KEY_EXCH } else { 0 };
        let mut message = authenticate(flags, "CORP", "anna", &[&proof[..], &temp].concat(), &sent);
        if self.mic != Mic::None {
            let mut mic = crypto::hmac_md5(&session, &[&pending.negotiate, &pending.challenge, &message]);
            mic[3] ^= u8::from(self.mic == Mic::Wrong);
            message[72..88].copy_from_slice(&mic);
        }
        message
    }
}

/// An AUTHENTICATE_MESSAGE with room for a MIC.
fn authenticate(flags: u32, domain: &str, user: &str, nt: &[u8], session_key: &[u8]) -> Vec<u8> {
    let parts = [&[0; 24][..], nt, &utf16(domain), &utf16(user), &utf16("DESK"), session_key];
    let mut offset = 88_u32;
    let mut head = [SIGNATURE, &3_u32.to_le_bytes()].concat();
    for part in parts {
        let length = part.len() as u16;
        head.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
        head.extend(offset.to_le_bytes());
        offset += u32::from(length);
    }
    head.extend(flags.to_le_bytes());
    head.extend([0; 24]);
    [head, parts.concat()].concat()
}

fn names() -> Names {
    Names { domain: "CORP".to_owned(), dns_domain: "corp.test".to_owned(), computer: "EX01".to_owned() }
}

fn nonce() -> [u8; 8] {
    [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]
}

const STRICT: Policy = Policy { mic: true, binding: Bound::Off };
const LENIENT: Policy = Policy { mic: false, binding: Bound::Off };
