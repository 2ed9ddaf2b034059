# Para entrar, la página propia, las cartas y lo que se niega.
mail = Correo electrónico
password = Contraseña
password-hint = Al menos 10 caracteres; cuatro palabras sirven
password-new = Contraseña nueva
password-old = Contraseña actual
password-change = Cambiar la contraseña
your-name = Su nombre
save = Guardar
back-to-login = Volver a entrar
login-title = Entrar
login-lead = Sus aplicaciones y sus clientes, a un paso.
login-lead-portal = A sus aplicaciones en { $name }
login-button = Entrar
login-forgot = ¿Olvidó su contraseña?
login-signup = Crear una cuenta
signup-title = Crear una cuenta
signup-lead = Díganos a dónde escribir; la carta trae el enlace para seguir.
signup-closed = Aquí las cuentas se hacen por invitación. Pida una a quien administra esto.
signup-mail-hint = El de su trabajo, si lo tiene
signup-button = Seguir
signup-have = Ya tengo una cuenta
signup-sent-title = Mire su correo
signup-sent = Le escribimos a { $mail }. Abra el enlace de la carta antes de siete días.
join-title = Le damos la bienvenida
join-lead = { $mail } tiene una invitación para ser { $role } de { $place }.
join-founds-publisher = Una cuenta nueva para { $mail }: para usted y para su equipo.
join-founds-customer = Una cuenta nueva para { $mail } y su empresa.
join-organisation-publisher = Cómo se llama su empresa de software
join-organisation-customer = Cómo se llama su empresa
join-log-in-first = { $mail } ya tiene una cuenta. Entre con ella para aceptar la invitación.
join-button = Empezar
reset-title = Una contraseña nueva
reset-lead = Le enviamos un enlace para elegir otra.
reset-no-mail = Desde aquí aún no se puede enviar correo. Pida otra invitación a quien administra esto.
reset-button = Enviar el enlace
reset-sent-title = Mire su correo
reset-sent = Si { $mail } tiene una cuenta aquí, va en camino una carta con un enlace. Sirve durante una hora.
choose-title = Elija una contraseña nueva
choose-lead = Donde haya entrado antes tendrá que entrar de nuevo.
choose-button = Guardarla
choose-again = Pedir otro enlace
account-back = Volver
account-profile = Sobre usted
account-sessions = Dónde ha entrado
account-sessions-lead = Termine lo que no reconozca y cambie su contraseña.
time-zone = Zona horaria
time-zone-hint = Como America/Bogota o Europe/Madrid
browser = Navegador
address = Dirección
last-used = Último uso
this-browser = Este
end = Terminar
end-others = Terminar todas las demás
done-account = Guardado.
done-password = Su contraseña cambió. En todo lo demás hay que entrar de nuevo.
done-session = Esa sesión terminó.
done-sessions = Las demás sesiones terminaron.
letter-invitation-subject = Su invitación a vClouden
letter-invitation-body =
    Hola:

    { $by } le envía una invitación. Abra este enlace para entrar; sirve durante siete días:

    { $link }

    Si esto no le dice nada, no haga nada: no pasará nada.
letter-reset-subject = Una contraseña nueva
letter-reset-body =
    Hola, { $name }:

    abra este enlace para elegir una contraseña nueva; sirve durante una hora:

    { $link }

    Si no la pidió, no haga nada: su contraseña sigue igual.
refusal-wrong-password = La dirección o la contraseña no son correctas; intente de nuevo o pida una contraseña nueva.
refusal-too-many-guesses = Demasiadas contraseñas incorrectas; espere unos minutos o pida una contraseña nueva.
refusal-bad-password = La contraseña debe tener de 10 a 200 caracteres y no ser de las que se adivinan primero, como su nombre o 1234567890; cuatro palabras sirven.
refusal-bad-mail = Eso no es una dirección de correo; escriba una como rosa@example.com.
refusal-sign-up-closed = Aquí las cuentas se hacen por invitación; pida una a quien administra esto.
refusal-unknown-invitation = Esta invitación ya se usó o es demasiado vieja; pida otra.
refusal-unknown-link = Este enlace ya se usó o es demasiado viejo; pida otro.
refusal-another-address = Esta invitación es para otra dirección que la suya; salga primero.
refusal-account-exists = Esta dirección ya tiene una cuenta; entre con ella y abra el enlace de nuevo.
refusal-old-form = Este formulario es demasiado viejo o de otra sesión; abra la página de nuevo y repítalo.
refusal-foreign-form = Este formulario lo envió una página de otro; abra la página aquí y envíelo de nuevo.
refusal-forbidden = Su rol no lo permite; pídalo a quien decide aquí.
refusal-bad-slug = Un nombre corto tiene de 1 a 30 letras minúsculas, cifras y guiones, y empieza y termina con letra o cifra.
refusal-bad-name = Un nombre tiene de 1 a 100 caracteres, sin caracteres de control.
refusal-app-exists = Ya hay una aplicación con ese nombre corto; elija otro.
refusal-customer-exists = Ya hay un cliente con ese nombre corto; elija otro.
refusal-publisher-exists = Ya hay un editor con ese nombre corto; elija otro.
refusal-app-in-use = La aplicación tiene instalaciones; quítelas primero.
refusal-customer-in-use = El cliente tiene instalaciones; quítelas primero.
refusal-version-in-use = La versión se necesita: una instalación la usa, o se puede volver a ella.
refusal-name-taken = Ya hay una instalación con ese nombre; elija otro, o no dé ninguno.
refusal-not-confirmed = Escriba el nombre para confirmar; no se hizo nada.
refusal-busy = Se está haciendo otra cosa con la instalación; espere a que termine.
refusal-deployment-under-way = Ya hay un despliegue en marcha; espere a que termine o deténgalo.
refusal-nothing-to-roll-back = No hay a qué volver: ya no queda copia de antes de un despliegue.
refusal-rolled-back-already = Ya se volvió atrás desde el último despliegue.
refusal-last-one = Es la única persona que decide ahí; haga primero que otra decida.
refusal-bad-time-zone = Eso no es una zona horaria; escriba una como America/Bogota.
refusal-no-package = Elija un paquete: un tar.gz de un directorio con un vclouden.toml.
refusal-no-mail = Desde aquí aún no se puede enviar correo; pida otra invitación a quien administra esto.
letter-signup-subject = Su cuenta en vClouden
letter-signup-body =
    Hola:

    abra este enlace para seguir con su cuenta; sirve durante siete días:

    { $link }

    Si no la pidió, no haga nada: no pasará nada.
refusal-too-many-letters = Ya se enviaron bastantes cartas; mire su correo, también el no deseado, o espere un rato.
refusal-member-already = Usted ya tiene un rol ahí; quien decide ahí puede cambiarlo.
