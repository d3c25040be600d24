//! The interface for programs: `/api/v1`. Values are JSON, problems are RFC 9457.

mod accounts;
mod body;
mod listings;
mod query;
mod rest;
mod trials;

use ::accounts::{Role, Store};
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use crate::answer::{self, Answer};
use crate::ask::{Asked, piece};
use crate::guard::Who;
use crate::house::House;
use crate::problem::Problem;
use crate::route::{self, Found, Route};
use crate::{Inner, openapi};

/// Where it begins.
pub(crate) const ROOT: &str = "/api/v1";

/// What can be asked for. `openapi.rs` says of each what it takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Describe,
    Status,
    WhoAmI,
    ListAdministrators,
    ListUpstreams,
    ListAccounts,
    ShowAccount,
    ChangeAccount,
    ApproveAccount,
    BlockAccount,
    RemoveAccount,
    Synchronise,
    BeginListing,
    ShowListing,
    ListDevices,
    ListDevicesOf,
    MakeDevice,
    ShowDevice,
    RevokeDevice,
    ListPrograms,
    ListSessions,
    EndSession,
    ListMailboxes,
    ListProblems,
    ListProblemsOf,
    ListEvents,
    ListAudit,
    VerifyAudit,
    ListTrials,
    BeginTrial,
    ShowTrial,
    StopTrial,
}

const fn row(method: Method, path: &'static str, least: Option<Role>, what: Operation) -> Route<Operation> {
    Route { method, path, least, what }
}

const ANYBODY: Option<Role> = None;
const SEES: Option<Role> = Some(Role::Auditor);
const RUNS: Option<Role> = Some(Role::Operator);
const RULES: Option<Role> = Some(Role::Admin);

/// All there is.
pub(crate) static ROUTES: [Route<Operation>; 32] = [
    row(Method::GET, "/api/v1/openapi.json", ANYBODY, Operation::Describe),
    // Numbers only, nobody by name.
    row(Method::GET, "/api/v1/status", ANYBODY, Operation::Status),
    row(Method::GET, "/api/v1/me", SEES, Operation::WhoAmI),
    row(Method::GET, "/api/v1/administrators", SEES, Operation::ListAdministrators),
    row(Method::GET, "/api/v1/upstreams", SEES, Operation::ListUpstreams),
    row(Method::GET, "/api/v1/accounts", SEES, Operation::ListAccounts),
    row(Method::GET, "/api/v1/accounts/{address}", SEES, Operation::ShowAccount),
    row(Method::PATCH, "/api/v1/accounts/{address}", RULES, Operation::ChangeAccount),
    row(Method::POST, "/api/v1/accounts/{address}/approve", RUNS, Operation::ApproveAccount),
    row(Method::POST, "/api/v1/accounts/{address}/block", RUNS, Operation::BlockAccount),
    row(Method::POST, "/api/v1/accounts/{address}/sync", RUNS, Operation::Synchronise),
    row(Method::POST, "/api/v1/accounts/{address}/listing", RUNS, Operation::BeginListing),
    row(Method::GET, "/api/v1/accounts/{address}/listing", SEES, Operation::ShowListing),
    row(Method::DELETE, "/api/v1/accounts/{address}", RULES, Operation::RemoveAccount),
    row(Method::GET, "/api/v1/accounts/{address}/devices", SEES, Operation::ListDevicesOf),
    row(Method::POST, "/api/v1/accounts/{address}/devices", RULES, Operation::MakeDevice),
    row(Method::GET, "/api/v1/accounts/{address}/programs", SEES, Operation::ListPrograms),
    row(Method::GET, "/api/v1/devices", SEES, Operation::ListDevices),
    row(Method::GET, "/api/v1/devices/{id}", SEES, Operation::ShowDevice),
    row(Method::DELETE, "/api/v1/devices/{id}", RUNS, Operation::RevokeDevice),
    row(Method::GET, "/api/v1/sessions", SEES, Operation::ListSessions),
    row(Method::DELETE, "/api/v1/sessions/{number}", RUNS, Operation::EndSession),
    row(Method::GET, "/api/v1/mailboxes", SEES, Operation::ListMailboxes),
    row(Method::GET, "/api/v1/problems", SEES, Operation::ListProblems),
    row(Method::GET, "/api/v1/accounts/{address}/problems", SEES, Operation::ListProblemsOf),
    row(Method::GET, "/api/v1/events", SEES, Operation::ListEvents),
    row(Method::GET, "/api/v1/audit", SEES, Operation::ListAudit),
    row(Method::GET, "/api/v1/audit/verification", SEES, Operation::VerifyAudit),
    row(Method::GET, "/api/v1/trials", SEES, Operation::ListTrials),
    row(Method::POST, "/api/v1/trials", RUNS, Operation::BeginTrial),
    row(Method::GET, "/api/v1/trials/{id}", SEES, Operation::ShowTrial),
    row(Method::DELETE, "/api/v1/trials/{id}", RUNS, Operation::StopTrial),
];

