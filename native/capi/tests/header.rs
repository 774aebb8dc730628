//! `include/omni_engine.h` says what the sources say.

use std::path::Path;

#[test]
fn the_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    let sources = ["src/records.rs", "src/abi.rs"];
    let builder =
        sources.iter().fold(cbindgen::Builder::new().with_config(config), |builder, path| builder.with_src(root.join(path)));
    let mut made = Vec::new();
    builder.generate().expect("the sources can be read").write(&mut made);
    let made = String::from_utf8(made).expect("a header is text");

    let header = root.join("include/omni_engine.h");
    if std::env::var_os("OMNI_BLESS").is_some() {
        std::fs::write(&header, &made).expect("the header can be written");
    }
    let kept = std::fs::read_to_string(&header).unwrap_or_default();
    assert!(kept == made, "{} is not what the sources make; OMNI_BLESS=1 writes it again", header.display());
}
