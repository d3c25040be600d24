//! Advanced Query Syntax, the part mail clients use: words, "phrases", `property:value`, AND, OR, NOT and brackets.

use crate::{
    op::Trouble,
    property::Path,
    restriction::{Comparison, Folding, Mode, Operand, Restriction},
};

/// Reads a query string.
///
/// ```text
/// query = and *( "OR" and )       and = not *( ["AND"] not )       not = ["NOT"] ( "(" query ")" / term )
/// term  = [ property ":" [ ">" / "<" / ">=" / "<=" ] ] value
/// ```
pub(crate) fn read(query: &str) -> Result<Restriction, Trouble> {
    let words = split(query);
    let mut at = 0;
    let restriction = any(&words, &mut at)?;
    match at == words.len() {
        true => Ok(restriction),
        false => Err(invalid()),
    }
}

fn any(words: &[String], at: &mut usize) -> Result<Restriction, Trouble> {
    let mut all = vec![every(words, at)?];
    while words.get(*at).is_some_and(|word| word == "OR") {
        *at += 1;
        all.push(every(words, at)?);
    }
    Ok(Restriction::Or(all))
}

fn every(words: &[String], at: &mut usize) -> Result<Restriction, Trouble> {
    let mut all = Vec::new();
    while let Some(word) = words.get(*at) {
        match word.as_str() {
            "OR" | ")" => break,
            "AND" => *at += 1,
            _ => all.push(one(words, at)?),
        }
    }
    match all.is_empty() {
        true => Err(invalid()),
        false => Ok(Restriction::And(all)),
    }
}

fn one(words: &[String], at: &mut usize) -> Result<Restriction, Trouble> {
    let word = words.get(*at).ok_or_else(invalid)?;
    *at += 1;
    match word.as_str() {
        "NOT" => one(words, at).map(|one| Restriction::Not(Box::new(one))),
        "(" => {
            let inside = any(words, at)?;
            match words.get(*at).map(String::as_str) {
                Some(")") => *at += 1,
                _ => return Err(invalid()),
            }
            Ok(inside)
        }
        word => term(word),
    }
}

fn term(word: &str) -> Result<Restriction, Trouble> {
    let Some((property, value)) = word.split_once(':').filter(|(property, _)| !property.contains('"')) else {
        let anywhere = ["item:Subject", "item:Body", "message:From", "item:DisplayTo", "item:DisplayCc"];
        return Ok(Restriction::Or(anywhere.iter().map(|uri| has(uri, word)).collect()));
    };
    let property = property.to_ascii_lowercase();
    match property.as_str() {
        "subject" => Ok(has("item:Subject", value)),
        "body" => Ok(has("item:Body", value)),
        "from" => Ok(has("message:From", value)),
        "to" => Ok(has("message:ToRecipients", value)),
        "cc" => Ok(has("message:CcRecipients", value)),
        "bcc" => Ok(has("message:BccRecipients", value)),
        "category" => Ok(has("item:Categories", value)),
        "participants" => Ok(Restriction::Or(
            ["message:From", "message:ToRecipients", "message:CcRecipients"]
                .iter()
                .map(|uri| has(uri, value))
                .collect(),
        )),
        "importance" => Ok(compare("item:Importance", Comparison::Equal, value)),
        "isread" => Ok(compare("message:IsRead", Comparison::Equal, value)),
        "hasattachment" | "hasattachments" => Ok(compare("item:HasAttachments", Comparison::Equal, value)),
        "kind" => Ok(compare("item:ItemClass", Comparison::NotEqual, "")),
        "received" => Ok(ranged("item:DateTimeReceived", value)),
        "sent" => Ok(ranged("item:DateTimeSent", value)),
        "size" => Ok(ranged("item:Size", value)),
        _ => Err(invalid()),
    }
}

fn ranged(uri: &str, value: &str) -> Restriction {
    for (sign, comparison) in [
        (">=", Comparison::GreaterOrEqual),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
    ] {
        if let Some(value) = value.strip_prefix(sign) {
            return compare(uri, comparison, value);
        }
    }
    if let Some((from, to)) = value.split_once("..") {
        return Restriction::And(vec![
            compare(uri, Comparison::GreaterOrEqual, from),
            compare(uri, Comparison::LessOrEqual, to),
        ]);
    }
    match crate::time::parse(value).filter(|_| value.len() == 10) {
        // A date is a whole day.
        Some(day) => Restriction::And(vec![
            compare(uri, Comparison::GreaterOrEqual, value),
            compare(uri, Comparison::Less, &crate::time::write(day + 86_400)),
        ]),
        None => compare(uri, Comparison::Equal, value),
    }
}

fn has(uri: &str, value: &str) -> Restriction {
    let phrase = value.trim_matches('"');
    // Words are found by their beginnings.
    let mode = if value.starts_with('"') { Mode::ExactPhrase } else { Mode::PrefixOnWords };
    let folding = Folding { case: true, marks: true };
    Restriction::Contains(Path::Field(uri.to_owned()), mode, folding, phrase.trim_end_matches('*').to_owned())
}

fn compare(uri: &str, comparison: Comparison, value: &str) -> Restriction {
    Restriction::Compare(Path::Field(uri.to_owned()), comparison, Operand::Constant(value.trim_matches('"').to_owned()))
}

/// Cuts at blanks outside quotes; brackets stand alone.
fn split(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for character in query.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                word.push('"');
            }
            '(' | ')' if !quoted => {
                words.push(std::mem::take(&mut word));
                words.push(character.to_string());
            }
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn invalid() -> Trouble {
    Trouble::new("ErrorInvalidRestriction", "The query string is invalid.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Value;

    #[test]
    fn queries_find_what_they_say() {
        let value = |path: &Path| {
            let Path::Field(uri) = path else { return None };
            match uri.as_str() {
                "item:Subject" => Some(Value::Text("Quarterly report for Berlin".to_owned())),
                "message:From" => Some(Value::Text("Anna Berg <anna@example.org>".to_owned())),
                "message:IsRead" => Some(Value::Flag(false)),
                "item:DateTimeReceived" => crate::time::parse("2024-05-06T07:08:09Z").map(Value::Time),
                _ => None,
            }
        };
        for (query, expected) in [
            ("report", true),
            ("rep", true),
            ("port", false),
            ("subject:report from:anna", true),
            ("subject:\"report for\"", true),
            ("subject:\"report berlin\"", false),
            ("from:carl OR subject:berlin", true),
            ("NOT from:anna", false),
            ("(from:carl OR from:anna) AND isread:false", true),
            ("received:2024-05-06", true),
            ("received:>=2024-05-07", false),
            ("received:2024-05-01..2024-05-31", true),
        ] {
            assert_eq!(read(query).unwrap().holds(&value), expected, "{query}");
        }
        for wrong in ["", "(", "a OR", "nosuch:thing", "a )"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
