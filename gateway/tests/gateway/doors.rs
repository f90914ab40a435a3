//! HTTP and CoAP: what is taken, and what is refused with which code.

use tokio::net::UdpSocket;

use crate::support::{DEADLINE, World, get, nowhere, post};

#[tokio::test(flavor = "multi_thread")]
async fn http_refuses_with_the_code_of_each_cause() {
    let world = World::new();
    let token = world.device_with("a", |device| device.quota.messages_per_day = 2);
    let off = world.device_with("off", |device| device.enabled = false);
    let gateway = world.gateway(&nowhere()).await;
    let json = [("content-type", "application/json")];
    let html = [("content-type", "text/html")];
    let long = "s".repeat(64);
    for (path, token, headers, body, status, code) in [
        ("/up/a/t", "wrong", &[][..], b"1".to_vec(), 401, "login"),
        ("/up/off/t", &off, &[], b"1".to_vec(), 401, "login"),
        ("/up/nobody/t", &token, &[], b"1".to_vec(), 401, "login"),
        ("/up/a/t", &token, &json, b"{".to_vec(), 400, "format"),
        ("/up/a/t", &token, &html, b"1".to_vec(), 415, "format"),
        ("/up/a/t", &token, &[], vec![b'1'; 16 * 1024 + 1], 413, "format"),
        (&format!("/up/a/{long}"), &token, &[], b"1".to_vec(), 400, "format"),
        ("/up/a/t", &token, &[], b"1".to_vec(), 201, ""),
        ("/up/a/t", &token, &[], b"1".to_vec(), 201, ""),
        ("/up/a/t", &token, &[], b"1".to_vec(), 429, "quota"),
    ] {
        let (actual, answer) = post(&gateway, path, token, headers, body).await;
        assert_eq!(actual, status, "{path} {answer}");
        assert_eq!(answer["code"].as_str().unwrap_or_default(), code, "{answer}");
    }
    let (status, metrics) = get(&gateway, "/metrics", "").await;
    assert_eq!(status, 200);
    for line in [
        "weft_gateway_accepted_total 2",
        "weft_gateway_waiting_messages 2",
        "weft_gateway_refused_total{reason=\"login\"} 3",
        "weft_gateway_refused_total{reason=\"quota\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_taken_once_and_receipts_are_for_their_device() {
    let world = World::new();
    let (a, b) = (world.device("a"), world.device("b"));
    let gateway = world.gateway(&nowhere()).await;
    let key = [("idempotency-key", "k1")];
    let (first, answer) = post(&gateway, "/up/a/t", &a, &key, "1").await;
    gateway.shutdown().await;
    let gateway = world.gateway(&nowhere()).await;
    let (second, repeat) = post(&gateway, "/up/a/t", &a, &key, "1").await;
    assert_eq!((first, second), (201, 200));
    assert_eq!(answer["messages"], repeat["messages"]);
    assert_eq!(post(&gateway, "/up/b/t", &b, &key, "1").await.0, 201, "another device's key");

    let id = answer["messages"][0].as_str().unwrap();
    let (status, receipt) = get(&gateway, &format!("/receipts/a/{id}"), &a).await;
    assert_eq!((status, receipt.contains("accepted")), (200, true));
    assert_eq!(get(&gateway, &format!("/receipts/a/{id}"), &b).await.0, 401);
    assert_eq!(get(&gateway, &format!("/receipts/b/{id}"), &b).await.0, 404);
    assert_eq!(get(&gateway, "/receipts/a/xyz", &a).await.0, 404);
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_when_to_come_again_and_forgets_nothing() {
    let world = World::new();
    let token = world.device("a");
    let mut config = world.config(&nowhere());
    config.queue.messages_max = 3;
    let gateway = world.gateway_with(config).await;
    let mut said = Vec::new();
    for _ in 0..5 {
        said.push(post(&gateway, "/up/a/t", &token, &[], "1").await.0);
    }
    assert_eq!(said, [201, 201, 201, 503, 503]);
    gateway.shutdown().await;
}

/// A request as RFC 7252 section 3 writes it, by hand: header, token, options, payload.
fn coap(message_id: u16, path: &[&str], query: &str, format: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = message_id.to_be_bytes();
    // Confirmable, a token of one byte, POST.
    let mut bytes = vec![0x41, 0x02, high, low, 0x77];
    let mut last = 0;
    let parts = path.iter().map(|part| (11, part.as_bytes()));
    let format = [format];
    let options = parts.chain([(12, &format[..]), (15, query.as_bytes())]);
    for (number, value) in options {
        let delta = u8::try_from(number - last).unwrap();
        let length = u8::try_from(value.len()).unwrap();
        match length {
            0..=12 => bytes.push(delta << 4 | length),
            _ => bytes.extend([delta << 4 | 13, length - 13]),
        }
        bytes.extend_from_slice(value);
        last = number;
    }
    bytes.push(0xff);
    bytes.extend_from_slice(payload);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn coap_takes_senml_once_and_answers_on_the_acknowledgement() {
    let world = World::new();
    let token = world.device("c");
    let gateway = world.gateway(&nowhere()).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(gateway.addresses().coap).await.unwrap();
    let ask = async |request: Vec<u8>| {
        let mut answer = vec![0; 2_048];
        socket.send(&request).await.unwrap();
        let received = tokio::time::timeout(DEADLINE, socket.recv(&mut answer)).await;
        answer.truncate(received.unwrap().unwrap());
        answer
    };
    let query = format!("token={token}");
    let senml = b"\x81\xa2\x00\x61t\x02\x01";
    let request = coap(7, &["up", "c", "t"], &query, 112, senml);
    let first = ask(request.clone()).await;
    // An acknowledgement of 7, 2.04, our token.
    assert_eq!(first[..5], [0x61, 0x44, 0, 7, 0x77], "{first:02x?}");
    assert_eq!(first.len(), 5 + 1 + 8, "the number of the message: {first:02x?}");
    assert_eq!(ask(request).await, first, "the same request has the same answer");
    let code = |answer: Vec<u8>| (answer[1] >> 5, answer[1] & 31);
    let path = ["up", "c", "t"];
    assert_eq!(code(ask(coap(8, &path, &query, 112, b"21.4")).await), (4, 0));
    assert_eq!(code(ask(coap(9, &path, "token=no", 112, senml)).await), (4, 1));
    assert_eq!(code(ask(coap(10, &["up", "c"], &query, 112, senml)).await), (4, 4));
    assert_eq!(code(ask(coap(11, &path, &query, 41, senml)).await), (4, 15));
    // A ping is an empty message; a reset says that somebody is there.
    assert_eq!(ask(vec![0x40, 0, 0, 12]).await, [0x70, 0, 0, 12]);
    let (_, metrics) = get(&gateway, "/metrics", "").await;
    assert!(metrics.contains("weft_gateway_accepted_total 1\n"), "{metrics}");
    assert!(metrics.contains("weft_gateway_repeated_total 1\n"), "{metrics}");
    gateway.shutdown().await;
}
