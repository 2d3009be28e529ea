"""Letters into the sandbox's mailbox, which stands in for a mail server until one is configured."""

from bot.mail.contracts import Letter
from bot.mail.dkim import Sign
from bot.mail.transports.web import Wire, judged


class SandboxTransport:
    """Posts the bytes a mail server would get."""

    def __init__(self, url: str, token: str, sign: Sign = bytes) -> None:
        self._url, self._token, self._sign = url, token, sign
        self._wire = Wire("The sandbox's mailbox", direct=True)

    async def send(self, letter: Letter) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "message/rfc822"}
        raw = self._sign(letter.message.as_bytes())
        said = await self._wire.post(
            f"{self._url}/sandbox/mail", params={"to": letter.recipient}, headers=headers, data=raw
        )
        if not said.ok:
            raise judged("The sandbox's mailbox", said, letter.recipient, never=False)

    async def close(self) -> None:
        await self._wire.close()
