//! Listing mailboxes.

use accounts::Store;
use http::StatusCode;

use super::Call;
use crate::Inner;
use crate::answer::{self, Answer};
use crate::house::House;
use crate::listing::NewListing;
use crate::problem::Problem;

impl<S: Store, H: House> Inner<S, H> {
    pub(super) async fn begin_one_listing(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let NewListing { extent } = call.body()?;
        let begun = self.begin_listing(call.who()?, call.piece(0), extent).await?;
        Ok(answer::json(StatusCode::ACCEPTED, &begun))
    }

    pub(super) async fn show_listing(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        let account = self.account(call.piece(0)).await?;
        let found = self.listings.of(&account.address);
        let none = || Problem::missing(format!("Nothing of {} was listed since the start", account.address));
        Ok(answer::json(StatusCode::OK, &found.ok_or_else(none)?))
    }
}
