//! People whom the portal sends: let in once, by the control plane's word alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::InstallationId;
use http::Request;
use nimbus_api::pass::{Claims, PATH, Person, Signer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::App;
use crate::world::{World, alone, empty, route};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A control plane that tells its keys and nothing else; how often it was asked.
async fn plane(keys: String) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let read = stream.read(&mut [0; 4096]).await.unwrap();
            assert!(read > 0);
            count.fetch_add(1, Ordering::SeqCst);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{keys}", keys.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, asked)
}

fn claims(aud: InstallationId, jti: &str, at: u64) -> Claims {
    let person = Person {
        id: "p1".into(),
        mail: "luz@sol.example".into(),
        name: "Luz".into(),
        role: "customer-user".into(),
        language: "es".into(),
        support: false,
    };
    Claims { iss: "http://acme.localhost".into(), aud, person, iat: at, exp: at + 60, jti: jti.into() }
}

#[test]
fn a_pass_lets_one_person_in_once() {
    alone(async {
        let signer = Signer::new(&Signer::generate().unwrap()).unwrap();
        let (plane, asked) = plane(signer.keys().to_string()).await;
        let (app, mut world) = (App::start("app").await, World::new());
        world.plane = Some(plane);
        let (one, two) = (route("one.localhost", app.address), route("two.localhost", app.address));
        let (edge, _nimbus) = world.start(vec![one.clone(), two]).await;
        // What is made while the edge begins may have been used before it.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let pass = signer.sign(&claims(one.installation, "first", now()));
        let path = format!("{PATH}?to=%2Ftareas&pass={pass}");
        let elsewhere = edge.get("two.localhost", &path).await;
        assert_eq!(elsewhere.status, 403, "it is for another installation");
        let got = edge.get("one.localhost", &path).await;
        assert_eq!(got.status, 200, "{}", got.text());
        let (target, headers) = got.text().split_once('\n').unwrap();
        assert_eq!(target, format!("{PATH}?to=%2Ftareas"), "the pass goes no further");
        let person = headers.lines().find_map(|line| line.strip_prefix("x-vclouden-person: ")).unwrap();
        let person: serde_json::Value = serde_json::from_str(person).unwrap();
        assert_eq!((&person["id"], &person["role"]), (&"p1".into(), &"customer-user".into()));
        let again = edge.get("one.localhost", &path).await;
        assert!(again.status == 403 && again.text().contains("pass-over"), "{}", again.text());
        assert_eq!(asked.load(Ordering::SeqCst), 1, "keys are remembered");
        edge.stop().await;

        // Another edge does not know what was used before it.
        let (edge, _nimbus) = world.start(vec![one]).await;
        assert_eq!(edge.get("one.localhost", &path).await.status, 403);
        edge.stop().await;
    });
}

#[test]
fn nobody_else_says_who_comes() {
    alone(async {
        let signer = Signer::new(&Signer::generate().unwrap()).unwrap();
        let (plane, asked) = plane(signer.keys().to_string()).await;
        let (app, mut world) = (App::start("app").await, World::new());
        world.plane = Some(plane);
        let one = route("one.localhost", app.address);
        let (edge, _nimbus) = world.start(vec![one.clone()]).await;
        let forged = Signer::new(&Signer::generate().unwrap()).unwrap();
        for (jti, at, signer) in [("a", now(), &forged), ("b", now(), &forged), ("c", now() - 61, &signer)] {
            let path = format!("{PATH}?pass={}", signer.sign(&claims(one.installation, jti, at)));
            assert_eq!(edge.get("one.localhost", &path).await.status, 403, "{jti}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "whoever forges passes does not make work elsewhere");
        let request = Request::get(PATH).header("host", "one.localhost").header("X-VClouden-Person", "{\"id\":\"x\"}");
        let got = edge.client().await.send(request.body(empty()).unwrap()).await.unwrap();
        assert!(got.status == 200 && !got.text().contains("x-vclouden-person"), "{}", got.text());
        edge.stop().await;
    });
}

#[test]
fn without_the_control_plane_passes_wait() {
    alone(async {
        let signer = Signer::new(&Signer::generate().unwrap()).unwrap();
        let (app, mut world) = (App::start("app").await, World::new());
        world.plane = Some("127.0.0.1:9".parse().unwrap());
        let one = route("one.localhost", app.address);
        let (edge, _nimbus) = world.start(vec![one.clone()]).await;
        let path = format!("{PATH}?pass={}", signer.sign(&claims(one.installation, "a", now())));
        let got = edge.get("one.localhost", &path).await;
        assert!(got.status == 503 && got.text().contains("pass-unchecked"), "{}", got.text());
        edge.stop().await;
    });
}
