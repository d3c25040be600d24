//! People make device passwords for themselves.

use std::net::IpAddr;

use accounts::{AccountState, DeviceId, DevicePassword, Fault};
use admin::Wanted;
use mailbox::{Caller, Credentials, Error, ErrorKind, Protocol, Result, Scopes, SignIn};

use super::{Gate, Inner, broken};
use crate::issue::{self, Shown};

/// What somebody got.
pub(crate) struct Enrolled {
    pub(crate) address: String,
    pub(crate) password: DevicePassword,
    pub(crate) device: DeviceId,
    /// An administrator has to let them in first.
    pub(crate) waits: bool,
}

impl Gate {
    /// A device password for whoever Exchange lets in. Whoever is wrong again and again waits, as for any sign-in.
    pub(crate) async fn enroll(&self, credentials: Credentials, device: String, from: IpAddr) -> Result<Enrolled> {
        let user = credentials.user.clone();
        let caller = Caller { protocol: Protocol::Dav, address: from, program: None };
        let enrolled = self.0.enroll(credentials, device).await;
        let enrolled = self.0.slowly(&user, &caller, enrolled).await;
        match &enrolled {
            Ok(made) => tracing::info!(address = made.address, device = %made.device, %from, "a device was enrolled"),
            Err(error) => tracing::warn!(user, %from, %error, "no device was enrolled"),
        }
        enrolled
    }
}

impl Inner {
    async fn enroll(&self, credentials: Credentials, device: String) -> Result<Enrolled> {
        if DevicePassword::read(credentials.password.expose()).is_some() {
            return Err(Error::new(ErrorKind::SignIn, "This is a device password; the one of Exchange is needed here"));
        }
        let person = self.person(&credentials.user)?;
        if !self.directory.takes_passwords(&person) {
            let sentence = "Your organisation signs in without passwords; ask your administrator for a device password";
            return Err(Error::new(ErrorKind::NotAdmitted, sentence));
        }
        let account = self.directory.sign_in(&credentials).await?;
        // Under whatever name of theirs they sign in, there is one account.
        let known = self.known(&person, &account).await?;
        if known.state == AccountState::Blocked {
            return Err(Error::new(ErrorKind::NotAdmitted, super::BLOCKED));
        }
        let shown = Shown::new(&self.directory, &person, &account, Some(credentials.password));
        let wanted =
            Wanted { name: device, scopes: Scopes::ALL, read_only: false, networks: Vec::new(), expires: None };
        let address = shown.address.clone();
        let made = issue::enroll(&self.register, shown, wanted, known.state).await.map_err(|fault| match fault {
            Fault::Refused(sentence) => Error::new(ErrorKind::NotAdmitted, sentence),
            Fault::Broken(_) => broken(fault),
        })?;
        let waits = known.state == AccountState::Pending;
        Ok(Enrolled { address, password: made.1, device: made.0, waits })
    }
}
