//! Accounts and their devices.

use std::collections::BTreeMap;

use accounts::{AccountState, Store};
use http::StatusCode;
use jiff::Timestamp;
use mailbox::Secret;
use serde::Deserialize;
use serde_json::json;

use super::Call;
use crate::act::Wish;
use crate::answer::{self, Answer};
use crate::house::{House, Wanted};
use crate::problem::Problem;
use crate::view::{AccountView, DeviceView, ProgramView};
use crate::{Inner, form};

/// What is to be changed of an account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    state: Option<State>,
    protocols: Option<Vec<String>>,
    /// `null` takes a label off.
    #[serde(default)]
    labels: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Blocked,
}

/// A device to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDevice {
    name: String,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    networks: Vec<String>,
    expires: Option<Timestamp>,
    exchange_password: Option<String>,
}

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn list_accounts(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let query = call.query(&["state", "organisation", "after", "limit"])?;
        let (limit, after) = (query.limit()?, query.text("after").unwrap_or_default());
        let state = query.text("state");
        if state.is_some_and(|state| !["pending", "open", "blocked"].contains(&state)) {
            return Err(Problem::bad("`state` is pending, open or blocked"));
        }
        let mut wanted: Vec<(String, String)> = Vec::new();
        wanted.extend(state.map(|state| ("state".to_owned(), state.to_owned())));
        wanted.extend(query.text("organisation").map(|name| ("organisation".to_owned(), name.to_owned())));
        let all = self.store.accounts().await?.into_iter();
        let mut found = all.filter(|one| one.address.as_str() > after && one.matches(&wanted));
        let some: Vec<AccountView> = found.by_ref().take(limit).map(AccountView::from).collect();
        let next = found.next().and_then(|_| some.last().map(|last| last.address.clone()));
        Ok(answer::json(StatusCode::OK, &json!({ "accounts": some, "next": next })))
    }

    pub(super) async fn show_account(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let account = self.account(call.piece(0)).await?;
        Ok(answer::json(StatusCode::OK, &AccountView::from(account)))
    }

    pub(super) async fn change_account(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let change: Change = call.body()?;
        let state = change.state.map(|state| match state {
            State::Open => AccountState::Open,
            State::Blocked => AccountState::Blocked,
        });
        let scopes = change.protocols.map(|words| form::scopes(words.iter().map(String::as_str))).transpose()?;
        let label = |(name, value): (String, Option<String>)| {
            Ok((form::name(&name)?, value.map(|value| form::name(&value)).transpose()?))
        };
        let labels = change.labels.into_iter().map(label).collect::<Result<_, Problem>>()?;
        let account = self.change(call.who()?, call.piece(0), Wish { state, scopes, labels }).await?;
        Ok(answer::json(StatusCode::OK, &AccountView::from(account)))
    }

    pub(super) async fn set_account(&self, call: &Call<'_>, state: AccountState) -> Result<Answer, Problem> {
        let wish = Wish { state: Some(state), ..Wish::default() };
        let account = self.change(call.who()?, call.piece(0), wish).await?;
        Ok(answer::json(StatusCode::OK, &AccountView::from(account)))
    }

    pub(super) async fn remove_account(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        self.remove(call.who()?, call.piece(0)).await?;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) async fn synchronise_account(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        self.synchronise(call.who()?, call.piece(0)).await?;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) async fn list_devices(&self, address: Option<&str>) -> Result<Answer, Problem> {
        let all = self.store.devices(address).await?;
        let devices: Vec<DeviceView> = all.into_iter().map(DeviceView::from).collect();
        Ok(answer::json(StatusCode::OK, &json!({ "devices": devices })))
    }

    pub(super) async fn make_device_of(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let new: NewDevice = call.body()?;
        let scopes = match &new.scopes {
            None => mailbox::Scopes::ALL,
            Some(words) => form::scopes(words.iter().map(String::as_str))?,
        };
        let wanted = Wanted {
            name: form::name(&new.name)?,
            scopes,
            read_only: new.read_only,
            networks: form::networks(new.networks.iter().map(String::as_str))?,
            expires: new.expires,
        };
        let password = new.exchange_password.map(Secret::new);
        let made = self.make_device(call.who()?, call.piece(0), wanted, password).await?;
        let device = DeviceView::from(self.device(made.id.0).await?);
        let told = json!({ "device": device, "password": made.password.expose() });
        Ok(answer::json(StatusCode::CREATED, &told))
    }

    pub(super) async fn show_device(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let device = self.device(call.number(0)?).await?;
        Ok(answer::json(StatusCode::OK, &DeviceView::from(device)))
    }

    pub(super) async fn revoke_device(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        self.revoke(call.who()?, call.number(0)?).await?;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) async fn list_programs(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let account = self.account(call.piece(0)).await?;
        let all = self.store.sightings(Some(&account.address)).await?;
        let programs: Vec<ProgramView> = all.into_iter().map(ProgramView::from).collect();
        Ok(answer::json(StatusCode::OK, &json!({ "programs": programs })))
    }
}
