use super::{BodyKind, Path, Version};
use crate::soap::Xml;

/// The set of properties asked for without naming each (EWS "BaseShape").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BaseShape {
    /// The id only: Microsoft's advice, and cheap.
    #[default]
    IdOnly,
    /// What a list of mail shows.
    Default,
    /// Nearly everything, except what is expensive.
    AllProperties,
}

impl BaseShape {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BaseShape::IdOnly => "IdOnly",
            BaseShape::Default => "Default",
            BaseShape::AllProperties => "AllProperties",
        }
    }
}

/// Which properties of items an answer shall hold (EWS "ItemShape").
#[derive(Clone, Debug, Default)]
pub struct ItemShape {
    /// The base set.
    pub base: BaseShape,
    /// The form of the body, if bodies are asked for; Exchange chooses when None.
    pub body: Option<BodyKind>,
    /// Properties beyond the base set. Those the server is too old for are left out of the request.
    pub additional: Vec<Path>,
}

impl ItemShape {
    /// The id and these properties.
    pub fn of(additional: impl IntoIterator<Item = Path>) -> ItemShape {
        ItemShape { additional: additional.into_iter().collect(), ..ItemShape::default() }
    }

    pub(crate) fn since(&self) -> Version {
        self.additional.iter().map(Path::since).max().unwrap_or(Version::Exchange2007)
    }

    pub(crate) fn write(&self, xml: &mut Xml, version: Version) {
        self.write_with(xml, version, Mime::Left);
    }

    pub(crate) fn write_with_mime(&self, xml: &mut Xml, version: Version) {
        self.write_with(xml, version, Mime::Included);
    }

    fn write_with(&self, xml: &mut Xml, version: Version, mime: Mime) {
        xml.within("m:ItemShape", &[], |xml| {
            xml.text("t:BaseShape", self.base.as_str());
            if let Mime::Included = mime {
                xml.text("t:IncludeMimeContent", "true");
            }
            if let Some(body) = self.body {
                xml.text("t:BodyType", body.as_str());
            }
            write_additional(xml, version, &self.additional);
        });
    }
}

enum Mime {
    Left,
    Included,
}

/// Which properties of folders an answer shall hold (EWS "FolderShape").
#[derive(Clone, Debug, Default)]
pub struct FolderShape {
    /// The base set.
    pub base: BaseShape,
    /// Properties beyond the base set. Those the server is too old for are left out of the request.
    pub additional: Vec<Path>,
}

impl FolderShape {
    /// The id and these properties.
    pub fn of(additional: impl IntoIterator<Item = Path>) -> FolderShape {
        FolderShape { additional: additional.into_iter().collect(), ..FolderShape::default() }
    }

    pub(crate) fn since(&self) -> Version {
        self.additional.iter().map(Path::since).max().unwrap_or(Version::Exchange2007)
    }

    pub(crate) fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:FolderShape", &[], |xml| {
            xml.text("t:BaseShape", self.base.as_str());
            write_additional(xml, version, &self.additional);
        });
    }
}

fn write_additional(xml: &mut Xml, version: Version, paths: &[Path]) {
    let mut known = paths.iter().filter(|path| path.since() <= version).peekable();
    if known.peek().is_some() {
        xml.within("t:AdditionalProperties", &[], |xml| known.for_each(|path| path.write(xml)));
    }
}
