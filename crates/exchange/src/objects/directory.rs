//! The directory as an address book: nobody can list it, everybody can be found in it.

use std::sync::Arc;

use mailbox::objects::{ETag, Object, ObjectEntry, ObjectKind, ObjectName, Person, PersonKind};
use mailbox::{FolderId, ModSeq};
use sha2::{Digest, Sha256};

use super::collections::no_object;
use crate::error::Result;
use crate::live::Live;

impl Live {
    /// Cards of the directory by name: the address and `.vcf`.
    pub(crate) async fn directory_objects(
        self: &Arc<Self>,
        _directory: FolderId,
        names: &[ObjectName],
    ) -> Result<Vec<(ObjectName, Result<Object>)>> {
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let object = match name.0.strip_suffix(".vcf").filter(|address| address.contains('@')) {
                Some(address) => self.person_of(address).await?.map(|person| object(name, &person)),
                None => None,
            };
            found.push((name.clone(), object.ok_or_else(no_object)));
        }
        Ok(found)
    }
}

/// Its ETag follows its text.
fn object(name: &ObjectName, person: &Person) -> Object {
    let hash: [u8; 32] = Sha256::digest(&person.card).into();
    let etag: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let entry = ObjectEntry {
        name: name.clone(),
        kind: if person.kind == PersonKind::Group { ObjectKind::Group } else { ObjectKind::Card },
        etag: ETag(etag),
        schedule_tag: None,
        uid: Some(format!("mailto:{}", person.address)),
        span: None,
        length: Some(person.card.len() as u64),
        modseq: ModSeq(1),
        modified: None,
    };
    Object { entry, text: person.card.clone().into() }
}
