//! The configuration explained, as `exgate config example` prints it.

/// A whole configuration with a line on each key. Keys that are commented out show their default.
pub(crate) const EXAMPLE: &str = r#"# Exgate: standard mail, calendar and address-book clients on one side, Exchange on the other.
# `exgate config check --config FILE` tells whether a file is right.

# Where the gateway keeps what must survive a restart: the ID map, cached bodies. Created if missing.
state = "/var/lib/exgate"

[store]
# Where accounts and ID maps are kept: "sqlite", in files below `state`, for one gateway; or "postgres", in a database that several
# gateways share, which then serve the same mailboxes with the same UIDs. Messages that wait to be sent, cached bodies and sealed
# sign-ins stay below `state` of each.
#kind = "sqlite"
# The database: a URL of PostgreSQL, 15 or later. TLS is used, and the server's certificate checked, unless it is
# on this machine; sslrootcert=FILE names the authority to believe instead of the system's. May be env:NAME, file:/PATH or cred:NAME, and so may the password, unless the URL has it.
#url = "postgresql://exgate@db.corp.example/exgate?sslmode=verify-full"
#password = "file:/etc/exgate/database-password"
# What this gateway is called among those that share the database, such as env:HOSTNAME. Each has a name of its own.
#node = "mail-1"

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
# Sending (SMTP submission), with STARTTLS where there is [tls]: passwords from other machines are taken under TLS only.
#submission = ["0.0.0.0:587", "[::]:587"]
# The same under TLS from the first byte. Needs [tls].
submissions = ["0.0.0.0:465", "[::]:465"]
# Mail by POP3, the inbox only, with STLS where there is [tls]: passwords from other machines are taken under TLS only.
#pop3 = ["0.0.0.0:110", "[::]:110"]
# The same under TLS from the first byte. Needs [tls].
#pop3s = ["0.0.0.0:995", "[::]:995"]
# The organisation's address list (LDAP), with StartTLS where there is [tls]: passwords from other machines are taken under TLS
# only.
#ldap = ["0.0.0.0:389", "[::]:389"]
# The same under TLS from the first byte. Needs [tls].
#ldaps = ["0.0.0.0:636", "[::]:636"]
# Calendars, tasks and contacts (CalDAV, CardDAV) and calendar subscriptions, without TLS: only loopback, as for a
# proxy on this machine that speaks TLS, unless allow_plaintext says otherwise.
#http = "127.0.0.1:1080"
# The same over TLS. Needs [tls].
https = ["0.0.0.0:443", "[::]:443"]
# How the gateway does: /metrics for Prometheus, /healthz/live, /healthz/ready, and what `exgate status` shows, for whoever asks; and
# pages for administrators, whom `exgate admin add` makes. Only loopback, or under TLS with tls.client_ca, for those who show a
# certificate.
#admin = "127.0.0.1:9143"
# Proxies in front: networks or addresses. Those of `proxies` tell their client by the PROXY protocol (version 1 or 2) at the
# beginning of each connection, but to admin; those of `http_proxies` in each request, by Forwarded or X-Forwarded-For (which
# they must write themselves, whatever a client sent). They are believed, and not served when they tell none; nobody else is
# believed. What the proxy had under TLS is taken as safe where the proxy says so (TLS in version 2, proto=https) and is on this
# machine.
#proxies = ["10.0.0.0/8"]
#http_proxies = []
# Sockets that systemd hands over (deploy/exgate.socket) are used for the addresses they have.
# Lets `imap` and `http` take passwords in plain text from other machines.
#allow_plaintext = false

