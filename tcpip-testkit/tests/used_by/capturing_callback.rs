use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tcpip_server::{ConnectionEvent, OneClientServer, OneClientServerBuilder};

pub fn counting(events: Arc<AtomicU32>) -> OneClientServerBuilder {
    OneClientServer::builder().connect_callback(async move |_event: ConnectionEvent| {
        events.fetch_add(1, Ordering::Relaxed);
    })
}
