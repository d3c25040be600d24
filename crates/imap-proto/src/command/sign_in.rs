//! LOGIN and AUTHENTICATE.

use std::borrow::Cow;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::combinator::map;

use super::Verb;
use crate::grammar::{Parsed, after_sp, atom, named, opt_after_sp, string};
use crate::secret::Secret;

/// `LOGIN` (RFC 3501 section 6.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user's name, as typed.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// `AUTHENTICATE` (RFC 3501 section 6.2.2, RFC 4959).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism, in capitals.
    pub mechanism: String,
    /// The initial response, still in base64; empty for `=`. Without it, an empty challenge is to be sent and
    /// the response comes as a line, see [`crate::Framer::expect_line`].
    pub initial: Option<Secret>,
}

/// `login = "LOGIN" SP userid SP password`
pub(super) fn login(input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, user) = after_sp(named("a user name", word)).parse(input)?;
    let (rest, password) = after_sp(named("a password", word)).parse(rest)?;
    let user = Secret::new(user).expose_text();
    Ok((rest, Verb::Login(Login { user, password: Secret::new(password) })))
}

/// `userid = astring`, `password = astring`. Seen from Python's imaplib: the name as typed, without quotes, so that
/// `DOMAIN\user` comes with its backslash. Everything but spaces is taken.
fn word(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    if matches!(input, [b'"' | b'{', ..]) {
        return string(input);
    }
    let visible = |byte: u8| byte.is_ascii_graphic() || !byte.is_ascii();
    alt((map(take_while1(visible), Cow::Borrowed), string)).parse(input)
}

/// ```text
/// authenticate     = "AUTHENTICATE" SP auth-type [SP initial-resp]
/// auth-type        = atom
/// initial-resp     = base64 / "="
/// ```
/// (RFC 4959 section 7)
pub(super) fn authenticate(input: &[u8]) -> Parsed<'_, Verb> {
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let initial = named(
        "a response in base64",
        map(take_while1(base64), |response: &[u8]| match response {
            b"=" => Secret::new(Vec::new()),
            response => Secret::new(response),
        }),
    );
    let (rest, mechanism) = after_sp(named("a mechanism", atom)).parse(input)?;
    let (rest, initial) = opt_after_sp(initial).parse(rest)?;
    Ok((rest, Verb::Authenticate(Authenticate { mechanism: mechanism.to_ascii_uppercase(), initial })))
}
