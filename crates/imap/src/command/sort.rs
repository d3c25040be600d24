//! SORT (RFC 5256, 5957), with RETURN (RFC 5267).

use imap_proto::Tag;
use imap_proto::command::sort::{By, Sort};
use imap_proto::response;
use mailbox::SignIn;

use crate::command::reading::{Wanted, read};
use crate::command::search::{Head, found, keep, mod_seq, numbers, saving, tell};
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::order::{Facts, Sorter};
use crate::session::Session;

pub(crate) async fn sort<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    tag: &Tag,
    sort: &Sort,
) -> Result<Answer, Stop> {
    let now = (session.settings.clock)();
    let (account, view) = session.state.selected()?;
    let outcome = async {
        let found = found(account, view, connection, &sort.key, now).await?;
        let mut sorter = Sorter::new(&sort.criteria);
        let take = |facts: &Facts<'_>| sorter.add(facts);
        read(account, connection, view.folder, &found, wanted(sort), take).await?;
        Ok(sorter.sorted())
    };
    let outcome = outcome.await;
    let sorted = saving(view, sort.returns.as_deref(), outcome)?;
    let numbers = numbers(view, sort.numbering, &sorted);
    let mod_seq = mod_seq(|uid| view.modseq(uid), &sort.key, sort.returns.as_deref(), &sorted);
    match &sort.returns {
        None => response::sort(&mut connection.out, &numbers, mod_seq),
        Some(returns) => {
            let head = Head { tag, source: None, numbering: sort.numbering };
            tell(&mut connection.out, head, returns, &numbers, mod_seq);
            keep(view, returns, &sorted);
        }
    }
    Ok(Answer::ok("Sorted"))
}

/// Where the criteria are looked up.
fn wanted(sort: &Sort) -> Wanted {
    let by = |wanted: &[By]| sort.criteria.iter().any(|criterion| wanted.contains(&criterion.by));
    Wanted {
        received: by(&[By::Arrival, By::Date]),
        size: by(&[By::Size]),
        header: !sort.criteria.iter().all(|criterion| matches!(criterion.by, By::Arrival | By::Size)),
    }
}
