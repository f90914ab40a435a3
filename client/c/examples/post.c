/*
 * Seals a reading and posts it to a gateway over plain HTTP.
 *
 *   post HOST PORT DEVICE TOKEN NETWORK SEED_FILE FLASH_FILE STREAM READING
 *
 * NETWORK is 8 hexadecimal digits. SEED_FILE holds 32 secret bytes and is made where it is not
 * there; FLASH_FILE stands for the flash of a microcontroller.
 */
#define _POSIX_C_SOURCE 200112L
#include <netdb.h>
#include <sys/socket.h>

#include "file_platform.h"

/* Posts and prints the first line of the answer; 0 if it was taken. */
static int post(char **argv, const uint8_t *body, size_t bytes) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char head[1024], answer[512];
    if (getaddrinfo(argv[1], argv[2], &hints, &found) != 0) return 1;
    int link = socket(found->ai_family, SOCK_STREAM, 0);
    int failed = link < 0 || connect(link, found->ai_addr, found->ai_addrlen) != 0;
    freeaddrinfo(found);
    int length = snprintf(head, sizeof head,
                          "POST /up/%s/sealed HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                          "Authorization: Bearer %s\r\nContent-Length: %zu\r\n"
                          "Content-Type: application/vnd.weft.body\r\n\r\n",
                          argv[3], argv[1], argv[4], bytes);
    failed = failed || length <= 0 || (size_t)length >= sizeof head ||
             write(link, head, (size_t)length) != length ||
             write(link, body, bytes) != (ssize_t)bytes;
    ssize_t got = failed ? -1 : read(link, answer, sizeof answer - 1);
    if (link >= 0) close(link);
    if (got <= 0) {
        fprintf(stderr, "no answer from the gateway: is it there, and is the port right?\n");
        return 1;
    }
    answer[got] = 0;
    printf("%.*s\n", (int)strcspn(answer, "\r\n"), answer);
    return strncmp(answer, "HTTP/1.1 20", 11) != 0;
}

int main(int argc, char **argv) {
    static uint64_t memory[64]; /* aligned to 8 */
    static uint8_t out[WEFT_REGISTRATION_BYTES + 1024];
    uint8_t network[4], seed[WEFT_SEED_BYTES];
    if (argc != 10 || from_hex(argv[5], network, sizeof network)) {
        fprintf(stderr, "post HOST PORT DEVICE TOKEN NETWORK SEED FLASH STREAM READING\n");
        return 2;
    }
    weft_platform platform = {argv[7], flash_read, flash_write, clock_ms, fill};
    if (seed_in(argv[6], &platform, seed)) return 1;
    weft_signer signer = {seed, weft_seed_public_key, weft_seed_sign};
    weft_device *device = (weft_device *)memory;
    weft_sealed sealed;
    int error = weft_device_init(device, sizeof memory, network, &signer, &platform);
    if (check(error, "init")) return 1;
    if (check(weft_device_register(device, out, sizeof out, &sealed), "register")) return 1;
    if (post(argv, out, sealed.bytes)) return 1;
    error = weft_device_seal(device, argv[8], strlen(argv[8]), WEFT_TEXT, argv[9],
                             strlen(argv[9]), out, sizeof out, &sealed);
    if (check(error, "seal")) return 1;
    if (post(argv, out, sealed.bytes)) return 1;
    for (int i = 0; i < 32; i++) printf("%02x", sealed.body[i]);
    printf("\n");
    return 0;
}
