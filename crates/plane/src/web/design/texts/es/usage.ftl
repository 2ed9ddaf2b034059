# Lo que se usó cada mes.
menu-usage = Consumo
month = Mes
usage-lead = Lo que usaron sus clientes, por mes (UTC). Se cuenta cada pocos minutos y se guarda dos años.
usage-portal-lead = Lo que usaron sus aplicaciones, por mes (UTC). Los meses se guardan dos años.
usage-this-month = Consumo de este mes hasta ahora
usage-all-months = Todos los meses
usage-months = Mes a mes
usage-before = El mes anterior
usage-after = El mes siguiente
usage-so-far = hasta ahora
usage-running = En marcha
usage-hours = { $n } h
usage-memory-time = Memoria × tiempo
usage-memory-note = La memoria es la reservada mientras estaba en marcha.
usage-sent-n = Se enviaron { $size }.
usage-gb-hours = { $n } GB·h
usage-disk-time = Disco × tiempo
usage-sent = Enviado
usage-backups = Copias
usage-counted = Contado
usage-nothing = Aún no se ha contado nada. Empieza en menos de cinco minutos.
usage-empty-title = No se usó nada
usage-empty = Las horas, la memoria, el disco y las peticiones de cada instalación se cuentan desde el primer minuto y se ven aquí.
usage-installations = { $n ->
    [one] 1 instalación
   *[other] { $n } instalaciones
}
usage-former = eliminado
usage-csv = CSV
usage-csv-customers = CSV por cliente
refusal-bad-month = Escriba un mes como 2026-11.