[tls]
# Certificate chain and private key, PEM.
certificate = "/etc/exgate/imap.pem"
key = "/etc/exgate/imap.key"
# Or have one made out by an authority that speaks ACME (Let's Encrypt, or your own), and new ones in time. It proves each name by
# a handshake at port 443 of it, which must reach listen.https, or, with http01, by asking at its port 80. Remove certificate and key.
#[tls.acme]
#directory = "https://acme-v02.api.letsencrypt.org/directory"
#names = ["mail.corp.example"]
# You have read the authority's terms of service, and agree.
#accept_terms = true
# Whom it tells of trouble.
#contact = "postmaster@corp.example"
# Whom to believe besides the system's authorities when it is asked, PEM.
#ca_file = "/etc/exgate/authority.pem"
#http01 = "0.0.0.0:80"
# What it knows you by, if it asks for that.
#binding_id = "kid-1"
#binding_key = "file:/etc/exgate/binding"
# All certificates here are read again when their files change, and on SIGHUP; what cannot be used is logged, and those before
# stay. TLS is 1.2 or 1.3.
# Whose certificates are believed that clients show, PEM, and whether they are to show one: "off", "wanted" (none is fine, a wrong
# one is refused), or "required".
#client_ca = "/etc/exgate/clients.pem"
#client_certificates = "off"
# Another certificate for clients that ask for this name (SNI); *.corp.example is every name right below.
#[tls.domain."mail.example.org"]
#certificate = "/etc/exgate/example.pem"
#key = "/etc/exgate/example.key"

[clients]
# By which name clients reach the gateway. Then those who ask by HTTP are told how to set themselves up: Thunderbird and others at
# /.well-known/autoconfig/mail/config-v1.1.xml, macOS and iOS at /exgate.mobileconfig. `exgate dns` prints records for it.
#host = "mail.corp.example"
# What people call it; the host, if left out.
#name = "Corp mail"
# Ports as clients see them, where something in front has others than [listen].
#imaps = 993
#submissions = 465
#https = 443
# People get device passwords for themselves at /enroll, with their Exchange password. On where device_passwords = "required", if
# left out. Pages on how to set up programs are at /setup.
#enroll = false
# Signs profiles, so that macOS and iOS show whose they are: certificate chain and private key, PEM, RSA or ECDSA. Those of [tls]
# will do, if devices believe their authority.
#[clients.sign]
#certificate = "/etc/exgate/imap.pem"
#key = "/etc/exgate/imap.key"

[limits]
# Connections at once: in all, from one address (IPv6: a /64), and from the network around it (256 addresses; IPv6: a /48).
#connections = 10000
#per_address = 200
#per_network = 4000
# Whoever is refused again and again, by account and by address, waits longer and longer for the answer, up to this; 0: nobody
# waits. Whoever is right never does.
#longest_refusal_seconds = 10

[imap]
# RFC822.SIZE. "auto": exact once a message was read, before that an estimate that is never too low.
# "exact": always exact, at the price of fetching every message a client asks the size of.
#size = "auto"
# What SEARCH for text in messages (BODY, TEXT) asks of Exchange's own index, instead of fetching every message that is not
# here yet. Whatever the index names is looked at; the index must be on for all mailboxes.
# "off": nothing.
# "phrases": texts of three words and more, whose inner words the index must know. What stands only in the markup of
# HTML, or in the header fields of attachments, is not found then.
# "words": texts of one word, too; they are found only where they begin with a word, as Outlook finds them.
#search_index = "off"
# The largest message a client may store.
#max_message_mib = 150
# Capabilities that no client is offered, by the names in the answer to CAPABILITY; what is not offered cannot be enabled.
#off = []
# Capabilities that some are not offered: a client, by the name it tells with ID (in any case; a * at the end stands for
# any ending), a user, by the name they sign in with, or that client of that user.
# Outlook's synchronisation by Microsoft's servers enables UIDONLY and then fetches messages by number. So it is not
# offered that, unless there is a table for that client without a user.
#[[imap.off_for]]
#client = "Microsoft Office 365"
#off = ["UIDONLY"]

