//! Devices come in with passwords of their own, or prove that they have them.

use accounts::{ClientKey, DevicePassword, Kept, NewDevice, Store};
use exchange::Person;
use jiff::Timestamp;
use mailbox::{Admitted, Caller, Credentials, Error, ErrorKind, Pass, Protocol, Result, Secret, SignIn, Verifiers};

use super::{Entered, Guest, Inner, address, broken, guest, notes, reaches};

impl Inner {
    /// A device with its own.
    pub(super) async fn admit_device(
        &self,
        user: &str,
        password: &DevicePassword,
        caller: &Caller,
    ) -> Result<Admitted<Entered>> {
        let person = self.person(user)?;
        let address = address(&person);
        let unknown = || Error::new(ErrorKind::SignIn, UNKNOWN_DEVICE);
        let kept =
            self.kept(password.selector()).await?.filter(|kept| kept.account.address == address).ok_or_else(unknown)?;
        let Some(key) = self.checker.check(password, &kept).await else {
            tracing::info!(address, device = %kept.device.id, from = %caller.address, "a wrong device password");
            return Err(unknown());
        };
        self.enter(&person, password.selector(), &key, caller).await
    }

    /// A device whose password is right.
    async fn enter(
        &self,
        person: &Person,
        selector: &str,
        key: &ClientKey,
        caller: &Caller,
    ) -> Result<Admitted<Entered>> {
        let (address, unknown) = (address(person), || Error::new(ErrorKind::SignIn, UNKNOWN_DEVICE));
        let kept = self.kept(selector).await?.ok_or_else(unknown)?;
        // Whatever is changed from here on ends the stay; what was changed before is seen now.
        let guest = Guest { device: Some(kept.device.id), expires: kept.device.expires, ..guest(&address, caller) };
        let (number, end) = self.stays.begin(guest);
        let kept = self.kept(selector).await?.ok_or_else(unknown)?;
        self.admissible(&kept, caller)?;
        let scopes = kept.device.scopes.and(kept.account.scopes);
        let pass = Pass::new((scopes, kept.device.read_only), end, (number, self.stays.programs()));
        let (standing, pass) = self.ruled((kept.account.clone(), Some(kept.device.id)), caller, (number, pass)).await?;
        let account = match (&kept.remembered, &kept.top) {
            (Some(sealed), _) => {
                let opened = key.unseal(sealed, &NewDevice::purpose(&kept.device.selector, &address));
                let opened = opened.and_then(|opened| String::from_utf8(opened.to_vec()).ok()).ok_or_else(unknown)?;
                let credentials = Credentials { user: kept.login.clone(), password: Secret::new(opened) };
                self.directory.sign_in(&credentials).await.map_err(outdated)?
            }
            (None, Some(top)) => self.directory.sign_in_known(&kept.login, Some(top)).await?,
            (None, None) => return Err(outdated(unknown())),
        };
        // The account may be closed under another address of the same mailbox.
        self.open(&self.known(person, &account).await?)?;
        self.attend(&address, &account);
        self.notes.used(&kept.device, caller);
        self.notes.seen(&notes::Program::of(&address, Some(kept.device.id), caller));
        Ok(Admitted { account: Entered::as_ruled(account, standing), pass })
    }

    /// A device that has shown it knows its password without telling it (SCRAM).
    pub(super) async fn admit_proven(
        &self,
        user: &str,
        client_key: &Secret<[u8; 32]>,
        caller: &Caller,
    ) -> Result<Admitted<Entered>> {
        let (person, key) = (self.person(user)?, ClientKey::proven(*client_key.expose()));
        let stored = key.stored();
        let devices = self.devices(&address(&person)).await?;
        let kept = devices.into_iter().find(|kept| kept.verifier.stored_key == stored);
        let kept = kept.ok_or_else(|| Error::new(ErrorKind::SignIn, UNKNOWN_DEVICE))?;
        self.enter(&person, &kept.device.selector, &key, caller).await
    }

    /// What proofs of somebody's devices are held against.
    pub(super) async fn device_verifiers(&self, user: &str) -> Result<Verifiers> {
        let pepper = self.register.pepper().await.map_err(broken)?;
        let address = self.directory.person(user).map_or_else(|| user.to_lowercase(), |person| address(&person));
        let devices = self.devices(&address).await?;
        let keys = devices.into_iter().map(|kept| (kept.verifier.stored_key, kept.verifier.server_key)).collect();
        Ok(Verifiers { salt: accounts::scram_salt(&pepper, &address), iterations: accounts::ITERATIONS, keys })
    }

    /// Fails for a device that may not do this.
    fn admissible(&self, kept: &Kept, caller: &Caller) -> Result<()> {
        let device = &kept.device;
        if let Some(objection) = device.objection(caller.address, Timestamp::now()) {
            // Who is only in the wrong place comes again with the same password.
            let is_over = device.revoked.is_some() || device.expires.is_some_and(|expires| expires <= Timestamp::now());
            let kind = if is_over { ErrorKind::SignIn } else { ErrorKind::NotAdmitted };
            return Err(Error::new(kind, objection));
        }
        self.open(&kept.account)?;
        reaches(kept.account.scopes, caller)?;
        if device.scopes.and(caller.protocol.needs()).is_empty() {
            let needed = caller.protocol.needs().to_string().replace(' ', " or ");
            return Err(Error::new(
                ErrorKind::NotAdmitted,
                format!("This device password is for {}, not for {needed}", device.scopes),
            ));
        }
        if device.read_only && caller.protocol == Protocol::Submission {
            return Err(Error::new(
                ErrorKind::NotAdmitted,
                "This device password is for reading only, not for sending",
            ));
        }
        Ok(())
    }

    async fn kept(&self, selector: &str) -> Result<Option<Kept>> {
        self.register.kept(selector).await.map_err(broken)
    }

    /// The devices of somebody that are not revoked.
    async fn devices(&self, address: &str) -> Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for device in self.register.devices(Some(address)).await.map_err(broken)? {
            if device.revoked.is_none() {
                kept.extend(self.kept(&device.selector).await?);
            }
        }
        Ok(kept)
    }
}

/// What is remembered for a device is not right any more.
fn outdated(error: Error) -> Error {
    if error.kind != ErrorKind::SignIn {
        return error;
    }
    let message = format!(
        "Exchange does not take what is remembered for this device, such as a password that was changed; make a new \
         device password with `exgate device add` ({})",
        error.message
    );
    Error { message, ..error }
}

const UNKNOWN_DEVICE: &str = "This device password is not right, or not for this user name; type it as it was shown, \
                              or make a new one with `exgate device add`";
