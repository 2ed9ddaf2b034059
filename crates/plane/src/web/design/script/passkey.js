// Passkeys: a form with data-passkey asks an authenticator when it is sent, and carries what that says. Without a
// script or without such a browser it stays hidden: there is always a password.
{
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer ?? []))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const keys = (list) => list.split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));

  const make = async ({ challenge, user, account, person, site, exclude }) => {
    const credential = await navigator.credentials.create({ publicKey: {
      challenge: bytes(challenge),
      rp: { name: site },
      user: { id: bytes(user), name: account, displayName: person },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: keys(exclude),
      authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
      attestation: "none",
    } });
    return { credential, authenticator_data: credential.response.getAuthenticatorData() };
  };

  const show = async ({ challenge, allow, verify }) => {
    const credential = await navigator.credentials.get({ publicKey: {
      challenge: bytes(challenge), allowCredentials: keys(allow), userVerification: verify,
    } });
    const { authenticatorData, signature, userHandle } = credential.response;
    return { credential, authenticator_data: authenticatorData, signature, user: userHandle };
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const said = form.querySelector("[role=alert]");
      said.hidden = true;
      try {
        const { credential, ...parts } = await (form.dataset.passkey === "make" ? make : show)(form.dataset);
        form.elements.credential.value = text(credential.rawId);
        form.elements.client_data.value = text(credential.response.clientDataJSON);
        for (const [name, buffer] of Object.entries(parts)) form.elements[name].value = text(buffer);
        form.submit();
      } catch {
        // Which of the many reasons it was, browsers keep to themselves.
        said.hidden = false;
      }
    });
  }
}
