//! Sets an addon's link options (the core alone needs none), and tells what the system offers:
//! `reactor` where sockets can be read without Node's streams, `kqueue` where kqueue watches them in
//! place of epoll.

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();

    println!("cargo::rustc-check-cfg=cfg(reactor, kqueue)");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux") => println!("cargo::rustc-cfg=reactor"),
        Ok("macos") => {
            println!("cargo::rustc-cfg=reactor");
            println!("cargo::rustc-cfg=kqueue");
        }
        _ => {}
    }
}
