//! The first call of a sign-in.

use std::time::Instant;

use ews::op::get_folder::GetFolder;
use ews::{Client, DistinguishedFolder, FolderRef, FolderShape};

use crate::convert::ROLES;
use crate::objects::{Bytes, quota_of, quota_paths};
use crate::stamps::{self, SignIn};

/// What the mailbox tells whoever signs in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Greeting {
    /// Exchange ids of the folders with a part to play, in any language.
    pub(crate) roles: Vec<(String, DistinguishedFolder)>,
    /// How full it is.
    pub(crate) quota: Option<Bytes>,
    /// When the contents of these folders last changed.
    pub(crate) stamps: Option<SignIn>,
}

impl Greeting {
    /// The id of the mailbox's top folder, which no other mailbox has.
    pub(crate) fn top(&self) -> Option<&str> {
        self.roles.iter().find(|(_, role)| *role == DistinguishedFolder::Top).map(|(id, _)| id.as_str())
    }
}

/// One cheap call that proves the password. It looks at `others` too, and tells the ids of those that are open.
pub(crate) async fn greet(
    client: &Client,
    others: Vec<FolderRef>,
) -> Result<(Greeting, Vec<Option<String>>), ews::Error> {
    let oldest = ews::Version::Exchange2007;
    let known = ROLES.iter().map(|(role, _)| *role).filter(|role| role.since() == oldest);
    let asked: Vec<DistinguishedFolder> =
        [DistinguishedFolder::Top].into_iter().chain(known).chain([DistinguishedFolder::Root]).collect();
    let folders = asked.iter().map(|folder| (*folder).into()).chain(others).collect();
    let shape = FolderShape::of(quota_paths().into_iter().chain(stamps::paths()));
    let at = Instant::now();
    let mut answers = client.call(&GetFolder { folders, shape }).await?;
    let id = |folder: ews::Folder| folder.id.map(|id| id.id);
    let others = answers.split_off(asked.len().min(answers.len()));
    let others = others.into_iter().map(|other| id(other.ok()?)).collect();
    let quota = answers.pop().and_then(|root| quota_of(&root.ok()?));
    // Without the top of it there is no mailbox. It may lack others, such as junk mail before its owner first signs
    // in: that is no error.
    if let Some(Err(error)) = answers.first() {
        return Err(error.clone().into());
    }
    let stamps = client.server_time().map(|now| SignIn::new(answers.iter().flatten(), now, at));
    let roles = answers.into_iter().zip(asked).filter_map(|(answer, role)| Some((id(answer.ok()?)?, role))).collect();
    Ok((Greeting { roles, quota, stamps }, others))
}
