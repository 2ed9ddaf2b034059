# Despliegues, lo que está en marcha en una instalación, y cuánto queda para deshacer algo.
time-left = quedan { $time }
time-over = terminado
deploy-show = Ver a quién toca
deploy-version = Desplegar la versión { $version }
deploy-version-n = { $n ->
    [one] Desplegar la versión { $version } en 1 instalación
   *[other] Desplegar la versión { $version } en { $n } instalaciones
}
keep-hours = Horas para deshacerlo
keep-hours-hint = Durante ese tiempo el código y los datos de cada instalación pueden volver a justo antes, de 1 a 720
canary-one = primera
deployments-none = Ningún despliegue es así.
undo-text = El código y los datos de cada instalación vuelven a justo antes de su último despliegue. Lo escrito desde entonces se guarda { $hours ->
    [one] 1 hora
   *[other] { $hours } horas
}.
undo-this-text = El código y los datos de las instalaciones cuyo último cambio fue este despliegue vuelven a justo antes. Lo escrito desde entonces se guarda { $hours ->
    [one] 1 hora
   *[other] { $hours } horas
}.
undo-one-text = Vuelve a la versión { $n } con los datos de justo antes de su despliegue. Lo escrito desde entonces se guarda { $hours ->
    [one] 1 hora
   *[other] { $hours } horas
}.
undo-one-until = Su último despliegue se puede deshacer, de vuelta a la versión { $n }:
copies-lead = Las copias de respaldo quedan hasta que alguien las borre; las que llegan solas, { $hours ->
    [one] 1 hora
   *[other] { $hours } horas
}, o lo que diga su despliegue.
restore-text = Los datos vuelven a esta copia. Lo que hay ahora se guarda { $hours ->
    [one] 1 hora
   *[other] { $hours } horas
}, para poder deshacerlo.
hosting-replaces = Lo que envíe toma el lugar de lo que hay. Si no queda sano, aquello vuelve; y puede deshacerlo durante { $hours ->
    [one] 1 hora
   *[other] { $hours } horas
}.
further-title = ¿Volver una versión más atrás?
further-text = Volver más atrás descarta también lo escrito con esa versión. Se guarda { $hours ->
    [one] 1 hora
   *[other] { $hours } horas
} como copia de los datos.
further-button = Volver una versión más
steps-done = { $done } de { $total } pasos
doing-begins = Empieza en cuanto su servidor tenga una mano libre.
doing-waits = Su servidor no responde en este momento; se le vuelve a preguntar.
doing-install = Se está instalando
doing-start = Se está iniciando
doing-stop = Se está deteniendo
doing-restart = Se está reiniciando
doing-configure = Se están cambiando sus variables
doing-switch = Recibe otra versión
doing-rollback = Vuelve a la versión anterior
doing-backup = Se está haciendo una copia de respaldo
doing-restore = Se están recuperando sus datos
doing-forget-backup = Se está borrando una copia de respaldo
doing-remove = Se está quitando
step-undo = Devolviendo a como estaba: { $step }
step-admit = mirando si hay sitio
step-prepare = preparando lo que necesita
step-place = haciéndole sitio
step-fill = poniendo sus datos
step-route = abriendo su dirección
step-start = iniciando
step-check = esperando a que esté sana
step-release = dejando pasar peticiones
step-fetch = trayendo la versión
step-find = buscando la copia
step-hold = reteniendo peticiones
step-stop = deteniendo
step-snapshot = guardando una copia de sus datos
step-switch = cambiando de versión
step-restore = recuperando los datos
step-want = anotando lo que se quiere
step-write = escribiendo las variables
step-close = cerrando su dirección
step-delete = borrando
step-forget = recogiendo
verb-deployment-rollback = deshizo un despliegue
operations-undone-again = Todo está como antes de ellas, así que no hay nada que retomar: lo que se quería se empieza de nuevo, en la página de la instalación o de su aplicación.
