//! `apps/libro-mayor`: entries, balances, the chart and Kardex as an accountant uses them.

use super::*;
use driver::DESKTOP;

/// The totals of the trial balance that is shown.
const TOTALS: &str = "return [...document.querySelectorAll('tfoot td')].map((cell) => cell.innerText.trim())";

fn write_line(browser: &Chromium, n: usize, account: &str, field: &str, amount: &str) {
    let line = format!("#lines fieldset:nth-of-type({n})");
    browser.pick(&format!("{line} [name=cuenta]"), account);
    browser.fill(&format!("{line} [name={field}]"), amount);
}

#[test]
fn an_entry_is_posted_seen_in_every_balance_and_deleted() {
    let app = application("libro-mayor");
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    browser.open(&page(&server, "/balance"));
    browser.until_said("Debe y haber coinciden");
    let before = browser.js(TOTALS, &[]);
    let month = row(&server, "/balance.json")["month"].as_str().unwrap().to_owned();
    let cash = |server: &Server| {
        let balance = row(server, "/balance.json");
        let line = balance["rows"].as_array().unwrap().iter().find(|line| line["codigo"] == "1105").cloned();
        line.expect("cash moved")["closing"].as_str().unwrap().parse::<f64>().unwrap()
    };
    let cash_before = cash(&server);

    browser.follow(".pages a[href='/asientos']");
    browser.follow("a.button[href='/asientos/nuevo']");
    browser.pick("#fecha", &format!("{month}-02"));
    browser.fill("#concepto", "Venta de contado");
    write_line(&browser, 1, "1", "debe", "1.234,50");
    write_line(&browser, 2, "10", "haber", "1.234,05");
    browser.until_said("Diferencia 0,45");
    browser.follow("#entry .sums button:not(.quiet)");
    browser.until_said("El asiento no cuadra: debe 1.234,50, haber 1.234,05.");
    browser.picture("libro-mayor-refused");
    browser.console(); // Chromium tells of the 422.
    browser.fill("#lines fieldset:nth-of-type(2) [name=haber]", "1000,00");
    browser.click("#add");
    write_line(&browser, 4, "7", "haber", "234.50");
    browser.until("!document.getElementById('sums').innerText.includes('Diferencia')");
    browser.follow("#entry .sums button:not(.quiet)");
    browser.until_said("Asentado. Los saldos ya lo cuentan.");
    browser.until_said("1.234,50");
    assert_eq!(cash(&server) - cash_before, 1234.5);

    browser.follow("tbody a[href^='/cuenta/1105']");
    browser.until_said("Venta de contado");
    browser.open(&page(&server, "/balance"));
    browser.until_said("Debe y haber coinciden");
    assert_ne!(browser.js(TOTALS, &[]), before);

    // Deleted, everything is as it was; asked first.
    browser.open(&page(&server, "/asientos?lang=es"));
    browser.js("window.former = true", &[]);
    browser
        .js("[...document.querySelectorAll('.list a')].find((a) => a.innerText === 'Venta de contado').click()", &[]);
    browser.until("!window.former && document.querySelector('form[data-confirm]')");
    browser.js("window.former = true", &[]);
    browser.click("form[data-confirm] button");
    browser.accept();
    browser.until("!window.former && location.pathname === '/asientos'");
    browser.open(&page(&server, "/balance"));
    browser.until_said("Debe y haber coinciden");
    assert_eq!(browser.js(TOTALS, &[]), before);
    content(&browser);
}

#[test]
fn the_chart_shows_what_the_table_says_and_its_months_are_links() {
    let app = application("libro-mayor");
    let server = app.serve();
    let browser = Chromium::new("en", DESKTOP);
    browser.open(&page(&server, "/"));
    browser.until_said("Income and expense of twelve months");
    browser.click(".chart summary");
    browser.picture("libro-mayor-figures");
    // Two columns for each month, as high as the amounts are.
    let drawn = browser.js(
        "const number = (cell) => Number(cell.innerText.replaceAll(',', ''));
         const rows = [...document.querySelectorAll('.chart tbody tr')];
         const told = rows.flatMap((row) => [number(row.cells[1]), number(row.cells[2])]);
         const top = Number(document.querySelector('.marks span').innerText.replaceAll(',', ''));
         const bars = [...document.querySelectorAll('.plot rect')].map((bar) => bar.height.baseVal.value / 100 * top);
         const off = Math.max(...bars.map((bar, i) => Math.abs(bar - told[i])));
         return { count: bars.length, most: Math.max(...told), off, top };",
        &[],
    );
    let at = |name: &str| drawn[name].as_f64().unwrap();
    assert_eq!(at("count"), 24.0);
    assert!(at("most") > 0.0 && at("off") <= at("top") * 0.001, "{drawn}");
    let month = browser.js("return document.querySelector('.names a').getAttribute('href')", &[]);
    browser.follow(".names a");
    assert_eq!(browser.js("return location.search", &[]), month);
    browser.until("document.querySelectorAll('.plot rect').length === 24");
    browser.follow("a[lang=es]");
    browser.until_said("Ingresos y gastos de doce meses");
    content(&browser);
}

#[test]
fn kardex_takes_what_comes_in_and_refuses_what_is_not_there() {
    let app = application("libro-mayor");
    let server = app.serve();
    let browser = Chromium::new("es", DESKTOP);
    browser.open(&page(&server, "/kardex"));
    browser.follow("tbody a[href='/kardex/4']");
    let held = || browser.js("return document.querySelector('.three .figure').innerText", &[]);
    let before = held();
    let movement = |kind: &str, quantity: &str, value: &str| {
        browser.js("document.querySelector('details').open = true", &[]);
        browser.pick("#clase", kind);
        browser.fill("#detalle", "Prueba");
        browser.fill("#cantidad", quantity);
        if kind == "entrada" {
            browser.fill("#valor", value);
        }
        browser.follow("details form button");
    };
    movement("salida", "9999999", "");
    browser.until_said("No alcanza");
    browser.picture("libro-mayor-lacking");
    browser.console(); // Chromium tells of the 422.
    movement("entrada", "1,5", "30.000");
    browser.until_said("Registrado.");
    assert_ne!(held(), before);
    movement("salida", "1,5", "");
    browser.until_said("Registrado.");
    assert_eq!(held(), before);
    content(&browser);
}
