"""A mail server for the tests: python3 smtp.py starttls|tls|plain CERTIFICATE KEY.
Says its port, then each message as a line of JSON. Takes mail from `cirrus`, password `s3creto`, and over TLS alone."""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

how, certificate, key = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encrypted": server.transport.get_extra_info("cipher") is not None,
            "text": envelope.content.decode(),
        }
        print(json.dumps(told), flush=True)
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"cirrus", b"s3creto"), handled=False)


def connection():
    return SMTP(
        Mailbox(),
        tls_context=context if how == "starttls" else None,
        require_starttls=how == "starttls",
        authenticator=login,
        auth_required=True,
        auth_require_tls=how == "starttls",
    )


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context if how == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
