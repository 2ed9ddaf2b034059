//! Other packet filters of the server that would stop sandboxes' packets: Docker and ufw drop whatever they do not
//! know and is not for the server itself. A packet has to pass every table, so accepting it in ours changes nothing;
//! and to change theirs is not ours to do. So it is said, with the commands that mend it.

use std::fs;

use nimbus_api::types::LayerReport;
use serde_json::Value;

use super::rules;
use crate::tools;

/// The tables of the older iptables in use in this network namespace, one a line.
const LEGACY: &str = "/proc/thread-self/net/ip_tables_names";

/// What stops sandboxes' packets, and how to mend it.
struct Stop {
    what: String,
    remedy: [String; 2],
}

/// Looks whether somebody else stops packets of sandboxes that our rules let through.
pub(super) fn report() -> LayerReport {
    let stops = nft_stops().and_then(|stop| Ok(stop.or(legacy_stops()?)));
    let (active, note) = match stops {
        Ok(None) => {
            (true, "no other packet filter of this server stops what sandboxes send to the internet".to_owned())
        }
        Ok(Some(Stop { what, remedy: [out, back] })) => (
            false,
            format!(
                "{what}, so that no sandbox reaches the internet (what is inside is served all the same). Docker and \
                 ufw do that. Let sandboxes through, here and after each restart of the server: {out}; {back}; and \
                 the same with vo- in place of vi-. What a sandbox may reach is still decided by its manifest"
            ),
        ),
        Err(why) => (true, format!("whether other packet filters of this server stop sandboxes cannot be told: {why}")),
    };
    LayerReport { name: "way to the internet".to_owned(), active, note }
}

/// Looks through nftables, where the newer iptables' rules are as well.
fn nft_stops() -> Result<Option<Stop>, String> {
    // `-t` leaves out the elements of sets, of which there may be many.
    let text = tools::run("nft", &["-j", "-t", "list", "ruleset"]).map_err(|error| error.to_string())?;
    let ruleset: Value = serde_json::from_str(&text).map_err(|error| format!("what nft says: {error}"))?;
    Ok(stop_in(&ruleset))
}

fn stop_in(ruleset: &Value) -> Option<Stop> {
    let all = || ruleset["nftables"].as_array().into_iter().flatten();
    let chains = all().map(|entry| &entry["chain"]).filter(|chain| chain["hook"] == "forward");
    for chain in chains.filter(|chain| chain["family"] == "ip" || chain["family"] == "inet") {
        let same_table = |rule: &&Value| rule["family"] == chain["family"] && rule["table"] == chain["table"];
        let rules = || all().map(|entry| &entry["rule"]).filter(same_table);
        let ours = [&chain["family"], &chain["table"]].map(|word| word.as_str().unwrap_or_default()).join(" ");
        let last = rules().rfind(|rule| rule["chain"] == chain["name"]);
        let is_closed = chain["policy"] == "drop" || last.is_some_and(is_refusal);
        // Whoever wrote a rule about our interfaces knows of them.
        let is_opened = rules().any(|rule| rule["expr"].to_string().contains("\"vi-"));
        if ours != rules::TABLE && is_closed && !is_opened {
            return Some(stop(&ours, chain["name"].as_str().unwrap_or_default()));
        }
    }
    None
}

/// Whether a rule without any condition drops or rejects.
fn is_refusal(rule: &Value) -> bool {
    let parts = || rule["expr"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let is = |names: &[&str]| parts().any(|part| names.iter().any(|name| part.contains_key(*name)));
    is(&["drop", "reject"]) && parts().all(|part| ["counter", "drop", "reject"].iter().any(|n| part.contains_key(*n)))
}

fn stop(table: &str, chain: &str) -> Stop {
    let what = format!("the packet filter table \"{table}\" of this server stops forwarded packets in chain {chain}");
    let remedy = match (table, chain) {
        ("ip filter", "FORWARD") => by_iptables("iptables"),
        _ => ["iifname", "oifname"].map(|end| format!("nft insert rule {table} {chain} {end} '\"vi-*\"' accept")),
    };
    Stop { what, remedy }
}

fn by_iptables(tool: &str) -> [String; 2] {
    ["-i", "-o"].map(|end| format!("{tool} -I FORWARD {end} vi-+ -j ACCEPT"))
}

/// The older iptables' rules are nowhere in nftables. Only asked where it is in use: asking loads it.
fn legacy_stops() -> Result<Option<Stop>, String> {
    // The file is not there when the kernel has no such thing, or has not loaded it.
    let tables = fs::read_to_string(LEGACY).unwrap_or_default();
    if !tables.lines().any(|table| table == "filter") {
        return Ok(None);
    }
    let tool = ["iptables-legacy", "iptables"].into_iter().find(|tool| tools::find(tool).is_ok());
    let tool = tool.ok_or("the older iptables is in use here, but has no tool to ask it")?;
    let rules = tools::run(tool, &["-S"]).map_err(|error| error.to_string())?;
    let is_closed = rules.lines().any(|line| line == "-P FORWARD DROP") && !rules.contains(" vi-+");
    let what = "the policy of iptables' chain FORWARD on this server is DROP".to_owned();
    Ok(is_closed.then(|| Stop { what, remedy: by_iptables(tool) }))
}
