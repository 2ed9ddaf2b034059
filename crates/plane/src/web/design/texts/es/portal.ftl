# El portal de los clientes.
portal-installations = Mis aplicaciones
portal-catalogue = Catálogo
portal-catalogue-lead = Instale con un clic; es solo suya.
portal-people = Personas
portal-people-lead = Quién de su empresa entra aquí.
portal-install = Instalar
portal-empty-title = Aún no hay nada instalado
portal-empty = Elija una aplicación del catálogo.
portal-empty-user = Pida a quien administra en su empresa que instale una aplicación.
portal-failed = No se pudo. Quienes hacen la aplicación pueden ver por qué.
catalogue-facts = Recibe { $memory } de memoria. Publicada
catalogue-empty-title = Aún no hay nada que ofrecer
catalogue-empty = En cuanto haya una aplicación, estará aquí.
