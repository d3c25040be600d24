//! Trying mailboxes.

use accounts::Store;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::Call;
use crate::Inner;
use crate::answer::{self, Answer};
use crate::house::House;
use crate::problem::Problem;
use crate::trial::Order;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTrial {
    #[serde(default)]
    accounts: Vec<String>,
    #[serde(default)]
    outgoing: bool,
    #[serde(default)]
    approve: bool,
}

impl<S: Store, H: House> Inner<S, H> {
    pub(super) fn list_trials(&self) -> Result<Answer, Problem> {
        Ok(answer::json(StatusCode::OK, &json!({ "trials": self.trials.list() })))
    }

    pub(super) async fn begin_one_trial(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let NewTrial { accounts, outgoing, approve } = call.body()?;
        let id = self.begin_trial(call.who()?, Order { accounts, outgoing, approve }).await?;
        let (trial, _) = self.trials.one(id)?;
        Ok(answer::json(StatusCode::ACCEPTED, &trial))
    }

    pub(super) fn show_trial(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let (trial, results) = self.trials.one(call.number(0)?)?;
        Ok(answer::json(StatusCode::OK, &json!({ "trial": trial, "results": results })))
    }

    pub(super) async fn stop_one_trial(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        self.stop_trial(call.who()?, call.number(0)?).await?;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }
}
