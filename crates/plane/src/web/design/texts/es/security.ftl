# Lo que las personas muestran además de una contraseña, y cómo entran sin ella.
security-title = Segundo factor
security-lead = Lo que usted muestra además de su contraseña, para que la contraseña sola no valga nada.
security-wanted = { $publisher } pide un segundo factor a todas las personas que trabajan ahí. Configure uno para seguir.
security-manage = Segundo factor y códigos de recuperación
on = activo
off = inactivo
turn-off = Desactivar
proof = Su contraseña o un código
proof-own = Su contraseña, o un código que ya tenía
code-app = Aplicación de códigos
code-app-about = Una aplicación en su teléfono da un código nuevo cada 30 segundos.
code-app-set-up = Configurarla
code-app-other = Configurar otra
code-app-title = Configure una aplicación de códigos
code-app-lead = Escanee esto con una aplicación como Aegis, Google Authenticator o 1Password y escriba el código que muestra.
code-app-picture = Código QR para su aplicación; abajo está lo mismo como texto
code-app-by-hand = ¿No puede escanearlo? Escriba esto en la aplicación:
code-app-secret = Secreto de la aplicación
code-app-first = Código que muestra la aplicación
code-app-confirm = Activarla
code-app-off-title = Desactivar la aplicación
code-app-off-text = Después la contraseña sola dejará entrar a quien la sepa, salvo que usted tenga otro segundo factor.
codes-title = Códigos de recuperación
codes-once = Imprímalos o anótelos ahora: se muestran esta única vez. Cada uno le deja entrar una vez si pierde su teléfono.
codes-left = { $n ->
    [one] Le queda un código. Cada uno sirve una vez, si pierde su teléfono.
   *[other] Le quedan { $n } códigos. Cada uno sirve una vez, si pierde su teléfono.
}
codes-new = Hacer otros
codes-new-text = Los de antes dejan de servir.
code-title = Un paso más
code-lead = { $mail }: muestre que es usted.
code-of-app = Código de su aplicación
code-on-paper = Código de recuperación
code-on-paper-hint = Como abcd-efgh-ijkl-mnop; cada uno sirve una vez
code-lost = No tengo acceso a mi aplicación
code-all-lost = ¿Tampoco tiene códigos? Quien administra esto puede restablecer su segundo factor.
code-other = Entrar como otra persona
done-code-app = La aplicación está activa: desde ahora se le pedirá su código.
done-code-app-off = La aplicación está inactiva.
done-codes = Los códigos de antes dejaron de servir.
sign-in = Cómo entran los miembros
sign-in-lead = Lo que debe mostrar para entrar quien trabaja aquí.
sign-in-require = Quien trabaja aquí debe tener un segundo factor
sign-in-without = { $n ->
    [0] Todas las personas tienen uno.
    [one] Una persona no lo tiene: deberá configurarlo antes de seguir.
   *[other] { $n } personas no lo tienen: deberán configurarlo antes de seguir.
}
second-factor = Segundo factor
second-factor-none = solo contraseña
second-factor-reset = Restablecer el segundo factor
second-factor-reset-text = La sesión de { $name } termina y podrá entrar solo con la contraseña. Asegúrese antes de que de verdad lo pide esa persona.
done-sign-in = Guardado.
done-second-factor-reset = Ya no tiene segundo factor; entra solo con la contraseña.
verb-person-prove = mostró que es quien dice ser
verb-person-second-factor = cambió su segundo factor
verb-member-second-factor = restableció un segundo factor
verb-publisher-sign-in = cambió cómo entran los miembros
letter-security-subject = Su cuenta: cambió aquello con lo que entra
letter-security-body =
    Hola, { $name }:

    { $what }

    Si no fue usted, cambie enseguida su contraseña y mire dónde ha entrado:

    { $site }/account
