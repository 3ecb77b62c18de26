//! Sets an addon's link options; the core alone needs none.

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
}
