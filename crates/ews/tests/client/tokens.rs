//! Tokens that end while they are used.

use std::sync::{Arc, Mutex};

use ews::oauth::{Challenge, TokenFuture, TokenSource};
use ews::{Cause, Error, ErrorKind, Identity, Secret};

use crate::fake::{Fake, Step, http, ok};
use crate::transport::inbox;

/// Gives out `token-1`, and the next one each time a token was refused.
#[derive(Debug, Default)]
struct Tokens {
    refusals: Mutex<Vec<Challenge>>,
    empty: bool,
}

impl TokenSource for Tokens {
    fn token<'a>(&'a self, refused: Option<&'a Challenge>) -> TokenFuture<'a> {
        Box::pin(async move {
            let mut refusals = self.refusals.lock().unwrap();
            refusals.extend(refused.cloned());
            if self.empty && !refusals.is_empty() {
                return Err(Error::sign_in("sign in again", Cause::GrantLost));
            }
            Ok(Secret::new(format!("token-{}", refusals.len() + 1)))
        })
    }

    fn key(&self) -> String {
        "anna".to_owned()
    }
}

fn refused() -> Step {
    let bearer = "Bearer client_id=\"x\", error=\"invalid_token\"";
    let diagnostics = "2000002;reason=\"The token has expired.\";error_category=\"token_expired\"";
    Step::Send(http(
        "401 Unauthorized",
        &format!("WWW-Authenticate: {bearer}\r\nx-ms-diagnostics: {diagnostics}\r\n"),
        "",
    ))
}

fn shown(fake: &Fake) -> Vec<String> {
    fake.seen().iter().map(|seen| seen.header("authorization").unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_token_that_has_ended_is_replaced_once() {
    let fake = Fake::start([refused(), Step::Send(ok()), refused(), Step::Send(ok())]).await;
    let source = Arc::new(Tokens::default());
    let client = fake.server(|_| {}).client(Identity::Tokens(source.clone()));
    client.call(&inbox()).await.unwrap();
    client.call(&inbox()).await.unwrap();
    assert_eq!(shown(&fake), ["Bearer token-1", "Bearer token-2", "Bearer token-2", "Bearer token-3"]);
    let refusals = source.refusals.lock().unwrap();
    assert_eq!(refusals[0].token.as_ref().unwrap().expose(), "token-1");
    assert_eq!(refusals[0].bearer.error.as_deref(), Some("invalid_token"));
    assert_eq!(refusals[0].diagnostics.as_ref().unwrap().id, 2_000_002);
    assert!(!format!("{refusals:?}").contains("token-1"));
}

#[tokio::test]
async fn a_second_refusal_is_the_answer() {
    let fake = Fake::start([refused()]).await;
    let client = fake.server(|_| {}).client(Identity::Tokens(Arc::new(Tokens::default())));
    let error = client.call(&inbox()).await.unwrap_err();
    assert_eq!((error.kind.clone(), error.cause), (ErrorKind::SignIn, Some(Cause::Token)));
    assert!(
        error.message.starts_with("the access token has expired; if it is new, the clocks differ (2000002"),
        "{error}"
    );
    assert_eq!(fake.seen().len(), 2);
    assert_eq!(client.call(&inbox()).await.unwrap_err().kind, ErrorKind::SignIn);
    assert_eq!(fake.seen().len(), 2, "and Exchange is left alone");
}

#[tokio::test]
async fn who_has_no_other_token_says_why() {
    let fake = Fake::start([refused()]).await;
    let source = Arc::new(Tokens { empty: true, ..Tokens::default() });
    let client = fake.server(|_| {}).client(Identity::Tokens(source));
    let error = client.call(&inbox()).await.unwrap_err();
    assert_eq!((error.cause, error.message.as_str()), (Some(Cause::GrantLost), "sign in again"));
    assert!(client.refused_until().is_none(), "Exchange has refused nobody");
}
