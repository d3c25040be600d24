//! Statements of which nobody waits for the answer are sent together with the next one of which somebody does: a page of
//! many changes costs as many round trips as it asks questions.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio_postgres::{Client, Error, Statement};

use super::session::parameters;
use crate::sql::Value;

/// A statement that waits to be sent.
pub(crate) struct Waiting {
    statement: Statement,
    values: Vec<Kept>,
}

/// A value that is kept.
enum Kept {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Waiting {
    pub(crate) fn new(statement: &Statement, values: &[Value<'_>]) -> Self {
        let kept = |value: &Value<'_>| match *value {
            Value::Null | Value::Other => Kept::Null,
            Value::Integer(integer) => Kept::Integer(integer),
            Value::Text(text) => Kept::Text(text.to_owned()),
            Value::Bytes(bytes) => Kept::Bytes(bytes.to_vec()),
        };
        Self { statement: statement.clone(), values: values.iter().map(kept).collect() }
    }

    async fn carry_out(&self, client: &Client) -> Result<(), Error> {
        let values: Vec<Value<'_>> = self.values.iter().map(Kept::value).collect();
        client.execute(&self.statement, &parameters(&values)).await.map(drop)
    }
}

impl Kept {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

/// Sends all that wait and then `last`, and answers what `last` does. If one of those before fails, that is the answer:
/// within a transaction nothing after it took effect.
pub(crate) async fn together<T>(
    client: &Client,
    waiting: &[Waiting],
    last: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut sent = Vec::with_capacity(waiting.len());
    for statement in waiting {
        sent.push(Sent::new(Box::pin(statement.carry_out(client))).await);
    }
    let mut last = pin!(last);
    let early = poll_fn(|context| Poll::Ready(last.as_mut().poll(context))).await;
    for statement in sent {
        statement.answer().await?;
    }
    match early {
        Poll::Ready(answer) => answer,
        Poll::Pending => last.await,
    }
}

/// A statement that is on its way: the client sends when it is first polled, and answers come in order.
enum Sent<F> {
    OnItsWay(Pin<Box<F>>),
    Answered(Result<(), Error>),
}

impl<F: Future<Output = Result<(), Error>>> Sent<F> {
    async fn new(mut statement: Pin<Box<F>>) -> Self {
        match poll_fn(|context| Poll::Ready(statement.as_mut().poll(context))).await {
            Poll::Ready(answer) => Self::Answered(answer),
            Poll::Pending => Self::OnItsWay(statement),
        }
    }

    async fn answer(self) -> Result<(), Error> {
        match self {
            Self::OnItsWay(statement) => statement.await,
            Self::Answered(answer) => answer,
        }
    }
}