/// What is asked for, of somebody who may.
pub(crate) struct Call<'a> {
    pub(crate) asked: &'a Asked,
    /// `None` where anybody may.
    who: Option<Who>,
    pieces: Vec<String>,
}

impl<S: Store, H: House> Inner<S, H> {
    /// Answers a program.
    pub(crate) async fn api(&self, asked: &Asked) -> Answer {
        match self.api_answer(asked).await {
            Ok(answer) => answer,
            Err(problem) => answer::problem(&problem),
        }
    }

    async fn api_answer(&self, asked: &Asked) -> Result<Answer, Problem> {
        let (row, pieces) = match route::find(&ROUTES, asked.method(), asked.path()) {
            Found::Row(row, pieces) => (row, pieces),
            Found::OtherMethods(others) => return Ok(other_methods(&others)),
            Found::Nothing => {
                return Err(Problem::missing("There is nothing here; /api/v1/openapi.json says what there is"));
            }
        };
        let who = match row.least {
            None => None,
            Some(least) => {
                let who = self.guard.bearer(&self.store, asked).await?;
                if who.role < least {
                    let told = format!("{} is {}, and this is for {least}", who.name, who.role);
                    return Err(Problem::new(StatusCode::FORBIDDEN, told));
                }
                Some(who)
            }
        };
        let decoded = pieces.into_iter().map(|text| piece(text).map(|text| text.into_owned()));
        let pieces = decoded.collect::<Option<Vec<String>>>().ok_or_else(|| Problem::bad("The path is no text"))?;
        self.run(row.what, Call { asked, who, pieces }).await
    }

    async fn run(&self, what: Operation, call: Call<'_>) -> Result<Answer, Problem> {
        match what {
            Operation::Describe => Ok(answer::json(StatusCode::OK, &openapi::document())),
            Operation::Status => Ok(answer::json(StatusCode::OK, &self.status(call.asked).await?)),
            Operation::WhoAmI => rest::who_am_i(&call),
            Operation::ListAdministrators => self.list_administrators().await,
            Operation::ListUpstreams => self.list_upstreams(),
            Operation::ListAccounts => self.list_accounts(&call).await,
            Operation::ShowAccount => self.show_account(&call).await,
            Operation::ChangeAccount => self.change_account(&call).await,
            Operation::ApproveAccount => self.set_account(&call, ::accounts::AccountState::Open).await,
            Operation::BlockAccount => self.set_account(&call, ::accounts::AccountState::Blocked).await,
            Operation::RemoveAccount => self.remove_account(&call).await,
            Operation::Synchronise => self.synchronise_account(&call).await,
            Operation::BeginListing => self.begin_one_listing(&call).await,
            Operation::ShowListing => self.show_listing(&call).await,
            Operation::ListDevices => self.list_devices(None).await,
            Operation::ListDevicesOf => {
                let account = self.account(call.piece(0)).await?;
                self.list_devices(Some(&account.address)).await
            }
            Operation::MakeDevice => self.make_device_of(&call).await,
            Operation::ShowDevice => self.show_device(&call).await,
            Operation::RevokeDevice => self.revoke_device(&call).await,
            Operation::ListPrograms => self.list_programs(&call).await,
            Operation::ListSessions => self.list_sessions(),
            Operation::EndSession => self.end_one_session(&call).await,
            Operation::ListMailboxes => self.list_mailboxes().await,
            Operation::ListProblems => self.list_problems(None).await,
            Operation::ListProblemsOf => {
                let account = self.account(call.piece(0)).await?;
                self.list_problems(Some(&account)).await
            }
            Operation::ListEvents => self.list_events(&call).await,
            Operation::ListAudit => self.list_audit(&call).await,
            Operation::VerifyAudit => self.verify_audit().await,
            Operation::ListTrials => self.list_trials(),
            Operation::BeginTrial => self.begin_one_trial(&call).await,
            Operation::ShowTrial => self.show_trial(&call),
            Operation::StopTrial => self.stop_one_trial(&call).await,
        }
    }
}

impl Call<'_> {
    fn piece(&self, place: usize) -> &str {
        self.pieces.get(place).map_or("", String::as_str)
    }

    /// A piece that is a number.
    fn number<T: std::str::FromStr>(&self, place: usize) -> Result<T, Problem> {
        let text = self.piece(place);
        text.parse().map_err(|_| Problem::missing(format!("`{text}` is no number of anything here")))
    }

    fn who(&self) -> Result<&Who, Problem> {
        self.who.as_ref().ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "Nobody is signed in"))
    }
}

fn other_methods(others: &[&Method]) -> Answer {
    let mut names: Vec<&str> = others.iter().map(|method| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    let told = format!("Only {} is answered here", names.join(", "));
    let mut answer = answer::problem(&Problem::new(StatusCode::METHOD_NOT_ALLOWED, told));
    if let Ok(allowed) = HeaderValue::from_str(&names.join(", ")) {
        answer.headers_mut().insert(header::ALLOW, allowed);
    }
    answer
}
