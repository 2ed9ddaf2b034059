//! What this machine is said to have.

#[test]
fn what_every_sandbox_needs_is_here_and_explained() {
    let layers = sandbox::detect();
    for layer in &layers {
        println!("{:<50} {:<6} {}", layer.name, layer.active, layer.note);
        assert!(!layer.note.is_empty());
    }
    for name in ["user namespaces", "idmapped mounts", "overlay", "seccomp", "cgroups", "cgroup memory"] {
        assert!(layers.iter().any(|layer| layer.name == name && layer.active), "{name}");
    }
    assert!(layers.iter().any(|layer| layer.name == "landlock"));
    assert!(layers.iter().any(|layer| layer.name == "apparmor"));
}
