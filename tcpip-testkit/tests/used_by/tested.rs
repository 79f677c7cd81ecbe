use tcpip_client::{Client, ClientOrServer, ReadError};

/// Reads the position from whatever it is connected to.
pub async fn position(link: &impl ClientOrServer) -> Result<f64, ReadError> {
    Ok(link.read_str().await?.parse().unwrap_or(f64::NAN))
}

/// A client that is connected to nothing.
pub fn nowhere() -> Client {
    Client::closed()
}

#[cfg(test)]
mod tests {
    use tcpip_server::OneClientServer;
    use tcpip_testkit::OneClientServerTestCase;

    #[tokio::test]
    async fn the_position_is_read() {
        let case = OneClientServerTestCase::new();
        let server = case.create_server(OneClientServer::builder()).await.unwrap();
        let client = case.create_client(&server, |client| client).await.unwrap();
        server.write_str("12.5").await.unwrap();
        assert_eq!(super::position(&client).await.unwrap(), 12.5);
        assert!(super::position(&super::nowhere()).await.is_err());
    }
}
