"""A mail server for the tests: says its port, then each letter as a line of JSON."""

import asyncio
import base64
import email
import email.policy
import json

from aiosmtpd.smtp import SMTP


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {"to": envelope.rcpt_tos, "subject": letter["subject"], "text": letter.get_body().get_content(),
                "headers": {name.lower(): str(value) for name, value in letter.items()},
                "whole": base64.b64encode(envelope.content).decode()}
        print(json.dumps(told), flush=True)
        return "250 taken"


async def main():
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Mailbox()), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
