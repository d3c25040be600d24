//! What there is beside accounts: who is in, what happened, what was done.

use accounts::{Account, Store};
use http::StatusCode;
use serde_json::json;

use super::Call;
use crate::Inner;
use crate::answer::{self, Answer};
use crate::house::House;
use crate::problem::Problem;
use crate::view::{AdministratorView, EntryView};

pub(super) fn who_am_i(call: &Call<'_>) -> Result<Answer, Problem> {
    let who = call.who()?;
    Ok(answer::json(StatusCode::OK, &json!({ "name": who.name, "role": who.role.as_str() })))
}

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn list_administrators(&self) -> Result<Answer, Problem> {
        let all = self.store.administrators().await?;
        let all: Vec<AdministratorView> = all.into_iter().map(AdministratorView::from).collect();
        Ok(answer::json(StatusCode::OK, &json!({ "administrators": all })))
    }

    pub(super) fn list_upstreams(&self) -> Result<Answer, Problem> {
        Ok(answer::json(StatusCode::OK, &json!({ "upstreams": self.house.upstreams() })))
    }

    pub(super) fn list_sessions(&self) -> Result<Answer, Problem> {
        Ok(answer::json(StatusCode::OK, &json!({ "sessions": self.house.sessions() })))
    }

    pub(super) async fn end_one_session(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        self.end_session(call.who()?, call.number(0)?).await?;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) async fn list_mailboxes(&self) -> Result<Answer, Problem> {
        Ok(answer::json(StatusCode::OK, &json!({ "mailboxes": self.house.mailboxes().await })))
    }

    pub(super) async fn list_problems(&self, of: Option<&Account>) -> Result<Answer, Problem> {
        Ok(answer::json(StatusCode::OK, &json!({ "problems": self.house.unreadable(of).await? })))
    }

    pub(super) async fn list_events(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let query = call.query(&["account", "limit"])?;
        let names = self.names_of(query.text("account")).await?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(answer::json(StatusCode::OK, &json!({ "events": self.house.events(&names, query.limit()?) })))
    }

    /// All names by which events may speak of somebody: as they were asked for, and what their mailbox is called.
    pub(crate) async fn names_of(&self, address: Option<&str>) -> Result<Vec<String>, Problem> {
        let Some(address) = address.map(str::to_lowercase) else { return Ok(Vec::new()) };
        let account = self.store.account(&address).await?;
        let mailbox = account.and_then(|account| account.mailbox).filter(|mailbox| *mailbox != address);
        Ok(std::iter::once(address).chain(mailbox).collect())
    }

    pub(super) async fn list_audit(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let query = call.query(&["after", "limit"])?;
        let after = query.number("after", 0)?;
        let most = u32::try_from(query.limit()?).unwrap_or(u32::MAX);
        let some = self.store.audit(after, most).await?;
        let next = some.last().filter(|_| some.len() == most as usize).map(|last| last.number);
        let entries: Vec<EntryView> = some.into_iter().map(EntryView::from).collect();
        Ok(answer::json(StatusCode::OK, &json!({ "entries": entries, "next": next })))
    }

    pub(super) async fn verify_audit(&self) -> Result<Answer, Problem> {
        let verdict = self.verify().await?;
        let told = json!({ "entries": verdict.entries, "head": verdict.head, "broken": verdict.broken });
        Ok(answer::json(StatusCode::OK, &told))
    }
}
