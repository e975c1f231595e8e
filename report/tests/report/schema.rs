//! The schema describes what is written.

use foldwise_report::{Report, json, schema};
use serde_json::Value as Json;

use crate::fixture::{LOSS, add, known, losses, study};
use crate::measured::{measured, regression as numbers};

/// What is wrong with `value` by `schema`. A keyword that this check does not know is wrong too.
fn check(value: &Json, schema: &Json, root: &Json) -> Result<(), String> {
    let Some(words) = schema.as_object() else {
        return ensure(schema == &Json::Bool(true), || format!("{schema} is no schema"));
    };
    words.iter().try_for_each(|(word, argument)| {
        check_word(value, word, argument, root).map_err(|error| format!("{word}: {error}"))
    })
}

fn check_word(value: &Json, word: &str, argument: &Json, root: &Json) -> Result<(), String> {
    let list = || argument.as_array().cloned().unwrap_or_else(|| vec![argument.clone()]);
    let limit = || argument.as_f64().unwrap();
    let number = value.as_f64();
    match word {
        "$ref" => {
            let pointer = argument.as_str().unwrap().trim_start_matches('#');
            check(value, root.pointer(pointer).ok_or(pointer)?, root)
        }
        "type" => ensure(list().iter().any(|kind| is(value, kind.as_str().unwrap())), || value.to_string()),
        "required" => list().iter().try_for_each(|key| {
            ensure(value.get(key.as_str().unwrap()).is_some(), || format!("{key} is missing"))
        }),
        "properties" => value.as_object().into_iter().flatten().try_for_each(|(key, value)| {
            let schema = argument.get(key).ok_or_else(|| format!("{key} is not known"))?;
            check(value, schema, root).map_err(|error| format!("{key}: {error}"))
        }),
        "items" => value.as_array().into_iter().flatten().try_for_each(|item| check(item, argument, root)),
        "const" => ensure(value == argument, || value.to_string()),
        "enum" => ensure(list().contains(value), || value.to_string()),
        "anyOf" | "oneOf" => {
            ensure(list().iter().any(|schema| check(value, schema, root).is_ok()), || value.to_string())
        }
        "minimum" => ensure(number.is_none_or(|number| number >= limit()), || value.to_string()),
        "maximum" => ensure(number.is_none_or(|number| number <= limit()), || value.to_string()),
        "additionalProperties" => ensure(argument == &Json::Bool(true), || argument.to_string()),
        "$schema" | "$id" | "$defs" | "title" | "description" | "format" | "default" => Ok(()),
        _ => Err("the keyword is not known to this check".to_owned()),
    }
}

fn ensure(holds: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong()) }
}

fn is(value: &Json, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    }
}

#[test]
fn reports_meet_the_schema() {
    let mut regression = study(LOSS);
    add(&mut regression, [8, 4], 0.1, 50, (0..5).map(|_| losses(&[3.0, f64::NAN])).collect());
    let mut empty = known();
    empty.runs.clear();
    empty.final_stage = None;
    for input in [known(), regression, empty, measured(), numbers()] {
        let value: Json = serde_json::from_str(&json(&Report::build(input))).unwrap();
        assert_eq!(check(&value, &schema(), &schema()), Ok(()));
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let good: Json = serde_json::from_str(&json(&Report::build(known()))).unwrap();
    for (pointer, wrong) in
        [("/version", 2.into()), ("/study/state", "over".into()), ("/trials/0/parameters", (-1).into())]
    {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert!(check(&bad, &schema(), &schema()).is_err(), "{pointer}");
    }
}

#[test]
fn every_property_is_described() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let definitions = schema["$defs"].as_object().unwrap().values();
    for object in definitions.chain([&schema]) {
        for (name, property) in object["properties"].as_object().into_iter().flatten() {
            assert!(property.get("description").is_some(), "{name} has no description");
        }
    }
}