[submit]
# When a message is kept on disk, and sent in the background, instead of being refused or sent while its client waits.
# "when-away": while Exchange is away or busy. "never": only while it is not known whether Exchange took it. "always".
# What is kept survives a restart. Passwords are not kept: after a restart it is sent once its owner signs in again, and
# at once where a service account or tokens do the work. `exgate spool` lists it, tries it again, and takes it back.
#spool = "when-away"
# Exchange keeps a copy in Sent Items; one that the client puts there itself becomes the same. If false, each message
# takes one call more.
#save_to_sent = true
# How long a message is tried that Exchange does not take. Then its sender finds a report in the inbox.
#give_up_hours = 48
# For how long Exchange may be at work on a message after its answer was lost, or was an error that leaves open whether it
# took it. After that the message is looked for, and given to Exchange again if it is not there; nobody waits for this, since the
# client was told before that the message is taken. Longer than anything on the way lets a request run: ASP.NET, within which
# Exchange runs, ends one after 110 s unless it was told otherwise, and servers in front of it after some minutes.
#lost_answer_seconds = 300
# The largest message, and the most recipients of one. Exchange has limits of its own.
#max_message_mib = 150
#max_recipients = 5000

[pop3]
# The size of a message, in STAT and LIST. "exact": always as many bytes as come. What was never read is fetched to know it,
# once, so that the first look at a large inbox takes long. "auto": of what was never read, an estimate that is never too low.
#size = "exact"

[ldap]
# The name below which people are found: the base DN to be entered in address books.
#base = "ou=people"
# The most people one search tells, up to 1000. Nobody can list the whole directory.
#max_people = 500

[dav]
# The address under which calendar clients reach the gateway; stands before the path in addresses of feeds.
#url = "https://dav.corp.example"
# The largest event, task or contact a client may store, attachments included.
#max_object_mib = 20
# Takes access tokens from clients, as `tokens` of an Exchange table, for every one of them.
#tokens = false

[cache]
# Disk space for message bodies.
#bodies_mib = 2048
# Messages of folders in use that are fetched before anybody asks for them: "none", "recent" (the newest 200 of each), or
# "all" that there is room for. Whoever reads one message after the other finds the next ones fetched in any case.
#prefetch = "none"

[accounts]
# Whether people whom Exchange lets in may use the gateway at once ("automatic"), or each after `exgate account approve`: until
# then they are refused ("manual"), or find an inbox with one message that says so ("quarantine").
#approval = "automatic"
# What is done where no rule says anything with those who come with the Exchange password, by a program that nobody has released:
# "allow", "block" or "quarantine".
#unknown_devices = "allow"
# What is sealed in the state (passwords of feeds, sign-ins at identity providers) opens with a key that lies there too, in accounts.key.
# This key, 32 bytes in base64, seals that one, from the next start on: then the state and its backups open nothing by themselves.
# old_key is the one before, until the gateway has started with both; alone it takes the sealing away. Any of them may stand elsewhere,
# as below.
#key = "cred:accounts.key"              # made by: openssl rand -base64 32
#old_key = "cred:accounts.key.old"
# Whom people can ask who are held, in a line.
#help = "telephone 1234, or helpdesk@corp.example"
# Asks a web server about everybody whom the rules let in: JSON by POST, with the time in Exgate-Timestamp, and with
# "v1=" and the hexadecimal HMAC-SHA256 of time, dot and body in Exgate-Signature. It answers {"decision": "allow", "block" or
# "quarantine", "say": "..."} with status 200; that counts for a minute. Redirects are not followed. on_failure: "closed" keeps
# people out while it does not answer in time, "open" lets them in.
#[accounts.decide]
#url = "https://hook.corp.example/decide"
#secret = "file:/etc/exgate/hook-secret"
#timeout_ms = 2000
#on_failure = "closed"
# Rules about who may come in, of which the first that fits decides; whoever none fits may. What a rule does not name it does
# not look at; a * stands for any text. A program is known by User-Agent, EHLO or ID; one that has not said what it is 30 seconds
# after it signed in, or when it first looks at mail that may be held, counts as one without a name. hours are UTC. say is for
# whoever is kept out or held. In quarantine somebody finds one message that says why, and can do nothing else, until
# `exgate account release`. What rules decide stands in the audit log.
#[[accounts.rules]]
#verdict = "block"              # or "allow", or "quarantine"
#account = "*@corp.example"
#label = "dept=sales"           # as `exgate account set --label` wrote it
#program = "*Outlook*"
#network = ["192.0.2.0/24"]
#protocol = ["imap"]            # "imap", "pop3", "submission", "dav", "ldap"
#hours = "22:00-06:00"
#say = "Please use the new mail program."

