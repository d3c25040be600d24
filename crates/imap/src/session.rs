//! A session: commands in, one after the other; each is answered, and then what happened meanwhile is told.

use std::net::IpAddr;
use std::sync::Arc;

use imap_proto::command::ParseError;
use imap_proto::command::fetch::{Fetch, Item as FetchItem};
use imap_proto::command::{Reason, fetch, search, status};
use imap_proto::framer::{Limit, RawCommand, Refusal};
use imap_proto::response::{self, Code, Condition};
use imap_proto::{Bound, Command, Names, Numbering, SequenceSet, Span, Step, Tag, Verb};
use mailbox::{Access, Caller, Entry, ErrorKind, Mail, Pass, Protocol, SignIn, Trace, Uid};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, debug, info_span};

use crate::capability::{self, Stage};
use crate::command;
use crate::connection::{Awaited, Connection, Transport};
use crate::enabled::Enabled;
use crate::error::{Answer, End, Stop};
use crate::notify::{Manner, Selected, Told};
use crate::settings::Settings;
use crate::state::State;
use crate::view::Expunges;

/// What a session knows, apart from its connection.
pub(crate) struct Session<B: SignIn> {
    pub(crate) backend: B,
    pub(crate) settings: Arc<Settings>,
    pub(crate) state: State<B::Account>,
    /// What the client has switched on.
    pub(crate) enabled: Enabled,
    /// What the client calls itself.
    pub(crate) client: Option<String>,
    /// The name somebody signed in with.
    pub(crate) user: Option<String>,
    /// How far they may go.
    pub(crate) pass: Pass,
    /// Where the client is.
    peer: IpAddr,
    /// How the client writes names.
    pub(crate) names: Names,
    /// Wrong passwords so far.
    pub(crate) failures: u32,
    /// When somebody must have signed in, or said something.
    pub(crate) deadline: Instant,
    /// Passwords may come in clear.
    trusted: bool,
    /// What the client was told of the mailbox as a whole.
    noticed: Option<&'static str>,
    /// What the client is told without asking.
    pub(crate) told: Told,
}

/// Serves one client until it leaves or has to.
pub(crate) async fn run<T: Transport, B: SignIn>(
    connection: serve::Connection<T>,
    backend: B,
    settings: Arc<Settings>,
) {
    let trusted = settings.trusts(connection.peer);
    let mut session = Session {
        backend,
        state: State::Greeted,
        enabled: Enabled::default(),
        client: None,
        user: None,
        pass: Pass::unlimited(),
        peer: connection.peer.ip(),
        names: Names::default(),
        failures: 0,
        deadline: Instant::now() + settings.sign_in,
        trusted,
        noticed: None,
        told: Told::default(),
        settings,
    };
    let mut connection = Connection::new(connection, session.settings.limits_before_sign_in());
    session.greet(&mut connection);
    let end = loop {
        let mut pass = session.pass.clone();
        tokio::select! {
            turn = session.turn(&mut connection) => if let Err(end) = turn {
                break end;
            },
            // As after a crash: what the command has begun is done or not.
            told = pass.ended() => break connection.cut(&told),
        }
    };
    connection.close(end).await;
}

impl<B: SignIn> Session<B> {
    fn greet<T: Transport>(&self, connection: &mut Connection<T>) {
        let code = Code::Capability(self.capabilities(connection));
        let text = format!("{} ready", self.settings.name);
        response::untagged(&mut connection.out, Condition::Ok, Some(&code), &text);
    }

    /// One command, from its first octet to its answer.
    async fn turn<T: Transport>(&mut self, connection: &mut Connection<T>) -> Result<(), End> {
        if connection.is_going_down() {
            return Err(crate::connection::going_down());
        }
        let step = match self.told {
            Told::Asked(_) => Box::pin(self.awaited(connection)).await?,
            Told::Usual | Told::Nothing => connection.next(Awaited::Pause(self.deadline)).await?,
        };
        match step {
            // In boxes, as commands are: between them a session is small.
            Step::Command(raw) => Box::pin(Trace::next().scope(self.command(connection, &raw))).await?,
            Step::Append(raw) => Box::pin(Trace::next().scope(self.append(connection, &raw))).await?,
            Step::Refused(refusal) => refused(&refusal).write(&mut connection.out, refusal.tag.as_ref()),
            Step::Fatal(fatal) => return Err(End::Bye(Some(Code::TooBig), fatal.to_string().into())),
            // What belongs to a command that was answered already: nobody asks for it any more.
            Step::Literal(_) | Step::AppendNext(_) | Step::AppendEnd(_) | Step::Line(_) => connection.abandon(),
            Step::NeedBytes | Step::Continue => {}
        }
        if self.state.is_signed_in() {
            self.deadline = Instant::now() + self.settings.inactivity;
        }
        connection.relieve().await
    }

