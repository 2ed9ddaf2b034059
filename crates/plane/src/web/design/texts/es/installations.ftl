# Qué más se hace con una instalación: variables, registro, terminal, una nueva de una copia.
environment = Variables
environment-lead = Lo que el programa encuentra en su entorno. Despliegues, vueltas atrás y restauraciones lo dejan como está.
environment-app-lead = Lo que toda instalación de esta aplicación encuentra en su entorno, salvo que tenga una variable propia de ese nombre.
environment-name = Nombre
environment-value = Valor
environment-set-at = Puesta
environment-inherited = de la aplicación
environment-secret = secreta
environment-set = Poner variables
environment-lines = Variables
environment-lines-hint = Una por línea, como NOMBRE=valor. Un valor con saltos de línea va entre comillas dobles, con \n.
environment-secret-field = Son secretas
environment-secret-hint = Nadie vuelve a ver sus valores. Los nombres siempre se muestran.
environment-effect = La aplicación se reinicia una vez y las peticiones esperan mientras tanto. Si no queda sana, recupera lo que tenía.
environment-app-effect = Las instalaciones nuevas la tienen. Las que ya hay la reciben con su próximo cambio, o cuando la aplique a todas.
environment-unset = Quitar { $name }
environment-apply = Aplicar a todas las instalaciones
environment-apply-text = Cada instalación de esta aplicación se reinicia una vez con estas variables; las peticiones esperan mientras tanto. La que no queda sana recupera lo que tenía.
environment-busy = Se está haciendo algo con esta instalación; se muestra lo que tiene hasta entonces.
environment-empty-title = Aún no hay variables
environment-empty = Ponga lo que solo esta instalación necesita, como la clave de un servicio. Lo que necesitan todas es de la aplicación.
environment-app-empty = Ponga lo que necesitan todas las instalaciones de esta aplicación, como su servidor de correo.
environment-of-app = Variables de la aplicación
done-configure = Se cambian sus variables; se reinicia con ellas.
done-app-configure = Guardado. Las instalaciones nuevas la tienen.
done-apply = Las instalaciones se reinician con estas variables.
done-apply-some = Algunas instalaciones están ocupadas o sin instalar; reciben las variables con su próximo cambio.
done-apply-none = Aún no hay ninguna instalación.
verb-app-configure = cambió las variables de una aplicación
log-live = Las líneas nuevas aparecen solas.
log-of = Registro de { $name }
refusal-bad-variable = Esas variables no valen: un nombre tiene letras, dígitos y _ y no empieza por un dígito; PORT y VCLOUDEN_… los pone el servidor; cada nombre va una sola vez, y en total son como mucho 200 y 64 KiB.
refusal-unknown-variable = No hay ninguna variable de ese nombre que se pueda quitar.
refusal-bad-lines-of-variables = Alguna línea no es NOMBRE=valor, o le falta cerrar las comillas.
refusal-no-variables = No hay nada que poner; escriba una línea como NOMBRE=valor.
refusal-sealed = Las variables no se pueden leer: se sellaron con otra clave. Reponga el archivo seal.key que tenía el plano de control.
