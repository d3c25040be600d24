//! FindFolder: the folders inside a folder.

use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{Folder, FolderRef, FolderShape, Page, Restriction, Version};
use crate::{Error, ItemError};

/// Lists folders.
#[derive(Clone, Debug)]
pub struct FindFolder {
    /// Inside which.
    pub parent: FolderRef,
    /// How deep.
    pub traversal: Traversal,
    /// What of them.
    pub shape: FolderShape,
    /// Only those of which this holds.
    pub restriction: Option<Restriction>,
    /// One page of them; Exchange gives at most 1000 at a time.
    pub page: Option<Page>,
}

/// How deep a listing goes (EWS "FolderQueryTraversal").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traversal {
    /// Directly inside.
    Shallow,
    /// All the way down.
    Deep,
}

/// A page of folders.
#[derive(Clone, Debug, Default)]
pub struct FolderPage {
    /// The folders.
    pub folders: Vec<Folder>,
    /// The offset of the next page; None after the last.
    pub next: Option<u32>,
    /// How many there are in all.
    pub total: Option<u32>,
}

impl Operation for FindFolder {
    type Payload = Found;
    type Answer = FolderPage;
    const NAME: &'static str = "FindFolder";

    fn wished(&self) -> Version {
        self.required().max(self.shape.since()).max(self.parent.since())
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let traversal = match self.traversal {
            Traversal::Shallow => "Shallow",
            Traversal::Deep => "Deep",
        };
        xml.within("m:FindFolder", &[("Traversal", traversal)], |xml| {
            self.shape.write(xml, version);
            if let Some(page) = self.page {
                page.write(xml, "m:IndexedPageFolderView");
            }
            if let Some(restriction) = &self.restriction {
                restriction.write_root(xml);
            }
            xml.within("m:ParentFolderIds", &[], |xml| self.parent.write(xml));
        });
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<FolderPage, Error> {
        let found = only(messages)?;
        Ok(FolderPage { folders: found.folders, next: found.place.next(), total: found.place.total })
    }
}

/// The payload of FindFolder.
#[derive(Debug, Default)]
pub struct Found {
    folders: Vec<Folder>,
    place: Place,
}

impl Payload for Found {
    fn take(&mut self, container: &str, element: Element) {
        match container {
            "Folders" if Folder::is(&element) => self.folders.push(Folder::read(&element)),
            _ if element.name() == "RootFolder" => self.place = Place::read(&element),
            _ => {}
        }
    }
}

/// Where a page stands in the whole, from the attributes of `RootFolder`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    next: Option<u32>,
    pub(crate) last: bool,
    pub(crate) total: Option<u32>,
}

impl Place {
    pub(crate) fn read(root: &Element) -> Place {
        let number = |name| root.attribute(name).and_then(|text| text.parse().ok());
        Place {
            next: number("IndexedPagingOffset"),
            last: root.attribute("IncludesLastItemInRange") != Some("false"),
            total: number("TotalItemsInView"),
        }
    }

    /// The offset to go on from, if there is more.
    pub(crate) fn next(self) -> Option<u32> {
        if self.last { None } else { self.next }
    }
}
