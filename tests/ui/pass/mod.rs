//! What is meant to work. Each case compiles without a warning, and its `main` runs.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "what is tested is the macros' part of a case; `lints_are_silent` turns all of these on again"
)]

macro_rules! cases {
    ($($case:ident,)*) => {
        $(pub mod $case;)*

        #[test]
        fn what_is_meant_to_work_compiles_and_runs() {
            $($case::main();)*
        }

        #[test]
        fn every_case_is_listed() {
            let mut listed = vec!["mod.rs".to_owned()];
            $(listed.push(concat!(stringify!($case), ".rs").to_owned());)*
            listed.sort();
            let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/pass")).expect("the folder is there");
            let name = |file: std::io::Result<std::fs::DirEntry>| file.expect("it is readable").file_name();
            let mut found: Vec<String> = files.map(|file| name(file).to_string_lossy().into_owned()).collect();
            found.sort();
            assert_eq!(found, listed);
        }
    };
}

cases! {
    async_trait_impl_has_a_declared_key,
    attributes_are_stacked,
    block_has_defaults,
    block_is_a_trait_impl,
    block_is_generic,
    body_returns_early_and_asks,
    condition_is_a_closure_or_a_path,
    constants_stand_in_keys,
    constants_of_the_author_are_not_shadowed,
    crate_is_reached_by_another_path,
    derived_key_part_borrows,
    each_by_a_declared_key,
    each_in_a_trait_impl,
    each_of_a_slice,
    each_of_a_vec_into_a_sorted_map,
    errors_and_futures_need_not_be_send,
    forms_of_a_block,
    free_functions_and_associated_functions,
    function_has_a_where_clause,
    function_is_generic,
    invalidation_names_keys_in_every_way,
    key_of_bounded_parts_just_fits,
    key_parts_are_derived,
    key_parts_of_one_kind_stand_for_each_other,
    lifetimes_are_named_and_elided,
    lints_are_silent,
    method_has_a_cfg_before_and_after,
    methods_come_from_a_declarative_macro,
    names_of_the_author_are_not_shadowed,
    native_trait_impl_has_a_declared_key,
    other_attributes_survive,
    parameters_are_in_upper_case,
    placeholders_of_every_kind,
    receiver_is_a_reference,
    receivers_of_every_kind,
    results_by_another_name_say_their_value,
    stale_values_in_every_way,
    tags_in_every_way,
    template_is_invalidated_in_another_module,
    templates_of_a_block_cannot_meet,
    trait_method_has_a_default_body,
    ttl_is_written_in_every_way,
    type_is_generic,
    types_are_private,
    types_of_the_prelude_are_shadowed,
    value_is_the_unit,
}
