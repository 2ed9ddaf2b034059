//! Lists that are longer than a page: nothing of them is out of reach.

use plane::wire::{Customer, Page, Publisher};
use serde_json::json;

use crate::pages::{Browser, join, scene};
use crate::world::World;

/// As many as no page shows at once, and more than a list to choose from has.
const MANY: usize = 510;

async fn customers(world: &World) {
    for n in 0..MANY {
        let body = json!({"publisher": "acme", "slug": format!("shop-{n:03}"), "name": format!("Shop {n:03} Ltd")});
        world.post("/customers", body).await.expect(201);
    }
}

#[tokio::test]
async fn a_customer_among_many_is_found_and_chosen() {
    let world = World::new().await;
    let (mut owner, _) = scene(&world).await;
    customers(&world).await;
    for (q, found) in [("shop-509", 1), ("SHOP 50", 10), ("ltd", MANY), ("%", 0), ("", MANY + 1)] {
        let mut rest = MANY + 1;
        let mut cursor = String::new();
        let mut all = 0;
        while rest > 0 {
            let path = format!("/customers?limit=500&q={}{cursor}", q.replace(' ', "+").replace('%', "%25"));
            let part: Page<Customer> = world.get(&path).await.expect(200).json();
            all += part.items.len();
            rest = part.next.as_ref().map_or(0, |_| rest - part.items.len());
            cursor = part.next.map(|next| format!("&cursor={next}")).unwrap_or_default();
        }
        assert_eq!(all, found, "{q}");
    }

    let first = owner.open("/p/acme/customers").await;
    first.has("Shop 000").has("Shop 049");
    assert!(!first.html.contains("Shop 050"));
    let next = first.after("class=\"button small\" href=\"").replace("&amp;", "&");
    owner.open(&next).await.has("Shop 050").has("Shop 099");
    owner.open("/p/acme/customers?q=shop+509").await.has("Shop 509").lacks("Shop 508");
    owner.open("/p/acme/customers?q=nobody").await.has("No customer is called so");

    // Where a list would be too long, the short name is typed; the 510th serves as well as the first.
    owner.open("/p/acme/installations").await.has("list=\"f-customer-some\"");
    owner.open("/p/acme/tickets").await.has("list=\"f-customer-some\"");
    let page = owner.open("/p/acme/tickets/new").await;
    page.has("list=\"f-customer-some\"").lacks("shop-509");
    let body = json!({"customer": "acme:shop-509", "subject": "Far down", "text": "x"});
    world.post("/tickets", body).await.expect(201);
    owner.open("/p/acme/tickets?customer=shop-509").await.has("Far down").lacks("The till");
}

#[tokio::test]
async fn a_publisher_among_many_is_found() {
    let world = World::new().await;
    for n in 0..60 {
        let body = json!({"slug": format!("house-{n:02}"), "name": format!("House {n:02} Software")});
        world.post("/publishers", body).await.expect(201);
    }
    let found: Page<Publisher> = world.get("/publishers?q=HOUSE+59").await.expect(200).json();
    assert_eq!(found.items.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>(), ["house-59"]);
    let mut operator = Browser::new(&world, "localhost");
    join(&world, &mut operator, json!({"mail": "op@vclouden.example", "role": "operator"})).await;
    operator.open("/operator").await.has("House 49").lacks("House 50").has("?after=house-49#publishers");
    operator.open("/operator?after=house-49").await.has("House 59").has("main");
    operator.open("/operator?q=house+07").await.has("House 07").lacks("House 08");
    operator.open("/operator?q=nobody").await.has("No publisher is called so");
}
