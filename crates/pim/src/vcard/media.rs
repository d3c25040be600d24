//! PHOTO, LOGO, SOUND and KEY: inline data with its type, in either version.
//!
//! 3.0 writes `PHOTO;ENCODING=b;TYPE=JPEG:<base64>`, 4.0 writes `PHOTO:data:image/jpeg;base64,<base64>`; a link is
//! `PHOTO;VALUE=uri:https://...` in 3.0 and `PHOTO:https://...` in 4.0.

use crate::Property;

/// What PHOTO, LOGO, SOUND or KEY holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// The data itself.
    Inline {
        /// Its media type, such as `image/jpeg`, if it is told or can be seen.
        media_type: Option<String>,
        /// Base64 as it stands there, without blanks.
        base64: String,
    },
    /// Where the data are.
    Uri {
        /// Its media type, if it is told.
        media_type: Option<String>,
        /// The link.
        uri: String,
    },
    /// Text, for KEY.
    Text {
        /// Its media type, if it is told.
        media_type: Option<String>,
        /// The value, still escaped.
        value: String,
    },
}

impl Media {
    /// Reads the property, of either version.
    #[must_use]
    pub fn of(property: &Property) -> Self {
        let format = property.parameter_values("TYPE").flat_map(|list| list.split(',')).find(|word| is_format(word));
        let told = property.parameter("MEDIATYPE").map(str::to_owned);
        let media_type = told.or_else(|| format.map(|format| media_type(&property.name, format)));
        let value = property.value.trim();
        if ENCODINGS.iter().any(|encoding| property.has_parameter("ENCODING", encoding) || is_bare(property, encoding))
        {
            let base64: String = value.chars().filter(|char| !char.is_whitespace()).collect();
            let media_type = media_type.or_else(|| seen(&base64).map(str::to_owned));
            return Self::Inline { media_type, base64 };
        }
        if let Some((kind, base64)) = data_uri(value) {
            let media_type = (kind != OCTETS && !kind.is_empty()).then(|| kind.to_owned());
            return Self::Inline { media_type, base64: base64.to_owned() };
        }
        let scheme = value.split_once(':').is_some_and(|(scheme, _)| {
            scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
        });
        if property.has_parameter("VALUE", "text") || !(scheme || property.has_parameter("VALUE", "uri")) {
            return Self::Text { media_type, value: property.value.clone() };
        }
        Self::Uri { media_type, uri: value.to_owned() }
    }

    /// Writes it into a property of vCard 3.0, whose other parameters stay.
    pub fn to_v3(&self, property: &mut Property) {
        strip(property);
        let media_type = match self {
            Self::Inline { media_type, base64 } => {
                property.value.clone_from(base64);
                property.set_parameter("ENCODING", "b");
                media_type
            }
            Self::Uri { media_type, uri } => {
                property.value.clone_from(uri);
                property.set_parameter("VALUE", "uri");
                media_type
            }
            Self::Text { media_type, value } => {
                property.value.clone_from(value);
                media_type
            }
        };
        if let Some(media_type) = media_type {
            property.parameters.push(crate::Parameter { name: "TYPE".into(), values: vec![format_name(media_type)] });
        }
    }

    /// Writes it into a property of vCard 4.0, whose other parameters stay.
    pub fn to_v4(&self, property: &mut Property) {
        strip(property);
        match self {
            Self::Inline { media_type, base64 } => {
                let media_type = media_type.as_deref().unwrap_or(OCTETS);
                property.value = format!("data:{media_type};base64,{base64}");
            }
            Self::Uri { media_type, uri } => {
                property.value.clone_from(uri);
                if let Some(media_type) = media_type {
                    property.set_parameter("MEDIATYPE", media_type.as_str());
                }
            }
            Self::Text { media_type, value } => {
                property.value.clone_from(value);
                property.set_parameter("VALUE", "text");
                if let Some(media_type) = media_type {
                    property.set_parameter("MEDIATYPE", media_type.as_str());
                }
            }
        }
    }
}

/// Takes away what tells of form and format.
fn strip(property: &mut Property) {
    for name in ["ENCODING", "VALUE", "MEDIATYPE"] {
        property.remove_parameter(name);
    }
    property.parameters.retain(|parameter| !ENCODINGS.iter().any(|encoding| parameter.is(encoding)));
    for parameter in property.parameters.iter_mut().filter(|parameter| parameter.is("TYPE")) {
        parameter.values.retain(|value| !value.split(',').all(is_format));
    }
    property.parameters.retain(|parameter| !parameter.is("TYPE") || !parameter.values.is_empty());
}

fn is_bare(property: &Property, word: &str) -> bool {
    property.parameters.iter().any(|parameter| parameter.values.is_empty() && parameter.is(word))
}

