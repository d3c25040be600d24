use std::fmt;

/// A way to sign in with a user name and a password (IANA "HTTP Authentication Schemes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Negotiate (RFC 4559) carrying NTLM; signs the connection in.
    Negotiate,
    /// Negotiate carrying Kerberos (cargo feature `kerberos`); signs the connection in. Never chosen by
    /// [`Schemes::auto`], since it needs a realm that is set up.
    Kerberos,
    /// NTLM (MS-NTHT), NTLMv2 only; signs the connection in.
    Ntlm,
    /// Basic (RFC 7617); goes with every request, and only over TLS that was verified.
    Basic,
}

/// Which schemes may be used, the most wanted first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schemes(Vec<Scheme>);

impl Schemes {
    /// Whatever the server offers, the strongest first.
    pub fn auto() -> Schemes {
        Schemes(vec![Scheme::Negotiate, Scheme::Ntlm, Scheme::Basic])
    }

    /// This one and no other.
    pub fn only(scheme: Scheme) -> Schemes {
        Schemes(vec![scheme])
    }

    /// The most wanted of those that are offered (`WWW-Authenticate` or `Proxy-Authenticate`, one value each).
    pub fn choose<'a>(&self, offers: impl IntoIterator<Item = &'a str> + Clone) -> Option<Scheme> {
        let offered = |scheme: &Scheme| {
            let names = |offer: &str| offer.split([' ', ',']).next().is_some_and(|name| scheme.is_called(name));
            offers.clone().into_iter().any(names)
        };
        self.0.iter().copied().find(offered)
    }

    /// True if nothing but this one may be used.
    pub(crate) fn is_only(&self, scheme: Scheme) -> bool {
        self.0 == [scheme]
    }
}

impl Scheme {
    /// As it stands in headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Negotiate | Scheme::Kerberos => "Negotiate",
            Scheme::Ntlm => "NTLM",
            Scheme::Basic => "Basic",
        }
    }

    fn is_called(self, name: &str) -> bool {
        self.as_str().eq_ignore_ascii_case(name)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_offer_wins() {
        let offers = ["Bearer client_id=\"x\"", "ntlm", "Basic realm=\"mail\""];
        assert_eq!(Schemes::auto().choose(offers), Some(Scheme::Ntlm));
        assert_eq!(Schemes::only(Scheme::Basic).choose(offers), Some(Scheme::Basic));
        assert_eq!(Schemes::only(Scheme::Negotiate).choose(offers), None);
        assert_eq!(Schemes::auto().choose(["NTLMish"]), None);
    }
}
