//! What goes over the wire: headers, languages, weight.

use super::{Guide, PAGES};

#[test]
fn every_page_is_sent_with_what_keeps_it_from_being_misused() {
    let guide = Guide::start();
    for path in PAGES {
        let answer = guide.get(path, &[("accept-language", "es"), ("accept-encoding", "gzip")]);
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert!(answer.header("permissions-policy").contains("camera=()"));
        assert_eq!(answer.header("content-language"), "es");
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        assert!(answer.header("vary").contains("accept-language"));
        assert!(answer.headers.get("strict-transport-security").is_none(), "this came without HTTPS");
    }
    for (status, code) in
        [("404", 404), ("403", 403), ("409", 409), ("500", 500), ("503", 503), ("418", 418), ("200", 404)]
    {
        let answer = guide.get(&format!("/styleguide/errors/{status}"), &[]);
        assert_eq!(answer.status, code);
        assert!(answer.text().contains("<h1>"));
    }
    assert_eq!(guide.get("/no/such/page", &[]).status, 404);
}

#[test]
fn https_is_promised_only_where_there_is_https() {
    let mut headers = reqwest::header::HeaderMap::new();
    plane::design::secure(&mut headers, true);
    assert_eq!(headers["strict-transport-security"], "max-age=31536000");
    let mut headers = reqwest::header::HeaderMap::new();
    plane::design::secure(&mut headers, false);
    assert!(headers.get("strict-transport-security").is_none() && headers.len() >= 4);
}

#[test]
fn nothing_is_inline() {
    let guide = Guide::start();
    for path in PAGES {
        let html = guide.get(path, &[]).text();
        for wrong in ["<style", " style=", " onclick=", " onload=", "javascript:", "<script>"] {
            assert!(!html.contains(wrong), "{path} has {wrong}");
        }
        assert_eq!(html.matches("<script").count(), 1, "{path}");
    }
}

#[test]
fn a_preference_is_remembered_and_leads_to_the_same_page_without_it() {
    let guide = Guide::start();
    let answer = guide.get("/styleguide/login?next=%2Fapps&language=es&theme=dark", &[("accept-language", "en")]);
    assert_eq!((answer.status, answer.header("location")), (303, "/styleguide/login?next=%2Fapps"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies.iter().all(|cookie| cookie.contains("SameSite=Lax") && cookie.contains("Path=/")), "{cookies:?}");
    let cookies: Vec<_> = cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
    let page = guide.get("/styleguide/login", &[("cookie", &cookies.join("; ")), ("accept-language", "en")]);
    let html = page.text();
    assert!(html.contains("<html lang=\"es\" data-theme=\"dark\"") && html.contains("Iniciar sesión"), "{html}");
    // Nobody is led to another host.
    for path in ["//evil.example/?theme=dark", "/%5Cevil.example?language=es", "/\\evil.example?language=es"] {
        let answer = guide.get(path, &[]);
        let to = answer.header("location");
        assert!(to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"), "{to}");
    }
}

#[test]
fn assets_are_kept_for_ever_under_the_name_of_what_they_are() {
    let guide = Guide::start();
    let html = guide.get("/styleguide", &[]).text();
    let css = html.split("href=\"").find(|rest| rest.starts_with("/assets/")).unwrap().split('"').next().unwrap();
    let answer = guide.get(css, &[("accept-encoding", "gzip, br")]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    assert!(guide.get(css, &[]).text().contains("--surface"));
    let old = guide.get("/assets/0123456789ab/console.css", &[]);
    assert_eq!((old.status, old.header("cache-control")), (200, "no-cache"));
    assert_eq!(guide.get("/assets/0123456789ab/secret.css", &[]).status, 404);
}

#[test]
fn the_first_page_weighs_at_most_50_kilobytes() {
    let guide = Guide::start();
    for path in PAGES {
        let gzip = [("accept-encoding", "gzip")];
        let html = guide.get(path, &[]).text();
        let mut addresses: Vec<&str> = html.split('"').filter(|word| word.starts_with("/assets/")).collect();
        addresses.iter_mut().for_each(|address| *address = address.split('#').next().unwrap());
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), 4, "{addresses:?}");
        let assets: usize = addresses.iter().map(|address| guide.get(address, &gzip).body.len()).sum();
        let page = guide.get(path, &gzip).body.len();
        println!("{path}: {page} + {assets} bytes");
        assert!(page + assets <= 50_000, "{path}: {page} + {assets} bytes");
    }
}
