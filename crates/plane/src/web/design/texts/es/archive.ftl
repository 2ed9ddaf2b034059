# Todo lo que tiene un cliente, en un archivo.
archive-title = Sus datos
archive-lead = Los datos de cada aplicación tal como están ahora, sus consultas con los archivos, sus personas y su consumo, en un solo archivo (zip). Se prepara mientras se descarga; si se corta la conexión, empiece de nuevo.
archive-button = Descargarlo todo
archive-made = Preparado
archive-readme = Abra index.html en un navegador: dice qué es cada cosa y lleva a todo.
archive-data = Cada data.tar.gz contiene todos los archivos de una aplicación, también su base de datos, como estaban en un mismo momento. Lo abren Windows 11, macOS y Linux; otros sistemas, con 7-Zip.
archive-missing = no está: { $why }
archive-variables = Variables:
archive-rest = Tablas
archive-people = quién de ustedes entra, y quién está invitado
archive-usage = lo que usó cada instalación, por mes
archive-secrets = De las variables están solo los nombres; aquí no hay contraseñas ni otros secretos.
verb-customer-download = descargó todo lo de un cliente
refusal-download-under-way = Ya se está descargando todo; espere a que termine o cancele esa descarga.
