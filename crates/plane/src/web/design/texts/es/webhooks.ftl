# Webhooks y la página de la API.
menu-webhooks = Webhooks
webhooks-lead = Cuenta a sus sistemas lo que pasa, en cuanto pasa.
webhooks-new = Nuevo webhook
webhooks-empty-title = Aún no hay webhooks
webhooks-empty = Indique una dirección suya y sabrá de caídas, despliegues, copias y lo que usted elija.
webhook-once = Con esto se firma cada envío. Cópielo ahora: no se vuelve a mostrar.
webhook-secret = Secreto
webhook-url = Dirección
webhook-url-hint = https://…, accesible desde la red pública
webhook-events = Eventos
webhook-events-hint = Sin marcar ninguno: todos.
webhook-all = todos
webhook-working = funciona
webhook-failing = falla
webhook-disabled = desactivado
webhook-failing-since = No se entrega nada desde
webhook-test = Enviar una prueba
webhook-disable = Desactivar
webhook-enable = Activar
webhook-change = Cambiar
webhook-delete = Eliminar el webhook
webhook-delete-text = Ya no se envía nada allí, y el registro de lo enviado se borra.
deliveries = Envíos
deliveries-empty-title = Aún no se ha enviado nada
deliveries-empty = Envíe una prueba o espere a que pase algo.
delivery-done = entregado
delivery-waiting = en espera
delivery-again = se reintenta
delivery-given-up = abandonado
delivery-attempts = Intentos
delivery-next = Próximo intento
delivery-took = Tardó
delivery-ms = { $n } ms
delivery-answer = Respuesta
delivery-resend = Enviar otra vez
event = Evento
done-webhook = El webhook está listo.
done-webhook-changed = El webhook se cambió.
done-webhook-deleted = El webhook se eliminó.
done-webhook-sent = Se está enviando.
verb-webhook-create = creó un webhook
verb-webhook-change = cambió un webhook
verb-webhook-delete = eliminó un webhook
verb-webhook-send = envió algo a un webhook
verb-webhook-test = probó un webhook
letter-webhook-subject = Se desactivó un webhook
letter-webhook-body =
    Hola:

    hace mucho que no se puede entregar nada a su webhook { $url }, así que se desactivó.

    Por qué falló el último intento: { $why }

    Cuando esté arreglado, actívelo de nuevo. Lo que pasó entretanto está en su registro y en los eventos:
    { $link }

    vClouden
refusal-bad-url = Esa dirección no sirve; debe empezar por https:// y no llevar contraseña ni fragmento.
refusal-bad-event = Ese evento no existe.
refusal-too-many-webhooks = Un publicador tiene como mucho 20 webhooks; elimine uno antes.
refusal-webhook-disabled = Este webhook está desactivado; actívelo antes.
refusal-unknown-webhook = Ese webhook no existe.
refusal-unknown-delivery = Ese envío no existe.
webhook-made = Creado
api-title = La API
api-lead = Todo lo que puede una página o la línea de comandos, por HTTP.
api-document = Documento OpenAPI
api-token = Cada petición necesita un token, que se crea en la consola, en Tokens de API.
api-search = Buscar en la API
api-find = Buscar
api-nouns = Por tema
api-for = Para:
api-scope = permiso:
api-place = En
api-kind = Tipo
api-meaning = Qué es
api-required = obligatorio
api-answers = Respuestas:
api-none-title = Nada coincide
api-none = Pruebe con un nombre, como backup, o con parte de una ruta.
api-all = Mostrar todo
settings-webhooks-lead = Los webhooks y la entrada única no llegan a direcciones de sus propias redes, salvo que lo permita aquí.
settings-webhooks = Redes propias a las que pueden llegar
settings-webhooks-hint = Una por línea, como 10.1.0.0/16; ahí también sin TLS
