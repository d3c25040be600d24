//! How the server is to sign people in and speak TLS.

use std::{path::PathBuf, str::FromStr};

/// How people sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// What a 401 offers. Bearer is offered too where there are tokens.
    pub schemes: Vec<Scheme>,
    /// Whether Basic is offered over plain HTTP though there is an HTTPS listener.
    pub basic_over_http: bool,
    /// What is asked of the channel bindings of NTLM (RFC 5929, MsvAvChannelBindings).
    pub extended_protection: ExtendedProtection,
    /// PEM file of the certificate those bindings are about, where that is not the listener's own: behind something that
    /// ends TLS, the right one is what clients see; any other makes a bridge that Extended Protection refuses.
    pub bound_to: Option<PathBuf>,
    /// Whether NTLM without a message integrity code is refused.
    pub require_mic: bool,
    /// Whether a handshake counts for one request only (`authPersistSingleRequest` of IIS) and not for its connection.
    pub single_request: bool,
    /// NetBIOS name of the domain, such as `CORP`; without one any is right before a `\`.
    pub netbios: Option<String>,
    /// So many wrong passwords lock an account.
    pub lockout: Option<u32>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            schemes: vec![Scheme::Basic],
            basic_over_http: false,
            extended_protection: ExtendedProtection::Off,
            bound_to: None,
            require_mic: true,
            single_request: false,
            netbios: None,
            lockout: None,
        }
    }
}

/// An authentication scheme of HTTP. The order is that of the fields of a 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// RFC 6750.
    Bearer,
    /// SPNEGO (RFC 4559), carrying NTLM.
    Negotiate,
    /// MS-NTHT: NTLM alone.
    Ntlm,
    /// RFC 7617.
    Basic,
}

impl Scheme {
    /// The name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Negotiate => "negotiate",
            Self::Ntlm => "ntlm",
            Self::Basic => "basic",
        }
    }
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Bearer, Self::Negotiate, Self::Ntlm, Self::Basic]
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("no such scheme: {text} (basic, ntlm, negotiate or bearer)"))
    }
}

/// Extended Protection for Authentication, as IIS is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedProtection {
    /// Bindings are not looked at.
    Off,
    /// None is tolerated, a wrong one is not.
    Allow,
    /// Only the right one will do.
    Require,
}

impl FromStr for ExtendedProtection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "allow" => Ok(Self::Allow),
            "require" => Ok(Self::Require),
            _ => Err(format!("no such protection: {text} (off, allow or require)")),
        }
    }
}

/// What every HTTPS listener asks of its clients.
#[derive(Clone, Debug)]
pub struct TlsRules {
    /// The oldest version spoken.
    pub min: TlsVersion,
    /// The newest version spoken.
    pub max: TlsVersion,
    /// PEM file of the authorities one of which must have issued a client's certificate; without, none is asked for.
    pub client_ca: Option<PathBuf>,
}

impl Default for TlsRules {
    fn default() -> Self {
        Self { min: TlsVersion::Tls12, max: TlsVersion::Tls13, client_ca: None }
    }
}

/// A version of TLS that rustls speaks. For servers that are older, put OpenSSL in front, as `tests/clients/tls_front.py`
/// does, with [`SignIn::bound_to`]; where no Exchange is needed behind it, `openssl s_server -www -accept PORT -cert FILE
/// -key FILE` will do, with `-tls1 -cipher ALL:@SECLEVEL=0` for TLS 1.0 or `-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384` for
/// CBC only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            _ => Err(format!("no such version of TLS: {text} (1.2 or 1.3; older ones need another server)")),
        }
    }
}
