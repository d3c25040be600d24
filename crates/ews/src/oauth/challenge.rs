//! What a server says about tokens: `WWW-Authenticate: Bearer` (RFC 6750 section 3) and `x-ms-diagnostics`.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use super::Diagnostics;
use crate::Secret;

/// A token that was refused, and why.
#[derive(Clone, Debug, Default)]
pub struct Challenge {
    /// The token that was sent, so that another one obtained meanwhile is not thrown away.
    pub token: Option<Secret>,
    /// What the server's `Bearer` challenges said together.
    pub bearer: Bearer,
    /// What Exchange said in `x-ms-diagnostics`.
    pub diagnostics: Option<Diagnostics>,
}

/// The parameters of `Bearer` challenges. All are text of a server that has proved nothing but its host name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bearer {
    /// `error`, such as `invalid_token` or `insufficient_claims` (RFC 6750 section 3.1).
    pub error: Option<String>,
    /// The claims a new token has to have: JSON, decoded (Microsoft identity platform "Claims challenges").
    pub claims: Option<String>,
    /// Where the server says that tokens come from.
    pub authorization_uri: Option<String>,
    /// Who the server is to whoever gives tokens out.
    pub client_id: Option<String>,
    /// Whose tokens it takes.
    pub trusted_issuers: Option<String>,
}

impl Challenge {
    /// Of an answer 401 to a request that was sent with this token.
    pub(crate) fn of(headers: &HeaderMap, token: Option<Secret>) -> Challenge {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let diagnostics = headers.get("x-ms-diagnostics").and_then(|value| value.to_str().ok());
        Challenge {
            token,
            bearer: Bearer::parse(values).unwrap_or_default(),
            diagnostics: diagnostics.and_then(Diagnostics::parse),
        }
    }
}

impl Bearer {
    /// Reads all values of `WWW-Authenticate`; None if none of them offers Bearer. Of a parameter said twice, the first
    /// counts.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Bearer> {
        let mut found = None;
        for (scheme, name, value) in values.into_iter().flat_map(parameters) {
            if !scheme.eq_ignore_ascii_case("Bearer") {
                continue;
            }
            let bearer: &mut Bearer = found.get_or_insert_default();
            let place = match name.to_ascii_lowercase().as_str() {
                "error" => &mut bearer.error,
                "authorization_uri" => &mut bearer.authorization_uri,
                "client_id" => &mut bearer.client_id,
                "trusted_issuers" => &mut bearer.trusted_issuers,
                "claims" => {
                    bearer.claims = bearer.claims.take().or_else(|| claims(&value));
                    continue;
                }
                _ => continue,
            };
            place.get_or_insert(value);
        }
        found
    }
}

/// The claims of a challenge, which are JSON in base64, of either alphabet.
fn claims(value: &str) -> Option<String> {
    let decoded = LENIENT.decode(value).or_else(|_| LENIENT_URL.decode(value)).ok()?;
    let json = String::from_utf8(decoded).ok()?;
    serde_json::from_str::<serde_json::Value>(&json).ok()?.is_object().then_some(json)
}

/// `challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ]`, several of them (RFC 9110 section 11.6.1): each
/// parameter with the scheme it belongs to; a scheme without any has one without a name.
fn parameters(value: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut scheme = String::new();
    for item in items(value) {
        let item = item.trim();
        let word = item.find([' ', '\t', '=']).map_or(item, |end| item.get(..end).unwrap_or_default());
        let rest = item.get(word.len()..).unwrap_or_default().trim_start();
        let parameter = match rest.strip_prefix('=') {
            Some(value) => Some((word, value)),
            None => {
                word.clone_into(&mut scheme);
                rest.split_once('=').map(|(name, value)| (name.trim(), value))
            }
        };
        match parameter {
            Some((name, value)) => found.push((scheme.clone(), name.to_owned(), unquoted(value.trim()))),
            None => found.push((scheme.clone(), String::new(), String::new())),
        }
    }
    found
}

/// What stands between commas that are not within quotes.
fn items(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |c| {
        let ends = c == ',' && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    })
}

/// `quoted-string` (RFC 9110 section 5.6.4), or a token as it stands.
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

const PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDING);
const LENIENT_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDING);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_challenges_is_read() {
        let hybrid = "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", trusted_issuers=\"a@*, b@c\", \
                      token_types=\"x y\", authorization_uri=\"https://login.windows.net/common/oauth2/authorize\", \
                      error=\"invalid_token\"";
        let told = Bearer::parse(["Negotiate", "NTLM", hybrid, "Basic realm=\"mail\""]).unwrap();
        assert_eq!(told.client_id.as_deref(), Some("00000002-0000-0ff1-ce00-000000000000"));
        assert_eq!(told.trusted_issuers.as_deref(), Some("a@*, b@c"));
        assert_eq!(told.authorization_uri.as_deref(), Some("https://login.windows.net/common/oauth2/authorize"));
        assert_eq!(told.error.as_deref(), Some("invalid_token"));
        // All in one line, other schemes before and behind, spaces around the equals sign, no quotes.
        let told = Bearer::parse(["NTLM, Basic error=no, bearer error = invalid_request , Digest error=x"]).unwrap();
        assert_eq!(told.error.as_deref(), Some("invalid_request"));
        let told = Bearer::parse(["Bearer", "NTLM TlRMTVNTUAAC=="]).unwrap();
        assert_eq!(told, Bearer::default());
        assert_eq!(Bearer::parse(["NTLM TlRMTVNTUAAC==", "BearerX error=a", "", ",,"]), None);
        let told = Bearer::parse(["Bearer error=\"a\\\"b,c\", client_id=\"unended"]).unwrap();
        assert_eq!((told.error.as_deref(), told.client_id.as_deref()), (Some("a\"b,c"), Some("unended")));
    }

    #[test]
    fn claims_are_decoded_and_must_be_an_object() {
        let json = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;
        for engine in [LENIENT, LENIENT_URL] {
            let header = format!("Bearer error=\"insufficient_claims\", claims=\"{}\"", engine.encode(json));
            assert_eq!(Bearer::parse([header.as_str()]).unwrap().claims.as_deref(), Some(json));
            let unpadded = header.replace('=', "").replace("error", "error=").replace("claims\"", "claims=\"");
            let unpadded = unpadded.replace("error=\"insufficient_claims=\"", "error=\"insufficient_claims\"");
            assert_eq!(Bearer::parse([unpadded.as_str()]).unwrap().claims.as_deref(), Some(json), "{unpadded}");
        }
        for bad in ["!!", "W10=", "e30"] {
            let told = Bearer::parse([format!("Bearer claims=\"{bad}\"").as_str()]).unwrap();
            assert_eq!(told.claims.is_some(), bad == "e30", "{bad}");
        }
    }
}
