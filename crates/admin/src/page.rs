//! The pages: HTML made here, forms, and nothing that must run in a browser.

mod account;
mod accounts;
mod audit;
mod chart;
mod events;
mod frame;
mod live;
mod overview;
mod part;
mod sign_in;
mod trials;

use ::accounts::{AccountState, Role, Store};
use http::{Method, StatusCode};

use self::frame::Frame;
use crate::Inner;
use crate::answer::{self, Answer};
use crate::ask::{Asked, piece};
use crate::guard::Who;
use crate::house::House;
use crate::problem::Problem;
use crate::route::{self, Found, Route};

/// What a page shows, or what a form does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Style,
    SignIn,
    Begin,
    SignOut,
    Overview,
    Accounts,
    Account,
    Approve,
    Block,
    Protocols,
    Remove,
    MakeDevice,
    TryOne,
    Synchronise,
    Devices,
    Revoke,
    Mailboxes,
    Sessions,
    EndSession,
    Upstreams,
    Events,
    Audit,
    Trials,
    BeginTrial,
    Trial,
    StopTrial,
}

const fn row(method: Method, path: &'static str, least: Option<Role>, what: Page) -> Route<Page> {
    Route { method, path, least, what }
}

const ANYBODY: Option<Role> = None;
const SEES: Option<Role> = Some(Role::Auditor);
const RUNS: Option<Role> = Some(Role::Operator);
const RULES: Option<Role> = Some(Role::Admin);

/// All there are.
pub(crate) static PAGES: [Route<Page>; 26] = [
    row(Method::GET, "/style.css", ANYBODY, Page::Style),
    row(Method::GET, "/sign-in", ANYBODY, Page::SignIn),
    row(Method::POST, "/sign-in", ANYBODY, Page::Begin),
    row(Method::POST, "/sign-out", SEES, Page::SignOut),
    row(Method::GET, "/", SEES, Page::Overview),
    row(Method::GET, "/accounts", SEES, Page::Accounts),
    row(Method::GET, "/accounts/{address}", SEES, Page::Account),
    row(Method::POST, "/accounts/{address}/approve", RUNS, Page::Approve),
    row(Method::POST, "/accounts/{address}/block", RUNS, Page::Block),
    row(Method::POST, "/accounts/{address}/protocols", RULES, Page::Protocols),
    row(Method::POST, "/accounts/{address}/remove", RULES, Page::Remove),
    row(Method::POST, "/accounts/{address}/devices", RULES, Page::MakeDevice),
    row(Method::POST, "/accounts/{address}/trial", RUNS, Page::TryOne),
    row(Method::POST, "/accounts/{address}/sync", RUNS, Page::Synchronise),
    row(Method::GET, "/devices", SEES, Page::Devices),
    row(Method::POST, "/devices/{id}/revoke", RUNS, Page::Revoke),
    row(Method::GET, "/mailboxes", SEES, Page::Mailboxes),
    row(Method::GET, "/sessions", SEES, Page::Sessions),
    row(Method::POST, "/sessions/{number}/end", RUNS, Page::EndSession),
    row(Method::GET, "/upstreams", SEES, Page::Upstreams),
    row(Method::GET, "/events", SEES, Page::Events),
    row(Method::GET, "/audit", SEES, Page::Audit),
    row(Method::GET, "/trials", SEES, Page::Trials),
    row(Method::POST, "/trials", RUNS, Page::BeginTrial),
    row(Method::GET, "/trials/{id}", SEES, Page::Trial),
    row(Method::POST, "/trials/{id}/stop", RUNS, Page::StopTrial),
];

/// What is asked for, of somebody who may.
pub(crate) struct Visit<'a> {
    asked: &'a Asked,
    who: Who,
    pieces: Vec<String>,
}

