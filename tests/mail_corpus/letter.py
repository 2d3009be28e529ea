"""The letter that the corpus answers, read with nothing but the standard library, and the people around it."""

from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from email.utils import parseaddr
from functools import cached_property

from bs4 import BeautifulSoup

AUTHSERV = "mx.outcome.test"


@dataclass(frozen=True)
class Person:
    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.partition("@")[2]

    @property
    def full(self) -> str:
        return f"{self.name} <{self.address}>"


ANA = Person("Ana Diaz", "ana@example.com")
BEN = Person("Ben Okri", "ben@example.com")
MALLORY = Person("Mallory Crook", "mallory@evil.test")


@dataclass(frozen=True)
class Sent:
    """A gate's letter as its recipient's client sees it."""

    raw: bytes
    recipient: str
    sender: str
    reply_to: str
    message_id: str
    subject: str
    text: str
    html: str

    @property
    def quoted(self) -> str:
        return "\n".join(f"> {line}".rstrip() for line in self.text.splitlines())

    @cached_property
    def inner(self) -> str:
        """The HTML as clients embed it: the body's inside."""
        body = BeautifulSoup(self.html, "html.parser").body
        return body.decode_contents() if body else self.html

    @cached_property
    def flat(self) -> str:
        """As clients that make text from HTML quote it: other words around the same facts than our text part has."""
        soup = BeautifulSoup(self.html, "html.parser")
        for bold in soup.find_all(["b", "strong"]):
            bold.insert_before("*")
            bold.insert_after("*")
        for picture in soup.find_all("img"):
            picture.replace_with(f"[image: {picture.get('alt', '')}]")
        for link in soup.find_all("a"):
            link.append(f" <{link.get('href', '')}>")
        body = soup.body or soup
        return "\n".join(line.strip() for line in body.get_text("\n").splitlines() if line.strip())

    @property
    def base(self) -> str:
        """The reply address without the token."""
        local, _, domain = self.reply_to.partition("@")
        return f"{local.partition('+')[0]}@{domain}"


def sent(raw: bytes) -> Sent:
    message = message_from_bytes(raw, policy=default)

    def part(kind: str) -> str:
        found = message.get_body(preferencelist=(kind,))
        return str(found.get_content()).replace("\r\n", "\n") if found is not None else ""

    return Sent(
        raw,
        parseaddr(str(message["To"]))[1].lower(),
        str(message["From"]),
        parseaddr(str(message["Reply-To"] or message["From"]))[1],
        str(message["Message-ID"]).strip(),
        str(message["Subject"]),
        part("plain"),
        part("html"),
    )