    /// What the client says next. Meanwhile it is told what it asked to be told of.
    async fn awaited<T: Transport>(&mut self, connection: &mut Connection<T>) -> Result<Step, End> {
        if let (Told::Asked(notify), Ok(account)) = (&mut self.told, self.state.account()) {
            notify.watch_selected(account, self.state.folder());
        }
        loop {
            tokio::select! {
                step = connection.next(Awaited::Pause(self.deadline)) => return step,
                () = self.told.woken() => self.tell(connection).await?,
            }
        }
    }

    async fn command<T: Transport>(&mut self, connection: &mut Connection<T>, raw: &RawCommand) -> Result<(), End> {
        let Command { tag, verb } = match Command::parse(raw, self.names) {
            Ok(command) => command,
            Err(error) => {
                let answer = misunderstood(&error);
                answer.write(&mut connection.out, error.tag.as_ref());
                return Ok(());
            }
        };
        connection.begin(&tag);
        let name = verb.name();
        let expunges = expunges(&verb);
        let removes = matches!(verb, Verb::Expunge | Verb::UidExpunge(_) | Verb::Move(_));
        let started = Instant::now();
        self.told.own(&verb);
        // The one command in which sessions stay for long has none: what waits is small.
        let span = if matches!(verb, Verb::Idle) {
            tracing::Span::none()
        } else {
            info_span!(
                "imap.command",
                cmd = name,
                trace = Trace::current().map(tracing::field::display),
                outcome = Empty
            )
        };
        let outcome = match Box::pin(self.listed(connection, &verb)).instrument(span.clone()).await {
            Ok(()) if self.enabled.utf8_accept && verb.names_charset() => {
                Err(Answer::bad("After ENABLE UTF8=ACCEPT no charset is named").into())
            }
            Ok(()) if matches!(verb, Verb::Idle) => Box::pin(command::idle::idle(self, connection)).await,
            Ok(()) => Box::pin(self.execute(connection, &tag, verb)).instrument(span.clone()).await,
            Err(stop) => Err(stop),
        };
        let mut answer = match outcome {
            Ok(answer) | Err(Stop::Answer(answer)) => answer,
            Err(Stop::Silent) => return Ok(()),
            Err(Stop::End(end)) => return Err(end),
        };
        if let Some(expunges) = expunges {
            Box::pin(self.news_after(connection, expunges, answer.uids_given())).instrument(span.clone()).await?;
            match self.settle() {
                // RFC 7162 section 3.2.7: it goes with the answer to what removed messages.
                Some(code) if removes && answer.is_plain_ok() => answer = answer.with(code),
                code => tell_settled(connection, code),
            }
        }
        self.notice(connection);
        answer.write(&mut connection.out, Some(&tag));
        span.record("outcome", answer.outcome());
        let _entered = span.entered();
        debug!(cmd = name, outcome = answer.outcome(), ms = started.elapsed().as_millis() as u64, "done");
        if self.failures >= self.settings.attempts {
            return Err(End::Bye(None, "Too many wrong passwords".into()));
        }
        Ok(())
    }

