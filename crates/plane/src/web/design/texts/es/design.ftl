# Lo que dicen los marcos, los componentes y las páginas de error.
just-now = ahora mismo
ago-minutes = { $n ->
    [one] hace 1 minuto
   *[other] hace { $n } minutos
}
ago-hours = { $n ->
    [one] hace 1 hora
   *[other] hace { $n } horas
}
ago-days = { $n ->
    [one] hace 1 día
   *[other] hace { $n } días
}
ago-months = { $n ->
    [one] hace 1 mes
   *[other] hace { $n } meses
}
ago-years = { $n ->
    [one] hace 1 año
   *[other] hace { $n } años
}
in-minutes = { $n ->
    [one] dentro de 1 minuto
   *[other] dentro de { $n } minutos
}
in-hours = { $n ->
    [one] dentro de 1 hora
   *[other] dentro de { $n } horas
}
in-days = { $n ->
    [one] dentro de 1 día
   *[other] dentro de { $n } días
}
in-months = { $n ->
    [one] dentro de 1 mes
   *[other] dentro de { $n } meses
}
in-years = { $n ->
    [one] dentro de 1 año
   *[other] dentro de { $n } años
}

skip = Ir al contenido
main-menu = Menú principal
open-menu = Abrir el menú
close = Cerrar
you-are-here = Usted está aquí
switch-publisher = Cambiar de editor
your-account = Su cuenta
log-out = Cerrar sesión
language = Idioma
theme = Colores
theme-system = Como el sistema
theme-light = Claro
theme-dark = Oscuro
more-actions = Más acciones
pick-typed = Sirve cualquier nombre corto; se ofrecen los primeros 500.
powered-by = Funciona con vClouden

optional = opcional
cancel = Cancelar
copy-button = Copiar
copied = Copiado
previous = Anterior
next = Siguiente
pages = Páginas
confirm-name = Escriba <strong>{ $name }</strong> para confirmar
confirm-mismatch = Escriba el nombre tal como se muestra
form-errors = { $n ->
    [one] Hay una cosa que revisar
   *[other] Hay { $n } cosas que revisar
}
drop-here = Suelte un archivo aquí o elija uno
drop-uploading = Subiendo
drop-failed = La subida no terminó. Revise su conexión e inténtelo de nuevo.
live-lost = Conexión perdida, reintentando
log-empty = Todavía no se ha escrito nada
chart-data = Ver como tabla
chart-time = Hora
chart-no-data = Todavía no hay datos de este periodo
chart-limit = Límite
chart-free = Libre
chart-described = Mínimo { $lowest }, máximo { $highest }, último { $latest }
lane-done = { $done } de { $total }
lane-more = { $n ->
    [one] 1 ha terminado
   *[other] { $n } han terminado
}
lane-rest = { $n ->
    [one] y 1 más
   *[other] y { $n } más
}
lane-held = peticiones retenidas { $time }

state-installing = Instalando
state-running = En marcha
state-asleep = Dormida
state-starting = Arrancando
state-stopped = Detenida
state-crashing = Falla
state-failed = Fallida
state-removing = Eliminando
state-removed = Eliminada
state-canary = Primeras
state-wave = Las demás
state-stopping = Deteniendo
state-finished = Terminada
state-waiting = En espera
state-undone = Revertida
state-stuck = Atascada
state-skipped = Sin empezar
state-online = En línea
state-offline = Sin conexión
state-open = Abierto
state-closed = Cerrado
state-draft = Borrador
state-published = Publicado

error-400-title = No se entendió la petición
error-400-text = La dirección o el formulario contiene algo que no corresponde. Vuelva atrás e inténtelo de nuevo.
error-401-title = Primero inicie sesión
error-401-text = Su sesión terminó o todavía no la ha iniciado.
error-403-title = No puede hacer eso
error-403-text = Su rol no lo incluye. Un propietario de su organización puede cambiar su rol.
error-404-title = Aquí no hay nada
error-404-text = La dirección no es correcta, o lo que había se eliminó, o no es suyo.
error-405-title = Eso no se puede hacer aquí
error-405-text = Se pidió la página de una forma que no conoce. Vuelva atrás e inténtelo de nuevo.
error-409-title = Ahora no
error-409-text = Mientras tanto cambió algo, o todavía se está haciendo. Recargue la página para ver cómo está.
error-413-title = Es demasiado grande
error-413-text = Lo que envió supera lo que se acepta aquí. Envíe un archivo más pequeño.
error-422-title = Algo del formulario no está bien
error-422-text = Vuelva atrás, corríjalo y envíelo de nuevo.
error-429-title = Demasiados intentos
error-429-text = Espere un minuto e inténtelo de nuevo.
error-500-title = La culpa fue nuestra
error-500-text = Algo falló de nuestro lado y quedó registrado. Sus aplicaciones no se ven afectadas.
error-503-title = Volvemos enseguida
error-503-text = La consola se está reiniciando o no alcanza su servidor. Sus aplicaciones siguen en marcha. Pruebe en un momento.
error-home = Ir al inicio
error-back = Volver
error-again = Reintentar
dismiss = Descartar
