//! Sign-in of devices (RFC 8628).

use serde_json::json;

use super::{
    Realm, Request, State,
    authorize::{page, wrong},
    error::{Failure, SLOW_DOWN, json_page},
    random,
    token::Wanted,
};
use crate::{form::Form, reply::Reply};

/// A device that waits for its user.
pub(super) struct Device {
    pub(super) client: String,
    pub(super) wanted: Wanted,
    user_code: String,
    until: i64,
    interval: i64,
    /// When it asked last.
    asked: Option<i64>,
    pub(super) answer: Answer,
}

/// What became of the user code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Pending,
    Approved(String),
    Declined,
}

impl State {
    /// The device authorization endpoint (section 3.1).
    pub(super) fn device_code(&mut self, realm: &Realm<'_>, form: &Form) -> Reply {
        let started = self.client(form).map(|client| client.id.clone()).and_then(|client| {
            let wanted = self.wanted(form)?;
            self.ordered("devicecode", &wanted)?;
            Ok((client, wanted))
        });
        let (client, wanted) = match started {
            Ok(started) => started,
            Err(failure) => return failure.reply(realm),
        };
        let device_code = random();
        let user_code: String = random().to_ascii_uppercase().chars().take(9).collect();
        let page = format!("{}/{}/oauth2/deviceauth", realm.base, realm.tenant);
        let (lifetime, interval) = (self.rules.device_lifetime, self.rules.interval);
        let device = Device {
            client,
            wanted,
            user_code: user_code.clone(),
            until: self.now() + lifetime,
            interval,
            asked: None,
            answer: Answer::Pending,
        };
        self.devices.insert(device_code.clone(), device);
        let body = json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": page,
            "expires_in": lifetime,
            "interval": interval,
            "message": format!("To sign in, open the page {page} and enter the code {user_code}."),
        });
        json_page(200, &body)
    }

    /// The page the user opens: it takes the user code with name and password.
    pub(super) fn device_page(&mut self, request: &Request<'_>, realm: &Realm<'_>, form: &Form) -> Reply {
        const FORM: &str = "<form method=post><input name=otc><input name=login><input name=passwd type=password>\
            <button>Sign in</button></form>";
        if !request.post {
            return page(200, FORM);
        }
        let part = |name| form.get(name).unwrap_or_default();
        match (request.sign_in)(part("login"), part("passwd")) {
            Some(user) if self.approve(part("otc"), Answer::Approved(user.clone())) => {
                page(200, "<p>You are signed in.</p>")
            }
            Some(_) => page(200, &format!("<p id=error>This code is not known.</p>{FORM}")),
            None => page(200, &format!("{}{FORM}", wrong(realm))),
        }
    }

    /// Answers the device with that user code; `*` stands for every device that waits. `false` if there is none.
    pub(super) fn approve(&mut self, user_code: &str, answer: Answer) -> bool {
        let now = self.now();
        let waiting = self.devices.values_mut().filter(|device| {
            let meant = user_code == "*" || device.user_code.eq_ignore_ascii_case(user_code.trim());
            meant && device.answer == Answer::Pending && device.until > now
        });
        waiting.map(|device| device.answer = answer.clone()).count() > 0
    }

    /// A device asks for its token (section 3.4).
    pub(super) fn redeem_device(&mut self, client: &str, code: &str) -> Result<(String, Wanted), Failure> {
        let now = self.now();
        let device = self.devices.get_mut(code).filter(|device| device.client == client);
        let device = device.ok_or_else(|| Failure::new(70018))?;
        if device.until <= now {
            return Err(Failure::new(70020));
        }
        let early = device.asked.is_some_and(|asked| now - asked < device.interval);
        device.asked = Some(now);
        match device.answer.clone() {
            Answer::Pending if early => {
                // Section 3.5: the interval grows by five seconds.
                device.interval += 5;
                Err(Failure::new(SLOW_DOWN))
            }
            Answer::Pending => Err(Failure::new(70016)),
            Answer::Declined => Err(Failure::new(65004)),
            Answer::Approved(user) => {
                let wanted = device.wanted.clone();
                self.devices.remove(code);
                Ok((user, wanted))
            }
        }
    }
}
