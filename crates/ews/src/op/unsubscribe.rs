//! Unsubscribe: end a subscription.

use crate::operation::{Nothing, Operation, only};
use crate::soap::Xml;
use crate::types::Version;
use crate::{Error, ItemError};

/// Ends a subscription.
#[derive(Clone, Debug)]
pub struct Unsubscribe {
    /// Which.
    pub subscription: String,
}

impl Operation for Unsubscribe {
    type Payload = Nothing;
    type Answer = ();
    const NAME: &'static str = "Unsubscribe";
    const AFFINE: bool = true;

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:Unsubscribe", &[], |xml| xml.text("m:SubscriptionId", &self.subscription));
    }

    fn answer(&self, messages: Vec<Result<Nothing, ItemError>>) -> Result<(), Error> {
        only(messages).map(|_| ())
    }
}
