//! The smallest server and client.