/// Whether a TYPE says what the data are, not whose.
fn is_format(word: &str) -> bool {
    !["home", "work", "pref", "other", ""].iter().any(|other| word.trim().eq_ignore_ascii_case(other))
}

fn data_uri(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = value.split_once(':')?;
    let (kind, data) = rest.split_once(',')?;
    let kind = kind.strip_suffix(";base64")?;
    scheme.eq_ignore_ascii_case("data").then_some((kind, data))
}

fn media_type(property: &str, format: &str) -> String {
    if format.contains('/') {
        return format.to_ascii_lowercase();
    }
    if let Some((_, media_type)) = FORMATS.iter().find(|(name, _)| name.eq_ignore_ascii_case(format)) {
        return (*media_type).to_owned();
    }
    let main = match property.to_ascii_uppercase().as_str() {
        "SOUND" => "audio",
        "KEY" => "application",
        _ => "image",
    };
    format!("{main}/{}", format.to_ascii_lowercase())
}

/// The word of vCard 3.0 for a media type; one that has none stands whole.
fn format_name(media_type: &str) -> String {
    if let Some((name, _)) = FORMATS.iter().find(|(_, known)| known.eq_ignore_ascii_case(media_type)) {
        return (*name).to_owned();
    }
    match media_type.split_once('/') {
        Some(("image" | "audio", format)) if !format.contains([';', '=']) => format.to_ascii_uppercase(),
        _ => media_type.to_owned(),
    }
}

/// The type of an image by its first octets, in Base64.
fn seen(base64: &str) -> Option<&'static str> {
    let signs =
        [("/9j/", "image/jpeg"), ("iVBORw0KGgo", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    signs.iter().find(|(sign, _)| base64.starts_with(sign)).map(|(_, media_type)| *media_type)
}

const ENCODINGS: [&str; 2] = ["B", "BASE64"];
const OCTETS: &str = "application/octet-stream";

/// Words that are not just the second half of the media type; of several for one, the first is written.
const FORMATS: [(&str, &str); 10] = [
    ("JPEG", "image/jpeg"),
    ("JPG", "image/jpeg"),
    ("TIFF", "image/tiff"),
    ("BASIC", "audio/basic"),
    ("WAVE", "audio/wav"),
    ("MP3", "audio/mpeg"),
    ("PCM", "audio/l16"),
    ("X509", "application/pkix-cert"),
    ("PGP", "application/pgp-keys"),
    ("SSH", "application/x-ssh-key"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (v3, v4) in [
            ("PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ", "PHOTO:data:image/jpeg;base64,/9j/4AAQ"),
            ("PHOTO;X-A=1;ENCODING=b;TYPE=PNG:iVBORw0KGgo=", "PHOTO;X-A=1:data:image/png;base64,iVBORw0KGgo="),
            ("LOGO;ENCODING=b:AAAA", "LOGO:data:application/octet-stream;base64,AAAA"),
            (
                "PHOTO;TYPE=home;VALUE=uri;TYPE=GIF:https://a.example/x",
                "PHOTO;TYPE=home;MEDIATYPE=image/gif:https://a.example/x",
            ),
            ("PHOTO;VALUE=uri:https://a.example/x", "PHOTO:https://a.example/x"),
            ("SOUND;ENCODING=b;TYPE=BASIC:MIICajC=", "SOUND:data:audio/basic;base64,MIICajC="),
            ("KEY;ENCODING=b;TYPE=PGP:mQENBE", "KEY:data:application/pgp-keys;base64,mQENBE"),
            ("KEY;ENCODING=b;TYPE=X509:MIIC", "KEY:data:application/pkix-cert;base64,MIIC"),
            ("KEY;TYPE=PGP:-----BEGIN PGP", "KEY;VALUE=text;MEDIATYPE=application/pgp-keys:-----BEGIN PGP"),
        ] {
            let (one, two) = (line(v3), line(v4));
            assert_eq!(Media::of(&one), Media::of(&two), "{v3}");
            let (mut new, mut old) = (one.clone(), two.clone());
            Media::of(&one).to_v4(&mut new);
            Media::of(&two).to_v3(&mut old);
            assert_eq!((new.write_line().as_str(), old.write_line().as_str()), (v4, v3));
        }
        let old = Media::of(&line("PHOTO;JPEG;BASE64:/9j/ 4AAQ"));
        assert_eq!(old, Media::Inline { media_type: Some("image/jpeg".into()), base64: "/9j/4AAQ".into() });
    }

    fn line(text: &str) -> Property {
        crate::parse(&format!("BEGIN:X\n{text}\nEND:X")).unwrap().remove(0).properties.remove(0)
    }
}