# A web server that is told of new mail in inboxes, by account, UID and EMAILID, signed as in accounts.decide; nothing of what it
# says. Inboxes are watched from somebody's sign-in on. What is not taken is told again, in order, for a quarter of an hour; what
# waits is lost with the program.
#[[hooks]]
#url = "https://hook.corp.example/mail"
#secret = "file:/etc/exgate/hook-secret"
#events = ["mail"]

# Who is told, once each, that something is wrong and that it is over: that more than this part of an organisation's mailboxes do
# not reach Exchange, that a certificate ends soon, that a sign-in at an identity provider was not renewed for long, that Exchange
# keeps asking to be left alone. A web hook is signed as in accounts.decide; mail goes by Exchange, from a mailbox the gateway
# opens by itself, or with from_password.
#[alerts]
#webhook = "https://hook.corp.example/alerts"
#secret = "file:/etc/exgate/hook-secret"
#mail_to = ["ops@corp.example"]
#from_account = "alerts@corp.example"
#from_password = "file:/etc/exgate/alerts-password"
#mailbox_failure_ratio = 0.5
#certificate_days = 14
#grant_days = 80
# How long what comes and goes has to last to be told, and to be over; and how often the gateway looks.
#lasting_seconds = 60
#throttling_minutes = 10
#every_seconds = 15

# One table for each Exchange organisation; the name is yours. Several live side by side and share nothing.
#
# Passwords and other texts below may stand elsewhere: "env:NAME" (environment), "file:/path" (first line of a file),
# "cred:name" (systemd LoadCredential=).
[exchange.main]
# What it is, for people.
#description = "Head office"
# The address of Exchange Web Services; or a list, the most wanted first, which are turned to one after the other when
# one fails. Without it Autodiscover looks for the servers of each user's domain.
url = "https://mail.corp.example/EWS/Exchange.asmx"
# Turn to the next url when one cannot be reached; turn back when it is good again.
#failover = true
#failback = true
# How Autodiscover is asked when url is missing: whether the "external" or the "internal" address is wanted, and hosts
# outside the user's own domain it may lead to. allow_http asks without TLS, which is for tests. Where url is set,
# Autodiscover is asked only which mailboxes have public folders, at autodiscover.url: the server's own, if left out.
#autodiscover = { prefer = "external", hosts = [], allow_http = false }
# Users of these domains belong here. With a single server and a url it may be left out: then it serves everybody.
domains = ["corp.example"]
# This organisation takes everybody whose domain no other one names.
#default = false
# The Windows domain put before user names that have none: anna signs in as CORP\anna.
#default_domain = "CORP"
# How to sign in: "auto" (the strongest the server offers), "basic" (over verified TLS only), "ntlm" (NTLMv2),
# "negotiate", "kerberos" (in builds with that feature; realms are set up in krb5.conf), or "oauth" (tokens; needs
# [exchange.main.oauth]).
#auth = "auto"
# Ties NTLM and Negotiate to the TLS connection (Extended Protection): "auto", "require" (no sign-in without), or "off" for
# servers behind something that opens the TLS with another certificate.
#channel_binding = "auto"
# "per-user": each user with their own password. "impersonation": one service account acts for everybody; users still
# sign in with their own passwords, which Exchange checks.
#mode = "per-user"
# Takes access tokens for this Exchange from clients instead of passwords, and passes them on. On with auth = "oauth".
#tokens = false
# Passwords of single devices, made by `exgate device add` and revoked one by one: "allowed" beside Exchange's own passwords, or
# "required" instead of them, which are refused then.
#device_passwords = "allowed"
# Certificates to trust beside the system's, PEM: for a private certificate authority.
#ca_file = "/etc/exgate/ca.pem"
# Or believe these certificates and no others, whoever signed them: fingerprints, one or a list.
#pin = ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]
# A certificate of the gateway's own, PEM, for a reverse proxy that asks for one.
#client_certificate = "/etc/exgate/gateway.pem"
#client_key = "/etc/exgate/gateway.key"
# The oldest TLS that is spoken, "1.2" or "1.3". legacy = "tls12-cbc" or "tls10" reaches servers too old for that, and is
# not safe; it needs a build with the feature tls-openssl.
#tls = { min = "1.2" }
# Lets passwords go to a server on another machine without TLS.
#allow_http = false
# Speaks to Exchange Online, whose EWS ends for good on 2027-04-01.
#allow_exchange_online = false

