//! The configuration explained, as `exgate config example` prints it.

/// A whole configuration with a line on each key. Keys that are commented out show their default.
pub(crate) const EXAMPLE: &str = r#"# Exgate: standard mail, calendar and address-book clients on one side, Exchange on the other.
# `exgate config check --config FILE` tells whether a file is right.

# Where the gateway keeps what must survive a restart: the ID map, cached bodies. Created if missing.
state = "/var/lib/exgate"

[log]
# "text" for people, "json" for machines.
#format = "text"
# "error", "warn", "info" or "debug". No level shows passwords or mail.
#level = "info"

[listen]
# IMAP without TLS: an address, or a list of them. Only loopback, unless allow_plaintext says otherwise.
imap = "127.0.0.1:1143"
# IMAP over TLS from the first byte. Needs [tls].
imaps = ["0.0.0.0:993", "[::]:993"]
# Calendars, tasks and contacts (CalDAV, CardDAV) and calendar subscriptions, without TLS: only loopback, as for a
# proxy on this machine that speaks TLS, unless allow_plaintext says otherwise.
#http = "127.0.0.1:1080"
# The same over TLS. Needs [tls].
https = ["0.0.0.0:443", "[::]:443"]
# Lets `imap` and `http` take passwords in plain text from other machines.
#allow_plaintext = false

[tls]
# Certificate chain and private key, PEM.
certificate = "/etc/exgate/imap.pem"
key = "/etc/exgate/imap.key"

[imap]
# RFC822.SIZE. "auto": exact once a message was read, before that an estimate that is never too low.
# "exact": always exact, at the price of fetching every message a client asks the size of.
#size = "auto"
# The largest message a client may store.
#max_message_mib = 150

[dav]
# The address under which calendar clients reach the gateway; stands before the path in addresses of feeds.
#url = "https://dav.corp.example"
# The largest event, task or contact a client may store, attachments included.
#max_object_mib = 20
# Also takes access tokens (Bearer) for Exchange instead of passwords, and passes them on. Exchange must know such tokens.
#tokens = false

[cache]
# Disk space for message bodies.
#bodies_mib = 2048

# One table for each Exchange organisation; the name is yours.
[exchange.main]
# The address of Exchange Web Services.
url = "https://mail.corp.example/EWS/Exchange.asmx"
# Users of these domains belong here. With a single server it may be left out: then it serves everybody.
domains = ["corp.example"]
# How to sign in: "basic" (name and password of the mail client, sent over verified TLS).
#auth = "basic"
# Certificates to trust beside the system's, PEM: for a private certificate authority.
#ca_file = "/etc/exgate/ca.pem"
# Lets passwords go to a server on another machine without TLS.
#allow_http = false
"#;
