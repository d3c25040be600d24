//! What a request wants to see of each item or folder.

use super::Path;
use crate::{op::Trouble, soap::Element};

/// `BaseShape`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    IdOnly,
    Default,
    AllProperties,
}

/// `BodyType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyType {
    Best,
    Html,
    Text,
}

/// An `ItemShape` or `FolderShape`.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) base: Base,
    pub(crate) mime: bool,
    pub(crate) body: BodyType,
    pub(crate) additional: Vec<Path>,
    /// FindItem and SyncFolderItems give no bodies, recipients or attachments.
    pub(crate) list: bool,
}

impl Shape {
    /// Reads the shape of a request; `None` stands for a missing one, which is the default shape.
    pub(crate) fn read(element: Option<&Element>, list: bool) -> Result<Shape, Trouble> {
        let mut shape = Shape { base: Base::Default, mime: false, body: BodyType::Best, additional: Vec::new(), list };
        let Some(element) = element else { return Ok(shape) };
        shape.base = match element.child_text("BaseShape") {
            Some("IdOnly") => Base::IdOnly,
            Some("AllProperties") => Base::AllProperties,
            _ => Base::Default,
        };
        shape.mime = element.is_true("IncludeMimeContent");
        shape.body = match element.child_text("BodyType") {
            Some("HTML") => BodyType::Html,
            Some("Text") => BodyType::Text,
            _ => BodyType::Best,
        };
        for path in element.list("AdditionalProperties") {
            shape.additional.push(Path::read(path)?);
        }
        Ok(shape)
    }

    /// The shape of a search, which may not ask for message sources. SyncFolderItems may, and gets none: exchangelib's
    /// own tests do so against Exchange Online.
    pub(crate) fn searching(element: Option<&Element>) -> Result<Shape, Trouble> {
        let shape = Shape::read(element, true)?;
        if shape.mime || shape.asks("item:MimeContent") {
            return Err(Trouble::new(
                "ErrorInvalidPropertyRequest",
                "The property can not be used with this type of request.",
            ));
        }
        Ok(shape)
    }

    /// The shape answers to changing operations have: ids only.
    pub(crate) fn ids() -> Shape {
        Shape { base: Base::IdOnly, mime: false, body: BodyType::Best, additional: Vec::new(), list: false }
    }

    /// Whether a property is asked for by name.
    pub(crate) fn asks(&self, uri: &str) -> bool {
        self.additional.iter().any(|path| matches!(path, Path::Field(field) if field == uri))
    }
}
