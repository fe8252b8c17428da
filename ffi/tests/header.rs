//! C70, first half: the committed header is what the sources say. `cargo xtask header` writes it anew.

use std::path::Path;

#[test]
fn c70_the_committed_header_equals_the_generated_one() {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = crate_root.join("../include/batchline.h");
    let generated = generate(crate_root);
    if std::env::var_os("BATCHLINE_WRITE_HEADER").is_some() {
        std::fs::write(&header, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&header).unwrap_or_default();
    assert!(committed == generated, "include/batchline.h is not that of ffi/: run `cargo xtask header`");
}

fn generate(crate_root: &Path) -> String {
    let mut config = cbindgen::Config::from_file(crate_root.join("cbindgen.toml")).unwrap();
    let read = |name: &str| std::fs::read_to_string(crate_root.join(name)).unwrap();
    config.header = Some(read("essay.h"));
    config.after_includes = Some(read("declared.h"));
    let mut text = Vec::new();
    cbindgen::generate_with_config(crate_root, config).unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}
