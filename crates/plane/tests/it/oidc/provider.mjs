// A real provider of OpenID Connect for the tests of single sign-on. Whoever logs in is who they say, by mail address;
// `?` before it leaves the address unverified. Prints its port; ends with its standard input.
import { createRequire } from "node:module";
import { createServer } from "node:http";

const [modules, redirect] = process.argv.slice(2);
const { default: Provider } = await import(createRequire(`${modules}/`).resolve("oidc-provider"));

const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "vclouden", client_secret: "s3creto", redirect_uris: [redirect] }],
  claims: { email: ["email", "email_verified"], profile: ["name"] },
  cookies: { keys: ["for tests"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id.replace("?", ""), email_verified: !id.startsWith("?"), name: "Ana of the provider" }),
  }),
});
server.on("request", provider.callback());
console.log(server.address().port);
// Nobody reads further; what it would say is about its own defaults.
console.info = () => {};
process.stdin.resume().on("end", () => process.exit());
