use tcpip_server::OneClientReadLoopServer;

pub struct MockDome;

pub fn prepare() {
    let _server = OneClientReadLoopServer::builder(MockDome);
}
