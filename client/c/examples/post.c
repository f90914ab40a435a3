/*
 * Seals a reading and posts it to a gateway over plain HTTP.
 *
 *   post HOST PORT DEVICE TOKEN NETWORK SEED_FILE FLASH_FILE STREAM READING
 *
 * NETWORK is 8 hexadecimal digits. SEED_FILE holds 32 secret bytes; FLASH_FILE stands for the flash
 * of a microcontroller: two records in one file. On a device these are two functions of its driver.
 */
#define _POSIX_C_SOURCE 200112L
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "weft_client.h"

static int flash_read(void *context, int slot, uint8_t record[WEFT_RECORD_BYTES]) {
    FILE *file = fopen(context, "rb");
    memset(record, 0xff, WEFT_RECORD_BYTES);
    /* Only a file that is not there was never written: whatever else fails may hide a record. */
    if (file == NULL) return errno != ENOENT;
    int failed = fseek(file, (long)slot * 16, SEEK_SET) != 0;
    failed = failed || (fread(record, 1, 16, file) != 16 && ferror(file));
    return fclose(file) != 0 || failed;
}

static int flash_write(void *context, int slot, const uint8_t record[WEFT_RECORD_BYTES]) {
    FILE *file = fopen(context, "r+b");
    if (file == NULL) file = fopen(context, "w+b");
    if (file == NULL) return 1;
    int failed = fseek(file, (long)slot * 16, SEEK_SET) != 0 || fwrite(record, 1, 16, file) != 16;
    failed = fflush(file) != 0 || fsync(fileno(file)) != 0 || failed;
    return fclose(file) != 0 || failed;
}

static uint64_t clock_ms(void *context) {
    (void)context;
    return (uint64_t)time(NULL) * 1000;
}

static int check(int error, const char *what) {
    if (error != WEFT_OK) fprintf(stderr, "%s: %s\n", what, weft_error_text(error));
    return error;
}

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
    uint8_t network[4], seed[32];
    unsigned number = 0;
    if (argc != 10 || sscanf(argv[5], "%8x", &number) != 1) {
        fprintf(stderr, "post HOST PORT DEVICE TOKEN NETWORK SEED FLASH STREAM READING\n");
        return 2;
    }
    for (int i = 0; i < 4; i++) network[i] = (uint8_t)(number >> (24 - 8 * i));
    FILE *file = fopen(argv[6], "rb");
    if (file == NULL || fread(seed, 1, 32, file) != 32) {
        fprintf(stderr, "cannot read 32 bytes of %s; make them: head -c 32 /dev/urandom\n", argv[6]);
        return 1;
    }
    fclose(file);

    weft_device *device = (weft_device *)memory;
    weft_platform platform = {argv[7], flash_read, flash_write, clock_ms};
    weft_sealed sealed;
    if (check(weft_device_init(device, sizeof memory, network, seed, &platform), "init")) return 1;
    if (check(weft_device_register(device, out, sizeof out, &sealed), "register")) return 1;
    if (post(argv, out, sealed.bytes)) return 1;
    int error = weft_device_seal(device, argv[8], strlen(argv[8]), WEFT_TEXT, argv[9],
                                 strlen(argv[9]), out, sizeof out, &sealed);
    if (check(error, "seal")) return 1;
    if (post(argv, out, sealed.bytes)) return 1;
    for (int i = 0; i < 32; i++) printf("%02x", sealed.body[i]);
    printf("\n");
    return 0;
}
