use std::fmt;

/// What Exchange says in `x-ms-diagnostics` about a token it refuses (EWS "Instrumenting client requests").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// Such as 2000003.
    pub id: u32,
    /// Exchange's own sentence.
    pub reason: String,
    /// Such as `invalid_resource`.
    pub category: String,
}

impl Diagnostics {
    /// Reads `2000003;reason="...";error_category="invalid_resource"`; None if it does not begin with a number.
    pub fn parse(header: &str) -> Option<Diagnostics> {
        let (id, rest) = header.split_once(';').unwrap_or((header, ""));
        let value = |name: &str| {
            let (_, value) = rest.split_once(&format!("{name}=\""))?;
            Some(value.split('"').next().unwrap_or_default().to_owned())
        };
        Some(Diagnostics {
            id: id.trim().parse().ok()?,
            reason: value("reason").unwrap_or_default(),
            category: value("error_category").unwrap_or_default(),
        })
    }

    /// What it means, and what to do.
    pub fn meaning(&self) -> &'static str {
        MEANINGS
            .iter()
            .find(|row| row.0 == self.id || row.1 == self.category)
            .map_or("Exchange refused the access token", |(_, _, meaning)| meaning)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({}", self.meaning(), self.id)?;
        if !self.reason.is_empty() {
            write!(out, ": {}", self.reason)?;
        }
        out.write_str(")")
    }
}

/// Number, category, what it means and what to do.
const MEANINGS: &[(u32, &str, &str)] = &[
    (
        2_000_001,
        "invalid_token",
        "Exchange cannot read or verify the access token: it is of an identity provider that Exchange does not trust, \
         or the clocks differ",
    ),
    (2_000_002, "token_expired", "the access token has expired; if it is new, the clocks differ"),
    (
        2_000_003,
        "invalid_resource",
        "the access token is for another server: oauth.resource must be the URL by which Exchange is reached, and the \
         administrator has to register that URL as a service principal name",
    ),
    (
        2_000_004,
        "invalid_signature",
        "Exchange cannot verify the signature of the access token; the administrator has to renew the trust in the \
         identity provider",
    ),
    (
        2_000_005,
        "invalid_user",
        "the owner of the access token has no mailbox at this Exchange; check whom the token is for",
    ),
    (
        2_000_008,
        "invalid_grant",
        "the access token lacks the permission that Exchange wants; the administrator has to grant \
         EWS.AccessAsUser.All (or full_access_as_app to a service)",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exchange_says_becomes_a_sentence() {
        let header =
            "2000003;reason=\"The audience claim value is invalid 'aud'.\";error_category=\"invalid_resource\"";
        let told = Diagnostics::parse(header).unwrap();
        assert_eq!((told.id, told.category.as_str()), (2_000_003, "invalid_resource"));
        let sentence = told.to_string();
        assert!(sentence.starts_with("the access token is for another server: oauth.resource"), "{sentence}");
        assert!(sentence.ends_with("(2000003: The audience claim value is invalid 'aud'.)"), "{sentence}");
        let odd = Diagnostics::parse("4000000;reason=\"unended").unwrap();
        assert_eq!(odd.to_string(), "Exchange refused the access token (4000000: unended)");
        assert_eq!(Diagnostics::parse(" 7 ").unwrap().to_string(), "Exchange refused the access token (7)");
        assert_eq!(Diagnostics::parse("none"), None);
        for (id, category, _) in MEANINGS {
            let by_id = Diagnostics { id: *id, reason: String::new(), category: String::new() };
            let by_category = Diagnostics { id: 1, reason: String::new(), category: (*category).to_owned() };
            assert_eq!(by_id.meaning(), by_category.meaning());
        }
    }
}