    /// A large folder that was never opened is shown before all of it is listed: whoever names messages of which nothing is
    /// known yet waits until it is.
    async fn listed<T: Transport>(&mut self, connection: &mut Connection<T>, verb: &Verb) -> Result<(), Stop> {
        loop {
            let State::Selected { account, view } = &self.state else { return Ok(()) };
            let unlisted = view.unlisted();
            let waits = unlisted > 0
                && match verb {
                    Verb::Fetch(fetch) => view.waits_for(&fetch.set, fetch.numbering),
                    Verb::Store(store) => view.waits_for(&store.set, store.numbering),
                    Verb::Copy(transfer) | Verb::Move(transfer) => view.waits_for(&transfer.set, transfer.numbering),
                    Verb::Replace(replace) => view.waits_for(&replace.set(), replace.numbering),
                    Verb::Search(_) | Verb::Sort(_) | Verb::Thread(_) | Verb::Esearch(_) => true,
                    _ => false,
                };
            if !waits {
                return Ok(());
            }
            let (account, folder) = (account.clone(), view.folder);
            connection.patiently(account.listed(folder, unlisted)).await??;
            self.news(connection, Expunges::Hold).await?;
            if self.state.selected()?.1.unlisted() >= unlisted {
                return Err(Answer::no(Code::Unavailable, "The folder cannot be listed now, try again shortly").into());
            }
        }
    }

