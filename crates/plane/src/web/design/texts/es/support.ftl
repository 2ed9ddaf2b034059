# Soporte: solicitudes, respuestas guardadas, permiso para recibir ayuda.
menu-tickets = Soporte
tickets-lead = Lo que preguntan sus clientes y lo que usted responde.
tickets-search = Buscar solicitudes
tickets-everybodys = De todos
tickets-mine = Mías
tickets-nobodys = De nadie
tickets-all-customers = Todos los clientes
tickets-nothing-found = Ninguna solicitud es así. Busque menos.
tickets-empty-title = Aún no hay solicitudes
tickets-empty = Sus clientes preguntan en su portal. Mientras tanto, anote lo que responderá a menudo.
tickets-new = Pedir ayuda
tickets-new-lead = Diga qué hizo, qué pasó y qué esperaba.
home-tickets = Clientes que esperan una respuesta
ticket = Solicitud
ticket-subject = Asunto
ticket-subject-hint = En pocas palabras
ticket-question = Su pregunta
ticket-which = Qué aplicación
ticket-which-none = Ninguna en particular
ticket-is-about = Sobre
ticket-text = Texto
ticket-text-hint = Sirve Markdown: **negrita**, listas, enlaces, código
ticket-files = Archivos
ticket-files-hint = Hasta 5, de 10 MiB cada uno
ticket-answer = Responder
ticket-send = Enviar
ticket-then = Después la solicitud queda
ticket-internal = Una nota para colegas
ticket-internal-hint = El cliente nunca la ve
ticket-note = nota
ticket-by-mail = por correo
ticket-message-of = Mensaje de { $name }
ticket-about = Sobre esta solicitud
ticket-opened-by = La abrió
ticket-handling = Quién la atiende
ticket-assignee = La atiende
ticket-nobody = nadie
ticket-last = Última palabra
ticket-from-customer = cliente,
ticket-from-publisher = nosotros,
ticket-from-us = nosotros,
ticket-solved = Está resuelta
ticket-is-closed = Esta solicitud está cerrada.
ticket-state-open = Abierta
ticket-state-waiting = Espera al cliente
ticket-state-solved = Resuelta
ticket-state-closed = Cerrada
answers = Respuestas guardadas
answers-lead = Lo que responde a menudo, listo para ponerlo en una solicitud.
answers-new = Nueva respuesta
answers-title = Título
answers-title-hint = Solo lo ven sus colegas
answers-text-hint = Se completan al usarla: {"{customer}"}, {"{person}"}, {"{me}"}, {"{number}"}, {"{installation}"}, {"{address}"}
answers-insert = Poner en el texto
answers-delete = Borrar { $title }
answers-empty-title = Aún no hay respuestas guardadas
answers-empty = Escriba la primera; desde entonces se ofrece en cada solicitud.
portal-tickets = Soporte
portal-tickets-lead = Lo que su empresa ha preguntado y las respuestas.
portal-tickets-empty-title = Aún no hay preguntas
portal-tickets-empty = ¿Algo no es como debería? Pregunte a quienes hacen sus aplicaciones.
support-leave = Ayuda de soporte
leave-lead = Soporte no abre sus aplicaciones por su cuenta. Si hace falta, permita que abra esta por un tiempo.
leave-for = Por cuánto tiempo
leave-hour = 1 hora
leave-day = 1 día
leave-week = 7 días
leave-grant = Permitir que soporte la abra
leave-given = { $name } permite que soporte la abra.
leave-none = El cliente no ha permitido que soporte la abra.
leave-end = Retirar el permiso
done-answer = Su respuesta se envió.
done-note = La nota se agregó.
done-asked = Su pregunta se envió.
done-solved = Gracias. Escriba de nuevo si no lo está.
done-ticket = La solicitud cambió.
done-canned = La respuesta está guardada.
done-canned-deleted = La respuesta se borró.
done-leave = Soporte puede abrirla ahora.
done-leave-ended = Soporte ya no puede abrirla.
scope-support = abrir y responder solicitudes
verb-ticket-open = abrió una solicitud
verb-ticket-answer = escribió en una solicitud
verb-ticket-note = agregó una nota a una solicitud
verb-ticket-change = cambió una solicitud
verb-ticket-assign = cambió quién atiende una solicitud
verb-attachment-create = envió un archivo
verb-answer-create = guardó una respuesta
verb-answer-change = cambió una respuesta guardada
verb-answer-delete = borró una respuesta guardada
verb-leave-grant = permitió que soporte la abra
verb-leave-end = retiró el permiso de soporte
refusal-bad-text = Un texto tiene de 1 a 10.000 caracteres; envíe como archivo lo que sea más largo.
refusal-bad-subject = El asunto tiene de 1 a 100 caracteres, en una línea.
refusal-bad-title = El título tiene de 1 a 100 caracteres, en una línea.
refusal-too-many-files = Son demasiados archivos: hasta 5 por mensaje. Envíe los demás con otro.
refusal-ticket-full = Los archivos de esta solicitud serían demasiados; abra otra.
refusal-too-large = Es más grande de lo que se acepta; envíe algo más pequeño.
refusal-ticket-closed = Esta solicitud está cerrada; abra otra.
refusal-unknown-ticket = No hay tal solicitud.
refusal-answer-exists = Ya hay una respuesta con ese título; elija otro.
refusal-no-leave = Ningún permiso está vigente para esta instalación.
refusal-bad-assignee = La atiende un propietario, desarrollador o soporte del editor.
refusal-disk-full = No queda espacio para guardarlo; avise a quien administra esto.
open-as-support = Abrir como soporte
ticket-state-yours = Le espera a usted
letter-ticket-subject = [#{ $number }] { $subject }
letter-ticket-body =
    { $mark }{ $author } ({ $whose }):

    { $text }

    { $files }{ $link }
letter-ticket-above = Escriba su respuesta por encima de esta línea
letter-ticket-files = { $n ->
    [one] Vino un archivo; está tras el enlace.
   *[other] Vinieron { $n } archivos; están tras el enlace.
}
verb-mail-receive = escribió por correo
verb-ticket-see = leyó una solicitud
scope-mail = entregar cartas
settings-incoming = Correo que entra
settings-incoming-lead = Los clientes responden por correo a esta dirección. Su servidor debe poner support+loquesea en el mismo buzón.
settings-address = Dirección
settings-imap = Buzón (IMAP)
settings-imap-lead = Se lee cada minuto; déjelo vacío si un programa entrega las cartas.
settings-folder = Carpeta
settings-imap-port-hint = 993 si se deja vacío
refusal-bad-mailbox = El buzón no está completo o no es seguro: dirección sin +, servidor, usuario, contraseña y TLS.
letter-leave-subject = Soporte puede abrir { $installation }
letter-leave-body =
    Hola, { $name }:

    { $by } permite que soporte abra { $installation } durante { $hours } horas. Usted recibe esta carta porque administra { $customer }.

    Si eso no se quiere, quítelo aquí:

    { $site }/c/{ $slug }/installations/{ $installation }
letter-member-subject = { $customer }: { $role ->
    [none] { $who } ya no es de su gente
   *[other] { $who } es de su gente
}
letter-member-body =
    Hola, { $name }:

    { $role ->
        [none] { $who } ({ $mail }) ya no es de la gente de { $customer }.
        [customer-admin] { $who } ({ $mail }) es ahora de la gente de { $customer } y la administra.
       *[other] { $who } ({ $mail }) es ahora de la gente de { $customer }.
    } Así lo decidió { $by }.

    Si no es correcto, cámbielo aquí:

    { $site }/c/{ $slug }/people
refusal-leave-by-person = Quien deja entrar a soporte es una persona del cliente, en el portal.
refusal-works-there = Esa dirección trabaja con el editor y no puede ser de la gente de un cliente ni dejarse entrar; use otra dirección.
refusal-too-many-invitations = Ya se enviaron bastantes invitaciones desde aquí o a esa dirección; espere un rato.
tickets-by-mail = O escriba a { $address } desde la dirección de su cuenta.
tickets-by-mail-console = Los clientes abren solicitudes por correo en { $address }, desde las direcciones de sus cuentas.
ticket-unread = sin leer
letter-opened-subject = [#{ $number }] { $subject }
letter-opened-body =
    { $mark }{ $name }, tenemos su carta. Es la solicitud n.º { $number }.

    Responda a esta carta para añadir algo, o véala aquí:

    { $link }
letter-several-subject = ¿De qué cliente nos escribe?
letter-several-body =
    Nadie ha leído su carta: usted pertenece a varios clientes de { $publisher }, y solo debe leerla aquel del que trata.
    Pregunte allí:

    { $link }

    Una respuesta por correo a una carta sobre un tique llega siempre a ese tique. Si no nos ha escrito, olvide esta carta.
    No recibirá otra pronto.
letter-stranger-subject = No conocemos esta dirección
letter-stranger-body =
    Nadie ha leído su carta: el soporte de { $publisher } atiende a personas que tienen una cuenta, y { $address } no es
    la dirección de ninguna.

    Si tiene una cuenta, escriba desde su dirección, o pregunte aquí:

    { $link }

    Si no nos ha escrito, olvide esta carta. No recibirá otra pronto.