# The account that acts for users when mode = "impersonation"; it needs the role ApplicationImpersonation.
#[exchange.main.service]
#user = "CORP\\svc-exgate"
#password = "cred:exchange-password"    # with auth = "kerberos" none: a keytab (KRB5_CLIENT_KTNAME) or tickets (KRB5CCNAME)

# How connections leave.
[exchange.main.egress]
# From this address of the machine.
#bind = "192.0.2.7"
# Through a proxy: http://HOST:PORT (CONNECT) or socks5://HOST:PORT, with name (DOMAIN\user for NTLM) and password.
#proxy = "http://proxy.corp.example:3128"
#proxy_user = "CORP\\svc-proxy"
#proxy_password = "file:/etc/exgate/proxy-password"
# To these hosts only; *.corp.example stands for every name below. Left out: to any.
#allow_hosts = ["mail.corp.example", "*.corp.example"]
# Names are looked up at this server instead of the system's.
#dns = "10.0.0.53:53"

# The identity provider, with auth = "oauth".
#[exchange.main.oauth]
# Entra ID, or AD FS such as "https://sts.corp.example/adfs".
#authority = "https://login.microsoftonline.com"
# The directory (tenant) ID, and the application's. AD FS has no tenant.
#tenant = "env:EXGATE_TENANT"
#client_id = "env:EXGATE_CLIENT_ID"
# How the application shows who it is: by a secret, or by a certificate and its key (PEM). Neither for a public client.
#client_secret = "cred:client-secret"
#certificate = "/etc/exgate/app.pem"
#key = "/etc/exgate/app.key"
# Whose tokens are wanted (default: those of the Exchange server itself), or the scope word for word.
#resource = "https://mail.corp.example"
#scope = "https://mail.corp.example/EWS.AccessAsUser.All"
# "code" (a browser on this machine), "device" (a browser anywhere), or "client_credentials" (no user; for
# mode = "impersonation").
#flow = "code"
# Where the browser comes back to, as it is registered. By default a free port of 127.0.0.1.
#redirect = "http://127.0.0.1:8400/"
# How long `exgate login` waits for the sign-in. One that comes later can be taken up again.
#timeout = "120s"
# Hosts Exchange may name as its identity provider, beside Microsoft's and the authority above.
#allow_authorities = []

[exchange.main.limits]
# Requests at once: for one mailbox at most (it starts at 4 and adapts), and for the organisation.
#per_mailbox = 8
#per_organisation = 64
# Of those of one mailbox, how many may synchronise, and how many connections wait for news. A service account finds
# out how many more may synchronise; it acts for up to 200 mailboxes on each connection, and before Exchange 2013 has no
# more of those for all.
#sync_calls = 3
#streams = 2

[exchange.main.sync]
# Where Exchange cannot tell news, folders in use are looked at no more often than this.
#poll_min = "30s"
"#;
