//! What the edge answers by itself: a short page in English and Spanish, or JSON for programs that ask for it.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// Why a request was not passed on, or its answer not passed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request breaks a rule of HTTP, or one that keeps requests from being smuggled.
    Bad(&'static str),
    /// `CONNECT`.
    Tunnel,
    /// A transfer encoding other than `chunked`.
    Encoding,
    /// No installation has this host name.
    Unknown,
    /// The server's own domain: nothing is served at it, only below it.
    Bare,
    /// The installation serves no HTTP.
    NoHttp,
    /// The edge has not heard of any route yet.
    Starting,
    /// It is stopped.
    Stopped,
    /// It died too often in a row and is not started again by itself.
    Failed,
    /// A switch took longer than the limit.
    HeldTooLong,
    /// Too many wait for the same installation.
    TooManyHeld,
    /// The application did not accept connections for longer than the limit.
    Down,
    /// The application broke the connection, or did not speak HTTP.
    Broken,
    /// The application did not answer in time.
    Late,
    /// The request's body is larger than the installation allows.
    TooLarge,
    /// The client paused too long within the body.
    SlowBody,
    /// A pass that is none, is over, or was used.
    Pass,
    /// Nobody can tell whether a pass is good.
    NoKeys,
}

/// One refusal in words.
struct Words {
    status: StatusCode,
    code: &'static str,
    retry: Option<&'static str>,
    title: [&'static str; 2],
    text: [&'static str; 2],
}

/// Every refusal in words; the English text of a bad request is the rule that it breaks.
impl Words {
    const BAD: Words = Words {
        status: StatusCode::BAD_REQUEST,
        code: "bad-request",
        retry: None,
        title: ["Bad request", "Petición incorrecta"],
        text: ["", "El navegador o programa envió una petición que no cumple las reglas de HTTP."],
    };
    const TUNNEL: Words = Words {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "no-tunnel",
        retry: None,
        title: ["Method not allowed", "Método no permitido"],
        text: ["CONNECT is not served here.", "Aquí no se atiende CONNECT."],
    };
    const ENCODING: Words = Words {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "transfer-encoding",
        retry: None,
        title: ["Not implemented", "No implementado"],
        text: [
            "The only transfer encoding understood here is \"chunked\", once.",
            "La única codificación de transferencia admitida es \"chunked\", una sola vez.",
        ],
    };
    const UNKNOWN: Words = Words {
        status: StatusCode::NOT_FOUND,
        code: "unknown-host",
        retry: None,
        title: ["Nothing at this address", "No hay nada en esta dirección"],
        text: [
            "No installation has this host name. Check the address for a typing error.",
            "Ninguna instalación tiene este nombre. Revise que la dirección esté bien escrita.",
        ],
    };
    const BARE: Words = Words {
        status: StatusCode::NOT_FOUND,
        code: "no-installation-named",
        retry: None,
        title: ["This is a vClouden server", "Este es un servidor vClouden"],
        text: [
            "It works. Each installation answers at its own name below this domain.",
            "Funciona. Cada instalación responde en su propio nombre bajo este dominio.",
        ],
    };
    const NO_HTTP: Words = Words {
        status: StatusCode::NOT_FOUND,
        code: "no-http",
        retry: None,
        title: ["No web pages here", "Aquí no hay páginas web"],
        text: ["This application does not serve HTTP.", "Esta aplicación no atiende HTTP."],
    };
    const STARTING: Words = Words {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "starting",
        retry: Some("2"),
        title: ["The server is starting", "El servidor está arrancando"],
        text: ["Try again in a moment.", "Vuelva a intentarlo en un momento."],
    };
    const STOPPED: Words = Words {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "stopped",
        retry: Some("60"),
        title: ["Stopped", "Detenida"],
        text: [
            "This application has been stopped by its administrator. Its data is kept.",
            "El administrador ha detenido esta aplicación. Sus datos se conservan.",
        ],
    };
    const FAILED: Words = Words {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "failed",
        retry: Some("60"),
        title: ["The application does not run", "La aplicación no está en marcha"],
        text: [
            "It failed several times in a row. Its operator must start it again. Its data is kept.",
            "Falló varias veces seguidas. Su operador debe iniciarla de nuevo. Sus datos se conservan.",
        ],
    };
    const HELD_TOO_LONG: Words = Words {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "held-too-long",
        retry: Some("10"),
        title: ["Just a moment longer", "Un momento más"],
        text: [
            "This application is being updated and it takes longer than usual. Try again shortly.",
            "Esta aplicación se está actualizando y tarda más de lo normal. Vuelva a intentarlo en breve.",
        ],
    };
    const TOO_MANY_HELD: Words = Words {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "too-many-waiting",
        retry: Some("5"),
        title: ["Too many are waiting", "Demasiadas peticiones en espera"],
        text: [
            "This application is about to return and many requests already wait for it. Try again shortly.",
            "Esta aplicación está por volver y ya la esperan muchas peticiones. Vuelva a intentarlo en breve.",
        ],
    };
    const DOWN: Words = Words {
        status: StatusCode::BAD_GATEWAY,
        code: "application-down",
        retry: Some("10"),
        title: ["The application does not answer", "La aplicación no responde"],
        text: [
            "It accepts no connections. Try again shortly, or tell its administrator.",
            "No acepta conexiones. Vuelva a intentarlo en breve o avise al administrador.",
        ],
    };
    const BROKEN: Words = Words {
        status: StatusCode::BAD_GATEWAY,
        code: "application-broke-off",
        retry: None,
        title: ["The application broke off", "La aplicación se interrumpió"],
        text: [
            "It ended the connection without a complete answer. The request may or may not have taken effect.",
            "Cerró la conexión sin una respuesta completa. La petición puede haber tenido efecto o no.",
        ],
    };
    const LATE: Words = Words {
        status: StatusCode::GATEWAY_TIMEOUT,
        code: "application-too-slow",
        retry: None,
        title: ["The application took too long", "La aplicación tardó demasiado"],
        text: [
            "It did not answer in time. The request may or may not have taken effect.",
            "No respondió a tiempo. La petición puede haber tenido efecto o no.",
        ],
    };
    const TOO_LARGE: Words = Words {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "body-too-large",
        retry: None,
        title: ["Too large", "Demasiado grande"],
        text: [
            "What was sent is larger than this application accepts.",
            "Lo enviado supera el tamaño que admite esta aplicación.",
        ],
    };
    const SLOW_BODY: Words = Words {
        status: StatusCode::REQUEST_TIMEOUT,
        code: "body-too-slow",
        retry: None,
        title: ["Too slow", "Demasiado lento"],
        text: [
            "The rest of the request did not arrive in time. Check the connection and try again.",
            "El resto de la petición no llegó a tiempo. Revise la conexión y vuelva a intentarlo.",
        ],
    };
    const PASS: Words = Words {
        status: StatusCode::FORBIDDEN,
        code: "pass-over",
        retry: None,
        title: ["This link is over", "Este enlace ya no sirve"],
        text: [
            "It lets somebody in once, within a minute. Open the application from your portal again.",
            "Da paso una sola vez y durante un minuto. Abra de nuevo la aplicación desde su portal.",
        ],
    };
    const NO_KEYS: Words = Words {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "pass-unchecked",
        retry: Some("10"),
        title: ["You cannot be let in right now", "Ahora no se le puede dar paso"],
        text: [
            "Nobody can tell whether this link is good. Open the application from your portal again in a moment.",
            "No se puede comprobar este enlace. Abra de nuevo la aplicación desde su portal en un momento.",
        ],
    };
}

impl Refusal {
    fn words(self) -> Words {
        match self {
            Self::Bad(why) => Words { text: [why, Words::BAD.text[1]], ..Words::BAD },
            Self::Tunnel => Words::TUNNEL,
            Self::Encoding => Words::ENCODING,
            Self::Unknown => Words::UNKNOWN,
            Self::Bare => Words::BARE,
            Self::NoHttp => Words::NO_HTTP,
            Self::Starting => Words::STARTING,
            Self::Stopped => Words::STOPPED,
            Self::Failed => Words::FAILED,
            Self::HeldTooLong => Words::HELD_TOO_LONG,
            Self::TooManyHeld => Words::TOO_MANY_HELD,
            Self::Down => Words::DOWN,
            Self::Broken => Words::BROKEN,
            Self::Late => Words::LATE,
            Self::TooLarge => Words::TOO_LARGE,
            Self::SlowBody => Words::SLOW_BODY,
            Self::Pass => Words::PASS,
            Self::NoKeys => Words::NO_KEYS,
        }
    }

    /// Whether the fault is the server's or the application's.
    pub fn is_failure(self) -> bool {
        self.words().status.is_server_error() && self != Self::Stopped
    }

    /// Whether what else the client sends on this connection cannot be trusted to begin where it seems to.
    fn ends_connection(self) -> bool {
        matches!(self, Self::Bad(_) | Self::Tunnel | Self::Encoding | Self::TooLarge | Self::SlowBody)
    }

    /// The answer, as JSON where that was asked for.
    pub fn answer(self, json: bool) -> Response<Bytes> {
        let words = self.words();
        let (kind, body) =
            if json { ("application/json", words.json()) } else { ("text/html; charset=utf-8", words.html()) };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = words.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = words.retry {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if self.ends_connection() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl Words {
    fn json(&self) -> String {
        serde_json::json!({ "code": self.code, "message": self.text[0] }).to_string()
    }

    fn html(&self) -> String {
        let ([title, titulo], [text, texto], status) = (self.title, self.text, self.status.as_u16());
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>body{{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:12vh auto;\
             padding:0 1em;color:#223}}small,[lang=es]{{color:#667}}@media(prefers-color-scheme:dark){{body{{\
             background:#15181d;color:#dde}}small,[lang=es]{{color:#99a}}}}</style>\
             <h1>{title}</h1><p>{text}</p><div lang=\"es\"><h2>{titulo}</h2><p>{texto}</p></div>\
             <small>{status} · {}</small></html>\n",
            self.code
        )
    }
}

/// Whether the client would rather have JSON than a page: it names JSON, and before HTML if it names both.
pub(crate) fn prefers_json(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(ACCEPT).and_then(|value| value.to_str().ok()) else { return false };
    match (accept.find("json"), accept.find("text/html")) {
        (Some(json), Some(html)) => json < html,
        (json, _) => json.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_for_people_and_json_for_programs() {
        let page = Refusal::Stopped.answer(false);
        assert_eq!((page.status().as_u16(), &page.headers()["retry-after"]), (503, &HeaderValue::from_static("60")));
        let text = std::str::from_utf8(page.body()).unwrap();
        assert!(text.contains("Stopped") && text.contains("Detenida"));
        let json: serde_json::Value = serde_json::from_slice(Refusal::Unknown.answer(true).body()).unwrap();
        assert_eq!(json["code"], "unknown-host");
    }

    #[test]
    fn json_is_preferred_only_when_named_first() {
        let prefers =
            |accept: &str| prefers_json(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]));
        assert!(prefers("application/json") && prefers("application/problem+json, text/html;q=0.5"));
        assert!(!prefers("text/html,application/json;q=0.9") && !prefers("*/*"));
        assert!(!prefers_json(&HeaderMap::new()));
    }
}
