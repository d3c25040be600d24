//! Making a device password for somebody who has shown that a mailbox is theirs.

use accounts::{AccountState, Change, DeviceId, DevicePassword, Fault, NewDevice, Store, scram_salt};
use admin::Wanted;
use exchange::{Account, Directory, Person};
use jiff::Timestamp;
use mailbox::Secret;

use crate::gate;

/// What somebody has shown at Exchange.
pub(crate) struct Shown {
    pub(crate) address: String,
    organisation: String,
    login: String,
    /// To be remembered.
    exchange_password: Option<Secret<String>>,
    top: Option<String>,
}

impl Shown {
    /// Somebody who got in, with a password if they have one.
    pub(crate) fn new(
        directory: &Directory,
        person: &Person,
        account: &Account,
        password: Option<Secret<String>>,
    ) -> Self {
        let opens_alone = directory.opens_alone(person);
        Self {
            address: gate::address(person),
            organisation: directory.organisation(person).to_owned(),
            login: person.name.clone(),
            exchange_password: password.filter(|_| !opens_alone),
            top: if opens_alone { account.top() } else { None },
        }
    }
}

/// Makes it, as done by `actor`. Whoever waits to be let in is let in by this.
pub(crate) async fn issue(
    register: &impl Store,
    actor: &str,
    shown: Shown,
    wanted: Wanted,
) -> Result<(DeviceId, DevicePassword), Fault> {
    make(register, actor, shown, wanted, AccountState::Open).await
}

/// Its owner makes it. Whoever is new has an account of this state from then on; nobody is let in by this.
pub(crate) async fn enroll(
    register: &impl Store,
    shown: Shown,
    wanted: Wanted,
    state: AccountState,
) -> Result<(DeviceId, DevicePassword), Fault> {
    let devices = register.devices(Some(&shown.address)).await?;
    if devices.iter().filter(|device| device.revoked.is_none()).count() >= MOST {
        let sentence = format!("{} has {MOST} device passwords already: have one revoked first", shown.address);
        return Err(Fault::Refused(sentence));
    }
    make(register, ENROLMENT, shown, wanted, state).await
}

async fn make(
    register: &impl Store,
    actor: &str,
    shown: Shown,
    wanted: Wanted,
    new_state: AccountState,
) -> Result<(DeviceId, DevicePassword), Fault> {
    let known = register.account(&shown.address).await?;
    let state = known.map(|known| known.state);
    if state == Some(AccountState::Blocked) {
        let address = &shown.address;
        return Err(Fault::Refused(format!("{address} is blocked; `exgate account approve` lets them in again")));
    }
    let address = shown.address.clone();
    let mut changes = vec![Change::Know {
        address: address.clone(),
        organisation: shown.organisation.clone(),
        mailbox: None,
        state: new_state,
    }];
    if state == Some(AccountState::Pending) && actor != ENROLMENT {
        changes.push(Change::SetState { address: address.clone(), state: AccountState::Open });
    }
    let salt = scram_salt(&register.pepper().await?, &address);
    // Takes some tens of milliseconds.
    let made = tokio::task::spawn_blocking(move || device(shown, wanted, &salt)).await.ok().flatten();
    let (device, password) = made.ok_or_else(|| Fault::Broken("the system gives no random numbers".to_owned()))?;
    changes.push(Change::AddDevice(Box::new(device)));
    let committed = register.commit(actor, Timestamp::now(), changes).await?;
    Ok((committed.devices.first().copied().unwrap_or(DeviceId(0)), password))
}

fn device(shown: Shown, wanted: Wanted, salt: &[u8]) -> Option<(NewDevice, DevicePassword)> {
    let password = DevicePassword::generate()?;
    let verifier = password.verifier(salt)?;
    let remembered = match &shown.exchange_password {
        None => None,
        Some(exchange_password) => {
            let purpose = NewDevice::purpose(password.selector(), &shown.address);
            Some(password.client_key(&verifier)?.seal(exchange_password.expose().as_bytes(), &purpose)?)
        }
    };
    let device = NewDevice {
        address: shown.address,
        name: wanted.name,
        selector: password.selector().to_owned(),
        verifier,
        login: shown.login,
        remembered,
        top: shown.top,
        scopes: wanted.scopes,
        read_only: wanted.read_only,
        networks: wanted.networks,
        expires: wanted.expires,
    };
    Some((device, password))
}

/// Who makes what people make for themselves, for the log.
const ENROLMENT: &str = "enrolment";
/// Device passwords that people make for one account by themselves.
const MOST: usize = 50;