    async fn append<T: Transport>(&mut self, connection: &mut Connection<T>, raw: &RawCommand) -> Result<(), End> {
        let Command { tag, verb } = match Command::parse(raw, self.names) {
            Ok(command) => command,
            Err(error) => {
                connection.abandon();
                let answer = misunderstood(&error);
                answer.write(&mut connection.out, error.tag.as_ref());
                return Ok(());
            }
        };
        connection.begin(&tag);
        let span = info_span!(
            "imap.command",
            cmd = verb.name(),
            trace = Trace::current().map(tracing::field::display),
            outcome = Empty
        );
        let started = Instant::now();
        let listed = self.listed(connection, &verb).instrument(span.clone()).await;
        let outcome = match (listed, verb) {
            (Err(stop), _) => Err(stop),
            (Ok(()), _) if self.pass.read_only => Err(reads_only().into()),
            (Ok(()), verb) if self.enabled.uid_only && goes_by_number(&verb) => Err(no_numbers().into()),
            (Ok(()), Verb::Append(append)) => {
                command::append::run(self, connection, &tag, append).instrument(span.clone()).await
            }
            (Ok(()), Verb::Replace(replace)) => {
                command::replace::run(self, connection, &tag, replace).instrument(span.clone()).await
            }
            _ => Err(Answer::bad("A message belongs to APPEND or REPLACE").into()),
        };
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Stop::Answer(answer)) => {
                connection.abandon();
                answer
            }
            Err(Stop::Silent) => return Ok(()),
            Err(Stop::End(end)) => return Err(end),
        };
        self.news_after(connection, Expunges::Tell, answer.uids_given()).instrument(span.clone()).await?;
        tell_settled(connection, self.settle());
        answer.write(&mut connection.out, Some(&tag));
        span.record("outcome", answer.outcome());
        let _entered = span.entered();
        debug!(outcome = answer.outcome(), ms = started.elapsed().as_millis() as u64, "done");
        Ok(())
    }

    async fn execute<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        tag: &Tag,
        verb: Verb,
    ) -> Result<Answer, Stop> {
        if self.enabled.uid_only && goes_by_number(&verb) {
            return Err(no_numbers().into());
        }
        if understands_modseq(&verb) && self.state.is_signed_in() {
            self.enable(connection, Enabled { condstore: true, ..self.enabled });
        }
        let verb = if self.pass.read_only { harmless(verb)? } else { verb };
        match verb {
            Verb::Capability => Ok(command::about::capability(self, connection)),
            Verb::Noop => Ok(Answer::ok("Done")),
            Verb::Check => self.state.selected().map(|_| Answer::ok("Checked")).map_err(Stop::from),
            Verb::Logout => command::about::logout(connection, tag).await,
            Verb::Id(client) => Ok(command::about::id(self, connection, &client)),
            Verb::Namespace => command::about::namespace(self, connection).await,
            Verb::Enable(wishes) => command::about::enable(self, connection, &wishes),
            Verb::Compress(algorithm) => command::compress::compress(self, connection, tag, &algorithm).await,
            Verb::Unauthenticate => command::sign_in::unauthenticate(self, connection, tag).await,
            Verb::GetQuota(root) => command::quota::get(self, connection, &root).await,
            Verb::GetQuotaRoot(mailbox) => command::quota::root(self, connection, &mailbox).await,
            Verb::SetQuota(_) => command::quota::set(self),
            Verb::SetAcl(set) => command::acl::set(self, connection, &set).await,
            Verb::DeleteAcl(subject) => command::acl::delete(self, connection, &subject).await,
            Verb::GetAcl(mailbox) => command::acl::get(self, connection, &mailbox).await,
            Verb::ListRights(subject) => command::acl::list_rights(self, connection, &subject).await,
            Verb::MyRights(mailbox) => command::acl::my_rights(self, connection, &mailbox).await,
            Verb::GetMetadata(get) => command::metadata::get(self, connection, &get).await,
            Verb::SetMetadata(set) => command::metadata::set(self, connection, &set).await,
            Verb::Notify(notify) => Box::pin(command::notify::notify(self, connection, &notify)).await,
            Verb::StartTls => command::sign_in::start_tls(self, connection, tag).await,
            Verb::Login(login) => command::sign_in::login(self, connection, &login).await,
            Verb::Authenticate(how) => command::sign_in::authenticate(self, connection, &how).await,
            Verb::Select(select) => command::select::select(self, connection, &select).await,
            Verb::Examine(select) => command::select::examine(self, connection, &select).await,
            Verb::Close => command::select::close(self, connection).await,
            Verb::Unselect => command::select::unselect(self),
            Verb::Create(create) => command::folders::create(self, connection, &create).await,
            Verb::Delete(name) => command::folders::delete(self, connection, &name).await,
            Verb::Rename(rename) => command::folders::rename(self, connection, &rename).await,
            Verb::Subscribe(name) => command::folders::subscribe(self, connection, &name).await,
            Verb::Unsubscribe(name) => command::folders::unsubscribe(self, connection, &name).await,
            Verb::List(list) => command::list::list(self, connection, &list).await,
            Verb::Lsub(list) => command::list::lsub(self, connection, &list).await,
            Verb::Xlist(list) => command::list::xlist(self, connection, &list).await,
            Verb::Status(status) => command::status::status(self, connection, &status).await,
            // What CATENATE puts together of URLs alone.
            Verb::Append(append) => command::append::run(self, connection, tag, append).await,
            Verb::Replace(replace) => command::replace::run(self, connection, tag, replace).await,
            Verb::Idle => Err(Answer::bad("IDLE is no part of another command").into()),
            Verb::Expunge => command::expunge::all(self, connection).await,
            Verb::UidExpunge(set) => command::expunge::some(self, connection, &set).await,
            Verb::Search(search) => command::search::search(self, connection, tag, &search).await,
            Verb::Esearch(esearch) => command::esearch::esearch(self, connection, tag, &esearch).await,
            Verb::Sort(sort) => command::sort::sort(self, connection, tag, &sort).await,
            Verb::Thread(thread) => command::thread::thread(self, connection, &thread).await,
            Verb::Fetch(fetch) => command::fetch::fetch(self, connection, &fetch).await,
            Verb::Store(store) => command::store::store(self, connection, &store).await,
            Verb::Copy(transfer) => command::transfer::copy(self, connection, &transfer).await,
            Verb::Move(transfer) => command::transfer::relocate(self, connection, &transfer).await,
        }
    }

    /// What happened in the selected folder since the client was last told, as far as it wants to be told. If the
    /// mailbox cannot say now, it will later.
    pub(crate) async fn news<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        expunges: Expunges,
    ) -> Result<(), End> {
        self.news_after(connection, expunges, None).await
    }

    /// The same after a command that made messages itself, under these UIDs of the folder of that generation.
    async fn news_after<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        expunges: Expunges,
        own: Option<(u32, &[u32])>,
    ) -> Result<(), End> {
        let State::Selected { account, view } = &mut self.state else { return Ok(()) };
        let selected = match &self.told {
            Told::Usual => None,
            Told::Asked(notify) => notify.selected(),
            Told::Nothing => None,
        };
        let is_wanted = selected.is_some() || matches!(self.told, Told::Usual);
        // A folder that is being listed is told of until it is, for its messages were counted.
        if !is_wanted && view.unlisted() == 0 {
            return Ok(());
        }
        let next = view.uid_next();
        match connection.patiently(Box::pin(account.delta(view.folder, view.since))).await? {
            Ok(delta) if delta.state.uid_validity != view.uid_validity => {
                // RFC 3501 section 2.3.1.1: it cannot change within a session.
                return Err(End::Bye(None, "The folder was numbered anew, please connect again".into()));
            }
            Ok(mut delta) => {
                if !delta.complete {
                    // So much was removed since that not all of it is remembered.
                    match connection.patiently(account.open(view.folder, Access::ReadOnly)).await? {
                        Ok(snapshot) => delta.vanished = view.missing_from(&snapshot),
                        Err(error) => {
                            debug!(%error, "no news");
                            return Ok(());
                        }
                    }
                }
                // Who keeps to HIGHESTMODSEQ takes it that everything below was told.
                if selected.as_ref().is_some_and(|selected| !selected.tells_flags() && !self.enabled.condstore) {
                    let is_told = |entry: &Entry| entry.uid >= next || entry.uid.get() <= view.unlisted();
                    let (told, silent) = std::mem::take(&mut delta.changed).into_iter().partition(is_told);
                    delta.changed = told;
                    view.noted(&silent, &mut connection.out);
                }
                view.tell(&delta, expunges, &mut connection.out);
            }
            Err(error) => {
                debug!(%error, "no news");
                if error.kind == ErrorKind::NotFound {
                    view.emptied();
                }
                if expunges == Expunges::Tell {
                    view.tell_held(&mut connection.out);
                }
            }
        }
        let own = own.filter(|(uid_validity, _)| *uid_validity == view.uid_validity.0.get()).map(|(_, uids)| uids);
        match selected.filter(|selected| !selected.items().is_empty()) {
            Some(selected) => Box::pin(self.tell_new(connection, next, own.unwrap_or_default(), &selected)).await,
            None => Ok(()),
        }
    }

    /// What the client wants to know of each new message (RFC 5465 section 5.2), but not of those it made itself.
    async fn tell_new<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        first: Uid,
        own: &[u32],
        selected: &Selected,
    ) -> Result<(), End> {
        let State::Selected { view, .. } = &self.state else { return Ok(()) };
        let new: Vec<Span> = view.uids_from(first).filter(|uid| !own.contains(&uid.get())).map(span).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut items = selected.items().to_vec();
        // RFC 7162 section 3.1: whoever knows of MODSEQ is told it in all that it did not ask for.
        if self.enabled.condstore && !items.contains(&FetchItem::ModSeq) {
            items.push(FetchItem::ModSeq);
        }
        let fetch = Fetch::by_uid(SequenceSet::Spans(new), items);
        match command::fetch::fetch(self, connection, &fetch).await {
            Err(Stop::End(end)) => Err(end),
            Ok(answer) | Err(Stop::Answer(answer)) => {
                debug!(outcome = answer.outcome(), "new messages told");
                Ok(())
            }
            Err(Stop::Silent) => Ok(()),
        }
    }

    /// Tells what the client asked to be told of, between commands or while it idles.
    pub(crate) async fn tell<T: Transport>(&mut self, connection: &mut Connection<T>) -> Result<(), End> {
        let Told::Asked(notify) = &self.told else { return Ok(()) };
        if let Some(selected) = notify.selected() {
            self.news(connection, selected.between_commands()).await?;
            tell_settled(connection, self.settle());
        }
        let selected = self.state.folder();
        let modseq = self.enabled.condstore;
        let (Told::Asked(notify), Ok(account)) = (&mut self.told, self.state.account()) else { return Ok(()) };
        match notify.tell(account, connection, &Manner { names: self.names, modseq, selected }).await {
            Err(Stop::End(end)) => Err(end),
            Err(Stop::Answer(answer)) => {
                debug!(outcome = answer.outcome(), "not everything can be told");
                Ok(())
            }
            Ok(()) | Err(Stop::Silent) => Ok(()),
        }
    }

    /// Switches on what the client understands from now on. Of a folder that is selected it learns where its changes
    /// stand (RFC 7162 section 3.1).
    pub(crate) fn enable<T: Transport>(&mut self, connection: &mut Connection<T>, enabled: Enabled) {
        let before = std::mem::replace(&mut self.enabled, enabled);
        if enabled.utf8_accept || enabled.rev2 {
            self.names = Names::Utf8;
        }
        if let State::Selected { view, .. } = &mut self.state {
            view.enabled = enabled;
            if enabled.condstore && !before.condstore {
                view.tell_highest(&mut connection.out);
            }
        }
    }

    /// What a client that understands MODSEQ must know before the answer to a command.
    pub(crate) fn settle(&mut self) -> Option<Code> {
        self.state.selected().ok().and_then(|(_, view)| view.settle())
    }

    /// What people should know of the mailbox as a whole, once, and once more when it is over.
    pub(crate) fn notice<T: Transport>(&mut self, connection: &mut Connection<T>) {
        let notice = match &self.state {
            State::SignedIn { account } | State::Selected { account, .. } => account.notice(),
            State::Greeted => return,
        };
        if std::mem::replace(&mut self.noticed, notice) != notice {
            let text = notice.unwrap_or("All is as it was before: changes can be made again");
            response::untagged(&mut connection.out, Condition::Ok, None, text);
        }
    }

    /// As before anybody signed in (RFC 8437 section 4.1): whatever a user chose ends here.
    pub(crate) fn forget_user<T: Transport>(&mut self, connection: &mut Connection<T>) {
        self.state = State::Greeted;
        self.enabled = Enabled::default();
        self.user = None;
        self.pass = Pass::unlimited();
        self.names = Names::default();
        self.noticed = None;
        self.told = Told::default();
        self.deadline = Instant::now() + self.settings.sign_in;
        connection.set_limits(self.settings.limits_before_sign_in());
    }

    /// What is offered now.
    pub(crate) fn capabilities<T: Transport>(&self, connection: &Connection<T>) -> Vec<String> {
        let stage = Stage {
            signed_in: self.state.is_signed_in(),
            start_tls: connection.can_start_tls(),
            passwords: self.may_send_passwords(connection),
            tokens: self.backend.takes_tokens(),
            proofs: self.backend.takes_proofs(),
        };
        let is_withheld = |name: &str| self.settings.withholds(name, self.client.as_deref(), self.user.as_deref());
        let limit = self.settings.largest_message;
        let told = |name: &str| if name == "APPENDLIMIT" { format!("{name}={limit}") } else { name.to_owned() };
        capability::offered(stage, is_withheld).map(told).collect()
    }

    /// Who wants in.
    pub(crate) fn caller(&self) -> Caller {
        Caller { protocol: Protocol::Imap, address: self.peer.to_canonical(), program: self.client.clone() }
    }

    pub(crate) fn may_send_passwords<T: Transport>(&self, connection: &Connection<T>) -> bool {
        self.trusted || connection.is_tls()
    }
}