impl<S: Store, H: House> Inner<S, H> {
    /// Answers a browser.
    pub(crate) async fn page(&self, asked: &Asked) -> Answer {
        let (row, pieces) = match route::find(&PAGES, asked.method(), asked.path()) {
            Found::Row(row, pieces) => (row, pieces),
            Found::OtherMethods(_) => {
                return frame::problem(
                    None,
                    &Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This page is only to be looked at"),
                );
            }
            Found::Nothing => return frame::problem(None, &Problem::missing("There is no such page")),
        };
        if row.method == Method::POST && !asked.is_ours() {
            return frame::problem(
                None,
                &Problem::new(StatusCode::FORBIDDEN, "Pages of other sites may change nothing here"),
            );
        }
        let who = match self.guard.session(&self.store, asked).await {
            Ok(who) => who,
            Err(problem) => return frame::problem(None, &problem),
        };
        match row.what {
            Page::Style => answer::typed(StatusCode::OK, "text/css; charset=utf-8", include_str!("page/style.css")),
            Page::SignIn => sign_in::form(asked, None),
            Page::Begin => self.begin_session(asked).await,
            _ => match who {
                None if row.method == Method::GET => sign_in::first(asked),
                None => frame::problem(None, &Problem::new(StatusCode::UNAUTHORIZED, "Sign in first")),
                Some(who) => self.known(row, pieces, asked, who).await,
            },
        }
    }

    /// Answers somebody who is signed in.
    async fn known(&self, row: &Route<Page>, pieces: Vec<&str>, asked: &Asked, who: Who) -> Answer {
        let name = who.clone();
        let outcome = async {
            if row.least.is_some_and(|least| who.role < least) {
                let told = format!("You are {}, and this is for {}", who.role, row.least.map_or("", Role::as_str));
                return Err(Problem::new(StatusCode::FORBIDDEN, told));
            }
            let decoded = pieces.into_iter().map(|text| piece(text).map(|text| text.into_owned()));
            let pieces = decoded.collect::<Option<Vec<String>>>().ok_or_else(|| Problem::bad("The path is no text"))?;
            self.visit(row.what, &Visit { asked, who, pieces }).await
        };
        match outcome.await {
            Ok(answer) => answer,
            Err(problem) => frame::problem(Some(&name), &problem),
        }
    }

    async fn visit(&self, what: Page, visit: &Visit<'_>) -> Result<Answer, Problem> {
        match what {
            Page::Style | Page::SignIn | Page::Begin => Err(Problem::missing("There is no such page")),
            Page::SignOut => Ok(self.end_own_session(visit)),
            Page::Overview => self.overview(visit).await,
            Page::Accounts => self.accounts_page(visit).await,
            Page::Account => self.account_page(visit).await,
            Page::Approve => self.state_form(visit, AccountState::Open).await,
            Page::Block => self.state_form(visit, AccountState::Blocked).await,
            Page::Protocols => self.protocols_form(visit).await,
            Page::Remove => self.remove_form(visit).await,
            Page::MakeDevice => self.device_form(visit).await,
            Page::TryOne => self.try_form(visit).await,
            Page::Synchronise => self.sync_form(visit).await,
            Page::Devices => self.devices_page(visit).await,
            Page::Revoke => self.revoke_form(visit).await,
            Page::Mailboxes => self.mailboxes_page(visit).await,
            Page::Sessions => self.sessions_page(visit),
            Page::EndSession => self.end_form(visit).await,
            Page::Upstreams => self.upstreams_page(visit).await,
            Page::Events => self.events_page(visit).await,
            Page::Audit => self.audit_page(visit).await,
            Page::Trials => self.trials_page(visit).await,
            Page::BeginTrial => self.trials_form(visit).await,
            Page::Trial => self.trial_page(visit),
            Page::StopTrial => self.stop_form(visit).await,
        }
    }
}

impl Visit<'_> {
    fn piece(&self) -> &str {
        self.pieces.first().map_or("", String::as_str)
    }

    fn number<T: std::str::FromStr>(&self) -> Result<T, Problem> {
        self.piece().parse().map_err(|_| Problem::missing("There is no such page"))
    }

    /// The last value of that name in the query, if it is not empty.
    fn query(&self, name: &str) -> Option<String> {
        last(self.asked.query(), name)
    }

    /// The same in the form that was sent.
    fn field(&self, name: &str) -> Option<String> {
        last(self.asked.form(), name)
    }

    /// Every value of that name there.
    fn fields(&self, name: &str) -> Vec<String> {
        self.asked.form().into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
    }

    fn may(&self, least: Role) -> bool {
        self.who.role >= least
    }

    /// The frame of a page below that entry of the menu.
    fn frame<'a>(&'a self, title: &'a str) -> Frame<'a> {
        Frame { title, who: Some(&self.who), path: self.asked.path(), done: self.query("done") }
    }
}

fn last(pairs: Vec<(String, String)>, name: &str) -> Option<String> {
    pairs.into_iter().rev().find(|(known, _)| known == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}
