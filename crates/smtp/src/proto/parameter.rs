//! What follows the path in MAIL and RCPT.

use mailbox::submit::{Body, Notify, OriginalRecipient, Returned};

use super::command::{Mail, ParseError, Rcpt};
use super::cursor::Cursor;

/// `Mail-parameters = esmtp-param *(SP esmtp-param)` (RFC 5321 section 4.1.2)
pub(super) fn of_mail(text: &str, mail: &mut Mail) -> Result<(), ParseError> {
    each(text, |keyword, value| {
        let value = value.unwrap_or_default();
        match keyword {
            // RFC 1870 section 3: 1*20DIGIT
            "SIZE" => mail.size = Some(number(value)?),
            "BODY" => mail.body = named(&BODIES, value)?,
            "SMTPUTF8" if value.is_empty() => mail.smtp_utf8 = true,
            "RET" => mail.returned = Some(named(&RETURNS, value)?),
            "ENVID" => mail.envelope_id = Some(xtext(value).filter(|id| id.len() <= 100).ok_or(ParseError::Argument)?),
            // RFC 4954 section 5: who sent it first. Taken, and nobody is trusted to know.
            "AUTH" => drop(xtext(value).ok_or(ParseError::Argument)?),
            "SMTPUTF8" => return Err(ParseError::Argument),
            _ => return Err(ParseError::UnknownParameter),
        }
        Ok(())
    })
}

/// `Rcpt-parameters = esmtp-param *(SP esmtp-param)`
pub(super) fn of_rcpt(text: &str, rcpt: &mut Rcpt) -> Result<(), ParseError> {
    each(text, |keyword, value| {
        let value = value.unwrap_or_default();
        match keyword {
            "NOTIFY" => rcpt.notify = Some(notify(value)?),
            "ORCPT" => rcpt.original = Some(original(value).ok_or(ParseError::Argument)?),
            _ => return Err(ParseError::UnknownParameter),
        }
        Ok(())
    })
}

/// `esmtp-param = esmtp-keyword ["=" esmtp-value]`, each keyword once, given in capitals.
fn each(text: &str, mut take: impl FnMut(&str, Option<&str>) -> Result<(), ParseError>) -> Result<(), ParseError> {
    let mut seen: Vec<String> = Vec::new();
    for parameter in text.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (keyword, value) = match parameter.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (parameter, None),
        };
        let is_keyword = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if keyword.is_empty() || !keyword.bytes().all(is_keyword) || value == Some("") {
            return Err(ParseError::Argument);
        }
        let keyword = keyword.to_ascii_uppercase();
        if seen.contains(&keyword) {
            return Err(ParseError::Argument);
        }
        take(&keyword, value)?;
        seen.push(keyword);
    }
    Ok(())
}

pub(super) fn number(value: &str) -> Result<u64, ParseError> {
    match value.len() {
        1..=20 if value.bytes().all(|byte| byte.is_ascii_digit()) => Ok(value.parse().unwrap_or(u64::MAX)),
        _ => Err(ParseError::Argument),
    }
}

fn named<T: Copy>(table: &[(&str, T)], value: &str) -> Result<T, ParseError> {
    let found = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
    found.map(|&(_, meaning)| meaning).ok_or(ParseError::Argument)
}

/// `notify-esmtp-value = "NEVER" / notify-list-element *( "," notify-list-element )` (RFC 3461 section 4.1)
fn notify(value: &str) -> Result<Notify, ParseError> {
    let mut notify = Notify::default();
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(notify);
    }
    for element in value.split(',') {
        match element.to_ascii_uppercase().as_str() {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return Err(ParseError::Argument),
        }
    }
    Ok(notify)
}

/// `original-recipient-address = addr-type ";" xtext` (RFC 3461 section 4.2); with `utf-8` what RFC 6533 section 3 makes of it.
fn original(value: &str) -> Option<OriginalRecipient> {
    let (kind, address) = value.split_once(';')?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if value.len() > LONGEST_ORCPT || kind.is_empty() || !kind.bytes().all(fits) {
        return None;
    }
    let address = if kind.eq_ignore_ascii_case("utf-8") { utf8_address(address)? } else { xtext(address)? };
    (!address.is_empty()).then(|| OriginalRecipient { kind: kind.to_owned(), address })
}

/// `xtext = *( xchar / hexchar )` (RFC 3461 section 4): `+` and two digits stand for an octet, which must be a printable one.
fn xtext(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut cursor = Cursor(value);
    while let Some(character) = cursor.take() {
        match character {
            '+' => {
                let digits: String = [cursor.take()?, cursor.take()?].into_iter().collect();
                let is_hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
                let octet = u8::from_str_radix(&digits, 16).ok().filter(|_| digits.bytes().all(is_hex))?;
                text.push(char::from(octet));
            }
            '!'..='~' if character != '=' => text.push(character),
            _ => return None,
        }
    }
    text.chars().all(|character| (' '..='~').contains(&character)).then_some(text)
}

/// `utf-8-addr-xtext` and `utf-8-addr-unitext` (RFC 6533 section 3): `\x{20AC}` stands for a character.
fn utf8_address(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut cursor = Cursor(value);
    while let Some(character) = cursor.take() {
        match character {
            '\\' => {
                let digits = cursor.skip("x{").then(|| cursor.take_while(|digit| digit.is_ascii_hexdigit()))?;
                let code = u32::from_str_radix(digits, 16).ok()?;
                text.push(char::from_u32(code).filter(|_| cursor.skip("}"))?);
            }
            '+' | '=' => return None,
            character => text.push(character),
        }
    }
    (!text.chars().any(char::is_control)).then_some(text)
}

/// RFC 6152, 3030
const BODIES: [(&str, Body); 3] =
    [("7BIT", Body::SevenBit), ("8BITMIME", Body::EightBit), ("BINARYMIME", Body::Binary)];

/// RFC 3461 section 4.3
const RETURNS: [(&str, Returned); 2] = [("FULL", Returned::Full), ("HDRS", Returned::Headers)];

/// RFC 3461 section 4.2
const LONGEST_ORCPT: usize = 500;
