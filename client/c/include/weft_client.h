/*
 * The tiny client of Weft: a device that seals its own readings.
 *
 * C99. No allocation, no threads, no sockets: memory is the caller's, and what comes out are bytes
 * for any link. Functions return 0 or an error; weft_error_text tells what it means. Structures in
 * caller's memory must be aligned to 8 and stay where they are while they are used.
 *
 * One thread at a time may use a device. weft_seed_sign takes up to 170 KiB of stack: give it a
 * task of its own, or bring another signer. docs/guide/tiny-client.md has the figures.
 */
#ifndef WEFT_CLIENT_H
#define WEFT_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Errors. A number keeps its meaning for ever. */
#define WEFT_OK 0
#define WEFT_AGAIN 1       /* weft_work_step: not found yet */
#define WEFT_NULL -1       /* a pointer is null */
#define WEFT_MEMORY -2     /* memory too small, or not aligned to 8 */
#define WEFT_ROOM -3       /* buffer too small */
#define WEFT_READING -4    /* stream name or reading breaks a rule */
#define WEFT_KEY -5        /* the key did not sign */
#define WEFT_FLASH -6      /* the flash did not read or write */
#define WEFT_DAMAGED -7    /* both records of the sequence are damaged */
#define WEFT_USED -8       /* all sequences are used */
#define WEFT_RANDOM -9     /* the random source is missing, failed or stuck */

/* Types of readings: the content formats of CoAP. */
#define WEFT_TEXT 0
#define WEFT_RAW 42
#define WEFT_JSON 50
#define WEFT_CBOR 60
#define WEFT_SENML_JSON 110
#define WEFT_SENML_CBOR 112

/* Bytes of a sealed reading, and of a registration. */
#define WEFT_SEALED_BASE_BYTES 2523u
#define WEFT_SEALED_BYTES(stream_bytes, reading_bytes) \
    (WEFT_SEALED_BASE_BYTES + (size_t)(stream_bytes) + (size_t)(reading_bytes))
#define WEFT_REGISTRATION_BYTES 3841u
/* Bytes that stand before a sealed body in a transaction. */
#define WEFT_ATTACHMENT_BYTES 104u
/* Bytes of a record in flash. */
#define WEFT_RECORD_BYTES 16u
/* Bytes of a seed, and of public key and signature: ML-DSA-44 (FIPS 204). */
#define WEFT_SEED_BYTES 32u
#define WEFT_PUBLIC_KEY_BYTES 1312u
#define WEFT_SIGNATURE_BYTES 2420u

typedef struct weft_device weft_device;
typedef struct weft_work weft_work;

/* What the firmware brings. Functions return 0 if they did it. */
typedef struct weft_platform {
    void *context; /* handed to each function as it is */
    /* Reads the record in slot 0 or 1. One never written reads as all 0x00 or 0xff. */
    int (*flash_read)(void *context, int slot, uint8_t record[WEFT_RECORD_BYTES]);
    /* Erases and writes it: returns once it will be read after a power cut. A page for each. */
    int (*flash_write)(void *context, int slot, const uint8_t record[WEFT_RECORD_BYTES]);
    /* Milliseconds since 1970, or 0 while the time is not known. May be NULL. */
    uint64_t (*clock_ms)(void *context);
    /* Fills so many bytes that nobody can guess. May be NULL: only weft_seed_new asks for it. */
    int (*random)(void *context, uint8_t *bytes, size_t count);
} weft_platform;

/*
 * Who signs: a secure element, a library with less stack, or weft_seed_public_key and
 * weft_seed_sign with a seed as the context. Functions return 0 if they did it.
 */
typedef struct weft_signer {
    void *context; /* handed to each function as it is */
    /* Writes the public key: the same each time. Asked when a device starts up or registers. */
    int (*public_key)(void *context, uint8_t public_key[WEFT_PUBLIC_KEY_BYTES]);
    /*
     * Signs with an empty context string, in the deterministic variant, so that a registration is
     * the same bytes each time. The message is the id of a body. Not checked here.
     */
    int (*sign)(void *context, const uint8_t message[32],
                uint8_t signature[WEFT_SIGNATURE_BYTES]);
} weft_signer;

/* What was sealed. */
typedef struct weft_sealed {
    size_t bytes;         /* length */
    size_t content_bytes; /* of the reading with its stream: the work depends on it */
    uint64_t sequence;    /* its place among the bodies of the device; 0 registers */
    uint8_t body[32];     /* its id: receipts name it */
} weft_sealed;

/* Major version in the upper 16 bits, minor in the lower. */
uint32_t weft_version(void);
/* What an error means and what to do; never NULL, never to be freed. */
const char *weft_error_text(int error);

/* Draws a new seed: the key itself, to be kept secret and for ever. */
int weft_seed_new(const weft_platform *platform, uint8_t seed[WEFT_SEED_BYTES]);
/* Writes the public key of the seed: public_key of a weft_signer. */
int weft_seed_public_key(void *seed, uint8_t public_key[WEFT_PUBLIC_KEY_BYTES]);
/* Signs by the seed: sign of a weft_signer, or called by one on a stack that is large enough. */
int weft_seed_sign(void *seed, const uint8_t message[32],
                   uint8_t signature[WEFT_SIGNATURE_BYTES]);

/* Memory for a device. */
size_t weft_device_size(void);
/*
 * Starts up a device. network: the first 4 bytes of the genesis id. All are copied; what signer and
 * platform point to must outlive the device.
 */
int weft_device_init(weft_device *device, size_t size, const uint8_t network[4],
                     const weft_signer *signer, const weft_platform *platform);
/* Its address: the id of its key. */
int weft_device_address(const weft_device *device, uint8_t address[32]);
/* Writes the body that registers the device, the same bytes each time: send until it is final. */
int weft_device_register(const weft_device *device, uint8_t *out, size_t room, weft_sealed *sealed);
/* Seals a reading. Keep what was written until it is handed over: it cannot be made again. */
int weft_device_seal(weft_device *device, const char *stream, size_t stream_bytes,
                     uint16_t content_type, const void *reading, size_t reading_bytes, uint8_t *out,
                     size_t room, weft_sealed *sealed);

/* Memory for a search. Only for devices that speak to nodes: a gateway does the work itself. */
size_t weft_work_size(void);
/* Begins the work; parents, anchor and work_bits are what GET /v1/tips of a node says. */
int weft_work_init(weft_work *work, size_t size, const weft_sealed *sealed,
                   const uint8_t parents[64], const uint8_t anchor[32], uint8_t work_bits,
                   uint64_t start);
/* Tries so many nonces: WEFT_OK once one was found, WEFT_AGAIN while none is. */
int weft_work_step(weft_work *work, uint32_t tries);
/* Writes the attachment. With the sealed body behind it, it is a transaction. */
int weft_work_attach(const weft_work *work, uint8_t *out, size_t room);

#ifdef __cplusplus
}
#endif
#endif
