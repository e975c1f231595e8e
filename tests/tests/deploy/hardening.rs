//! The rights that nothing in `deploy/` may have.

use serde_json::{Value, json};

/// A pod's own rights.
pub(crate) fn check_pod(name: &str, pod: &Value) {
    let context = &pod["securityContext"];
    assert_eq!(context["runAsNonRoot"], json!(true), "{name} may run as root");
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{name} may make every system call");
    assert_eq!(pod["automountServiceAccountToken"], json!(false), "{name} may speak to Kubernetes");
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[host].is_null(), "{name} shares the node's {host}");
    }
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        assert!(volume["hostPath"].is_null(), "{name} sees the node's files: {volume}");
        let own = volume["emptyDir"].is_null() || volume["emptyDir"]["sizeLimit"].is_string();
        assert!(own, "{name} may fill the node's disk: {volume}");
    }
}

/// A container's rights.
pub(crate) fn check_container(name: &str, container: &Value) {
    let context = &container["securityContext"];
    assert_eq!(context["allowPrivilegeEscalation"], json!(false), "{name} may gain rights");
    assert_eq!(context["readOnlyRootFilesystem"], json!(true), "{name} may change its programs");
    assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }), "{name} has capabilities");
    for (what, of) in [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")] {
        assert!(container["resources"][what][of].is_string(), "{name} has no {what} of {of}");
    }
}

/// Variables that hold a secret themselves, where others name a file: by the end of their names.
const SECRETS: [&str; 4] = ["PASSWORD", "_TOKEN", "_SECRET", "_ACCESS_KEY"];

/// What a container's variables hold: secrets are files, which no child and no log inherits.
pub(crate) fn check_secrets(name: &str, container: &Value) {
    for all in container["envFrom"].as_array().into_iter().flatten() {
        assert!(all["secretRef"].is_null(), "{name} has secrets in variables: {all}");
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        assert!(
            variable["valueFrom"]["secretKeyRef"].is_null(),
            "{name} has a secret in a variable: {variable}"
        );
        let value = variable["value"].as_str().unwrap_or_default();
        check_variable(name, variable["name"].as_str().unwrap_or_default(), value);
    }
}

/// A variable in whatever file.
pub(crate) fn check_variable(place: &str, name: &str, value: &str) {
    assert!(!SECRETS.iter().any(|end| name.ends_with(end)), "{place} has a secret in the variable {name}");
    let whom = value.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
    assert!(
        !whom.is_some_and(|(user, _)| user.contains(':')),
        "{place} has a password in the address of {name}"
    );
}

/// A Compose service's rights.
pub(crate) fn check_service(name: &str, service: &Value) {
    assert_eq!(service["read_only"], json!(true), "{name} may change its programs");
    assert_eq!(service["cap_drop"], json!(["ALL"]), "{name} has capabilities");
    assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name} may gain rights");
    assert!(service["user"].as_str().is_some_and(|user| !user.starts_with('0')), "{name} runs as root");
    assert!(service["privileged"].is_null() && service["network_mode"].is_null(), "{name} is the host's");
    assert!(service["deploy"]["resources"]["limits"]["memory"].is_string(), "{name} has no limit of memory");
}

/// A unit's rights.
pub(crate) fn check_unit(path: &str, text: &str) {
    for line in [
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "RestrictNamespaces=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallFilter=@system-service",
        "UMask=0077",
    ] {
        assert!(text.lines().any(|own| own == line), "{path} has no {line}");
    }
}