letter-security-app-on = Se configuró una aplicación de códigos para su cuenta.
letter-security-app-off = Se desactivó la aplicación de códigos de su cuenta.
letter-security-codes = Se hicieron códigos de recuperación nuevos para su cuenta; los de antes dejaron de servir.
letter-security-code-used = Se usó un código de recuperación de su cuenta.
letter-security-reset = Quien administra esto restableció su segundo factor.
refusal-wrong-code = Ese código no es correcto o ya se usó; espere el siguiente.
refusal-wrong-proof = No es su contraseña ni un código; no se cambió nada.
refusal-login-over = Pasó demasiado tiempo, o ya se hizo; entre de nuevo.
refusal-own-factor-first = Configure primero su propio segundo factor; de otro modo se quedaría fuera.
refusal-no-code-app = Ninguna aplicación da códigos para esta cuenta.
refusal-no-second-factor = Estos códigos reemplazan a un segundo factor: configure uno primero.
passkeys = Llaves de acceso
passkeys-about = Una llave que guarda su teléfono, su computador o una llave de seguridad. Le deja entrar sin contraseña, y nadie puede sacársela con engaños.
passkeys-elsewhere = Sus llaves de acceso son para { $hosts }: entre allí para usarlas.
passkey-add = Añadir una llave de acceso
passkey-name = Nombre
passkey-remove = Quitar
passkey-remove-text = Ya no dejará entrar a nadie. Quítela también del dispositivo.
passkey-log-in = Entrar con una llave de acceso
passkey-show = Mostrar su llave de acceso
passkey-failed = La llave de acceso no se mostró. Intente de nuevo o entre de otro modo.
done-passkey = La llave de acceso está lista.
done-passkey-name = Ahora tiene otro nombre.
done-passkey-off = Esa llave ya no deja entrar a nadie.
letter-security-passkey-on = Se añadió una llave de acceso a su cuenta.
letter-security-passkey-off = Se quitó una llave de acceso de su cuenta.
refusal-wrong-passkey = La llave de acceso no se aceptó; intente de nuevo.
refusal-strange-passkey = Aquí no se conoce esa llave de acceso; entre con la contraseña o regístrela en su cuenta.
refusal-challenge-over = Esta página estuvo abierta demasiado tiempo o ya se usó; ábrala de nuevo.
refusal-passkey-exists = Esa llave de acceso ya está registrada.
refusal-too-many-passkeys = Ya hay demasiadas llaves de acceso; quite una primero.
refusal-unknown-passkey = Usted no tiene esa llave de acceso.
device-title = Dejar entrar a una línea de órdenes
device-lead = Una línea de órdenes muestra un código: escríbalo aquí para dejarla entrar.
device-lead-found = ¿Es esto lo que muestra su línea de órdenes?
device-code = Código
device-code-hint = Como BCDF-GHJK
device-name = Quién lo pide
code = Código
go-on = Seguir
device-scopes = Con eso podrá:
device-days = { $n ->
    [one] Durante un día. Se puede terminar antes en la lista de llaves.
   *[other] Durante { $n } días. Se puede terminar antes en la lista de llaves.
}
device-warning = Siga solo si usted mismo acaba de empezar esto. Quien le haya enviado este código actuaría en su nombre.
device-place = Actúa en su nombre en
device-approve = Dejarla entrar
device-refuse = No dejarla entrar
device-nowhere = Usted todavía no tiene un lugar en ningún editor, así que no hay a dónde dejarla entrar.
account-device = ¿Una línea de órdenes pide un código? <a href="{ $href }">Escríbalo aquí.</a>
done-device = La línea de órdenes puede entrar; sigue por sí sola.
done-device-refused = No se la dejó entrar.
verb-device-approve = dejó entrar a una línea de órdenes
verb-device-refuse = no dejó entrar a una línea de órdenes
verb-token-end = cerró la sesión de una línea de órdenes
refusal-unknown-device-code = Ninguna línea de órdenes espera con ese código; mire lo que muestra.
refusal-device-decided = Alguien ya decidió sobre esto, o ya no espera.
refusal-bad-place = Usted no tiene un lugar ahí; elija uno de los suyos.
refusal-too-many-requests = Es demasiado a la vez; espere un momento e intente de nuevo.
events-search = Nombre de una cosa
events-everything = Todo
events-any-result = Cualquier resultado
events-from = Desde este día
events-to = Hasta este día
noun-app = Aplicaciones
noun-version = Versiones
noun-customer = Clientes
noun-installation = Instalaciones
noun-backup = Copias
noun-deployment = Despliegues
noun-session = Entradas y salidas
noun-person = Cuentas
noun-member = Miembros
noun-invitation = Invitaciones
noun-token = Llaves
noun-device = Líneas de órdenes
noun-publisher = El editor
refusal-bad-day = Eso no es un día; escriba uno como 2026-11-23.
refusal-bad-query = La búsqueda no se puede leer.
sso-title = Inicio de sesión único
sso-lead = Entre con el acceso de su propia empresa.
sso-go = Ir al acceso de { $publisher }
sso-about = Quien trabaja aquí entra con su propio proveedor de OpenID Connect, como Google, Microsoft o Keycloak. Esa sesión solo alcanza a este editor.
sso-callback = Su proveedor debe conocer esta dirección:
sso-issuer = Emisor
sso-issuer-hint = Déjelo vacío para no tener ninguno
sso-client = Identificador de cliente
sso-secret = Secreto de cliente
sso-secret-kept = Hay uno guardado; déjelo vacío para conservarlo
sso-domains = Dominios de direcciones de correo
sso-domains-hint = Como acme.example; varios con comas
sso-role = Quien viene por primera vez será
sso-invited = solo entra quien tiene invitación
refusal-sso-refused = No se le dejó entrar: lo que dijo el proveedor de su empresa no se puede creer. Pregunte a quien lo administra.
refusal-sso-silent = No se pudo preguntar al proveedor de su empresa; intente más tarde.
refusal-sso-unknown = Nadie configuró el inicio de sesión único para esa dirección; entre con su contraseña.
refusal-sso-cancelled = El proveedor de su empresa no le dejó entrar.
refusal-sso-domain = Las personas con una dirección como esa no entran por este proveedor.
refusal-sso-not-invited = Usted no tiene invitación ahí; pídala a una persona propietaria.
refusal-bad-sign-on = Revise el cliente, el secreto, los dominios y el rol; no se cambió nada.
refusal-signed-on = Usted entró por el proveedor de su empresa; entre con una contraseña propia para cambiar esto.
mail-address = Dirección de correo
mail-about = Usted entra con { $mail }. Para tener otra, enviamos un enlace a ella: ábralo con su sesión iniciada aquí y tome la dirección.
mail-none = Usted entra con { $mail }. Podrá cambiarla cuando esta plataforma pueda enviar correo.
mail-new = Dirección de correo nueva
mail-send = Enviar el enlace
mail-title = Su nueva dirección de correo
mail-lead = { $name } entra hasta ahora con { $old }. Desde ahora será { $new }.
mail-take = Tomar esta dirección
refusal-wrong-old-password = La contraseña anterior no es correcta; no se cambió nada.
refusal-mail-has-account = Esta dirección ya tiene una cuenta; elija otra o entre con esa cuenta.
refusal-no-mail-for-change = Desde aquí aún no se puede enviar correo, así que una dirección no se puede comprobar; pregunte a quien administra esto.
done-mail-asked = Un enlace va en camino a la dirección nueva. Ábralo en este navegador y tome la dirección; hasta entonces nada cambia.
done-mail = Desde ahora usted entra con la dirección nueva. En todo lo demás hay que entrar de nuevo.
letter-mail-subject = ¿Es esta su dirección?
letter-mail-body =
    La cuenta { $old } va a tener esta dirección. Si es suya, abra este enlace donde tenga su sesión iniciada y pulse «Tomar esta dirección»; sirve durante un día:

    { $link }

    Si no lo pidió, no haga nada: no pasará nada.
letter-mail-changed-subject = Su cuenta: cambió su dirección de correo
letter-mail-changed-body =
    Hola, { $name }:

    desde ahora su cuenta tiene la dirección { $new }, y con ella se entra. Esta ya no deja entrar a nadie.

    Si no fue usted, escriba enseguida a quien administra { $site }.
letter-guesses-subject = Su cuenta: alguien prueba códigos
letter-guesses-body =
    Hola, { $name }:

    en una hora se mostraron varios códigos o contraseñas incorrectos en su cuenta. Quien prueba conoce su contraseña, o encontró un navegador en el que usted ha entrado.

    Si no fue usted, cambie su contraseña y mire dónde ha entrado:

    { $site }/account
verb-person-mail-request = pidió otra dirección de correo
verb-person-mail = cambió su dirección de correo
refusal-same-mail = Esa es la dirección que ya tiene.
refusal-another-account = Este enlace es para otra cuenta que la suya; salga primero.
