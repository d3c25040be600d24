"""What the DAV client checks share: where the gateway is, plain requests, and an account at Exchange itself.

DAV_URL is the gateway, http://HOST:PORT; EWS_URL the simulator behind it.
"""

import base64
import os
import re
import urllib.error
import urllib.request
import warnings

from clients import EWS_URL, PASSWORD, USER

URL = os.environ.get("DAV_URL", "http://127.0.0.1:1080").rstrip("/")


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


AUTHORIZATION = basic(USER, PASSWORD)
BOB = ("bob@demo.test", "demo-bob")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode("utf-8", "replace")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def ask(method, path, body=None, headers=None, anonymous=False):
    """One request; an error status is an answer too."""
    headers = dict(headers or {})
    if not anonymous:
        headers.setdefault("Authorization", AUTHORIZATION)
    if isinstance(body, str):
        body = body.encode()
    url = path if path.startswith("http") else URL + path
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with _opener.open(request, timeout=60) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


def home(kind, user=USER):
    """The home of `calendars` or `addressbooks`."""
    return f"/dav/{kind}/{user}/"


def hrefs(answer):
    return re.findall(r"<(?:[A-Za-z]+:)?href>([^<]*)</", answer.text)


def exchange(user=USER, password=PASSWORD):
    """A mailbox, as Exchange itself shows it to a client that somebody else wrote."""
    import exchangelib as ews

    warnings.simplefilter("ignore")
    config = ews.Configuration(
        service_endpoint=EWS_URL, credentials=ews.Credentials(user, password), auth_type=ews.BASIC, max_connections=2,
    )
    return ews.Account(user, config=config, autodiscover=False, access_type=ews.DELEGATE, default_timezone=ews.UTC)


def unfold(text):
    return re.sub(r"\r?\n[ \t]", "", text)


def objects(collection, headers=None):
    """Every object of a collection: href -> text, unfolded."""
    listing = ask("PROPFIND", collection, '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>', {"Depth": "1", **(headers or {})})
    names = [href for href in hrefs(listing) if href != collection]
    return {name: unfold(ask("GET", name, headers=headers).text) for name in names}


def calendar(*components, method=None):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Checks//EN", *([f"METHOD:{method}"] if method else [])]
    return "\r\n".join([*lines, *components, "END:VCALENDAR", ""])


def event(uid, summary, *lines, start="20260310T090000Z", end="20260310T100000Z"):
    return "\r\n".join([
        "BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260301T000000Z", f"DTSTART:{start}", f"DTEND:{end}",
        f"SUMMARY:{summary}", *lines, "END:VEVENT",
    ])


def card(uid, name, *lines):
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{name}", f"N:{name};;;;", *lines, "END:VCARD", ""])