/// Whether news follow a command, and which. None follow what changes the selection: the answer tells all.
fn expunges(verb: &Verb) -> Option<Expunges> {
    match verb {
        Verb::Select(_) | Verb::Examine(_) | Verb::Close | Verb::Unselect | Verb::Logout => None,
        Verb::Unauthenticate => None,
        Verb::Fetch(fetch) if fetch.numbering == Numbering::Sequence => Some(Expunges::Hold),
        Verb::Store(store) if store.numbering == Numbering::Sequence => Some(Expunges::Hold),
        Verb::Search(search) if search.numbering == Numbering::Sequence => Some(Expunges::Hold),
        Verb::Sort(sort) if sort.numbering == Numbering::Sequence => Some(Expunges::Hold),
        Verb::Thread(thread) if thread.numbering == Numbering::Sequence => Some(Expunges::Hold),
        _ => Some(Expunges::Tell),
    }
}

fn no_numbers() -> Answer {
    Answer::bad("Messages have no numbers once UIDONLY is enabled").with(Code::UidRequired)
}

fn reads_only() -> Answer {
    Answer::no(Code::NoPerm, "This device password is for reading only: nothing can be changed with it")
}

/// What is done for who may change nothing.
fn harmless(verb: Verb) -> Result<Verb, Answer> {
    match verb {
        // A folder that is only looked at keeps its flags, and CLOSE removes nothing.
        Verb::Select(select) => Ok(Verb::Examine(select)),
        Verb::Append(_) | Verb::Replace(_) | Verb::Store(_) | Verb::Copy(_) | Verb::Move(_) => Err(reads_only()),
        Verb::Expunge | Verb::UidExpunge(_) => Err(reads_only()),
        Verb::Create(_) | Verb::Delete(_) | Verb::Rename(_) => Err(reads_only()),
        Verb::Subscribe(_) | Verb::Unsubscribe(_) => Err(reads_only()),
        Verb::SetAcl(_) | Verb::DeleteAcl(_) | Verb::SetMetadata(_) | Verb::SetQuota(_) => Err(reads_only()),
        Verb::Capability | Verb::Noop | Verb::Check | Verb::Logout | Verb::Id(_) | Verb::Namespace => Ok(verb),
        Verb::Enable(_) | Verb::Compress(_) | Verb::Unauthenticate | Verb::StartTls => Ok(verb),
        Verb::Login(_) | Verb::Authenticate(_) | Verb::Notify(_) | Verb::Idle => Ok(verb),
        Verb::GetQuota(_) | Verb::GetQuotaRoot(_) | Verb::GetAcl(_) | Verb::ListRights(_) | Verb::MyRights(_) => {
            Ok(verb)
        }
        Verb::GetMetadata(_) | Verb::Examine(_) | Verb::Close | Verb::Unselect => Ok(verb),
        Verb::List(_) | Verb::Lsub(_) | Verb::Xlist(_) | Verb::Status(_) => Ok(verb),
        Verb::Search(_) | Verb::Esearch(_) | Verb::Sort(_) | Verb::Thread(_) | Verb::Fetch(_) => Ok(verb),
    }
}

