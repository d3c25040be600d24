//! Signing in with an access token (RFC 6750), which is passed on to Exchange.
//!
//! A token says of itself whose it is, and Exchange says whether it is good. That is not enough: what a token says may
//! be chosen by its owner, who is somebody else to Exchange. So Exchange is asked, with the token, for the mailbox of
//! each name the token gives, and for its owner's own: a name counts if both are the same mailbox.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ews::{DistinguishedFolder, FolderRef, Identity};
use mailbox::{Error, ErrorKind, Secret, Trace};

use super::desk::Means;
use super::place::Person;
use super::upstream::Entered;
use super::{Inner, no_tokens};
use crate::account::Account;
use crate::error::{Result, Tried};

impl Inner {
    /// Lets somebody in by a token.
    pub(super) async fn sign_in_with_token(self: &Arc<Self>, token: &Secret<String>) -> Result<Account> {
        let names = names(token.expose());
        let people: Vec<Person> = names.iter().filter_map(|name| self.place(name)).collect();
        let first = people.first().cloned().ok_or_else(unnamed)?;
        if !self.upstream(first.organisation)?.organisation.tokens {
            return Err(no_tokens());
        }
        // One token is for one Exchange.
        let people: Vec<Person> =
            people.into_iter().filter(|person| person.organisation == first.organisation).collect();
        for person in &people {
            if let Some(account) = self.desk(person).join(&person.name, &self.hash(&person.name, token.expose())) {
                return Ok(account);
            }
        }
        // A task of its own: a client that hangs up after its token was sent must not undo that it was refused.
        let (inner, token) = (Arc::clone(self), token.clone());
        let verified = tokio::spawn(Trace::carried(async move {
            let (identity, entered, person) = inner.whose(&first, &people, &token).await?;
            let hash = inner.hash(&person.name, token.expose());
            let desk = inner.desk(&person);
            let _door = Arc::clone(&desk.door).lock_owned().await;
            inner.admit(&desk, person, identity, entered, (Means::Token, hash)).await
        }));
        verified
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the gateway could not sign in; its log says why")))
    }

    /// Asks Exchange whose mailbox this token opens. The desk of `first` counts the tries.
    async fn whose(
        &self,
        first: &Person,
        people: &[Person],
        token: &Secret<String>,
    ) -> Result<(Identity, Entered, Person)> {
        let hash = self.hash(&first.name, token.expose());
        let desk = self.desk(first);
        let _door = Arc::clone(&desk.door).lock_owned().await;
        desk.check(&first.name, &hash, Means::Token)?;
        let identity = Identity::Bearer { token: ews::Secret::new(token.expose().as_str()) };
        let theirs = |person: &Person| FolderRef::DistinguishedOf(DistinguishedFolder::Top, person.name.clone());
        let others = people.iter().map(theirs).collect();
        let upstream = self.upstream(first.organisation)?;
        let mut entered = match Box::pin(upstream.enter(first, &identity, others)).await {
            Ok(entered) => entered,
            Err(error) => {
                self.not_let_in(&desk, first, (Means::Token, hash), &error);
                return Err(Tried::new("you could not be signed in").not_let_in(&error));
            }
        };
        let claimed = std::mem::take(&mut entered.others);
        let own = entered.greeting.top();
        let is_own = |claimed: &Option<String>| own.is_some() && claimed.as_deref() == own;
        let Some((person, _)) = people.iter().zip(claimed).find(|(_, claimed)| is_own(claimed)) else {
            tracing::info!(name = first.name, "Exchange takes a token, but it opens a mailbox of another name");
            desk.refuse(hash, Means::Token);
            return Err(unnamed());
        };
        Ok((identity, entered, person.clone()))
    }
}

/// The mail addresses a token (RFC 7519) says are its owner's, in lower case, the most likely one first. Nobody has
/// vouched for them.
fn names(token: &str) -> Vec<String> {
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
    let claims = claims.and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok()).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for name in CLAIMS.iter().filter_map(|claim| claims.get(claim)?.as_str()) {
        let name = name.trim().to_lowercase();
        let is_address = name.contains('@') && name.len() <= LONGEST && !name.contains(char::is_control);
        if is_address && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn unnamed() -> Error {
    Error::new(ErrorKind::SignIn, "the token does not name a mailbox that Exchange opens with it; sign in again")
}

/// Where issuers name the owner: Entra ID, AD FS, OpenID Connect.
const CLAIMS: [&str; 4] = ["upn", "preferred_username", "unique_name", "email"];
/// RFC 5321 section 4.5.3.1.3, roughly.
const LONGEST: usize = 320;

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_names_its_owner() {
        let claims = r#"{"email":"a@x.example","upn":"Anna@X.example","unique_name":"X\\anna","exp":7,"preferred_username":"anna@x.example"}"#;
        assert_eq!(names(&token(claims)), ["anna@x.example", "a@x.example"]);
        assert_eq!(names(&token(r#"{"upn":["a@x.example"]}"#)), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_token_names_nobody() {
        for text in ["", ".", "a.b.c", "..", "a.ä.c", &token("[]"), &token("{"), &token(r#"{"upn":"a\u0000@b"}"#)] {
            assert!(names(text).is_empty(), "{text}");
        }
    }
}