/// What is refused once UIDONLY is enabled (RFC 9586 section 3).
fn goes_by_number(verb: &Verb) -> bool {
    let is_number = |key: &search::Key| matches!(key, search::Key::Sequence(SequenceSet::Spans(_)));
    match verb {
        Verb::Fetch(fetch) => fetch.numbering == Numbering::Sequence,
        Verb::Store(store) => store.numbering == Numbering::Sequence,
        Verb::Replace(replace) => replace.numbering == Numbering::Sequence,
        Verb::Copy(transfer) | Verb::Move(transfer) => transfer.numbering == Numbering::Sequence,
        Verb::Search(search) => search.numbering == Numbering::Sequence || search.key.any(&is_number),
        Verb::Sort(sort) => sort.numbering == Numbering::Sequence || sort.key.any(&is_number),
        Verb::Thread(thread) => thread.numbering == Numbering::Sequence || thread.key.any(&is_number),
        Verb::Esearch(esearch) => esearch.key.any(&is_number),
        Verb::Select(select) | Verb::Examine(select) => {
            select.qresync.as_ref().is_some_and(|known| known.matches.is_some())
        }
        _ => false,
    }
}

/// The commands by which a client tells that it understands MODSEQ (RFC 7162 section 3.1), but for those that select,
/// which do so with the folder they leave behind them.
fn understands_modseq(verb: &Verb) -> bool {
    let is_modseq = |key: &search::Key| matches!(key, search::Key::ModSeq(_));
    match verb {
        Verb::Status(status) => status.items.contains(&status::Item::HighestModSeq),
        Verb::List(list) => list.returns.status.contains(&status::Item::HighestModSeq),
        Verb::Fetch(fetch) => fetch.changed_since.is_some() || fetch.items.contains(&fetch::Item::ModSeq),
        Verb::Store(store) => store.unchanged_since.is_some(),
        Verb::Search(search) => search.key.any(&is_modseq),
        Verb::Sort(sort) => sort.key.any(&is_modseq),
        Verb::Thread(thread) => thread.key.any(&is_modseq),
        Verb::Esearch(esearch) => esearch.key.any(&is_modseq),
        _ => false,
    }
}

pub(crate) fn tell_settled<T: Transport>(connection: &mut Connection<T>, code: Option<Code>) {
    if let Some(code) = code {
        response::untagged(&mut connection.out, Condition::Ok, Some(&code), "The latest change you know of");
    }
}

fn span(uid: Uid) -> Span {
    Span { from: Bound::Number(uid.0), to: Bound::Number(uid.0) }
}

fn misunderstood(error: &ParseError) -> Answer {
    match error.reason {
        Reason::BadCharset => Answer::no(Code::BadCharset, error.to_string()),
        _ => Answer::bad(error.to_string()),
    }
}

pub(crate) fn refused(refusal: &Refusal) -> Answer {
    match refusal.limit {
        Limit::Message => Answer::no(Code::TooBig, refusal.limit.to_string()),
        Limit::Line | Limit::Literals => Answer::bad(refusal.limit.to_string()),
    }
}
