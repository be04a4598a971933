/**
 * `libcrypto`: the OpenSSL that Node.js itself is linked with, through koffi. Only public functions
 * of OpenSSL are used.
 *
 * The addresses of contexts and buffers are plain numbers, as in `libc` of `@litz/sys`. Most
 * functions return 1 or a pointer for success, and 0 or a negative number for failure.
 *
 * @module
 */
import { koffi } from '@litz/sys';

/**
 * The functions of OpenSSL with their own names. See the manual page of each, for instance
 * EVP_CipherInit_ex(3).
 */
export interface LibCrypto {
  EVP_CIPHER_fetch: (context: number, name: string, properties: null) => number;
  EVP_CIPHER_free: (cipher: number) => void;
  EVP_CIPHER_CTX_new: () => number;
  EVP_CIPHER_CTX_reset: (context: number) => number;
  EVP_CIPHER_CTX_free: (context: number) => void;
  // oxlint-disable-next-line max-params -- a function of C
  EVP_CipherInit_ex: (
    context: number,
    type: number,
    engine: number,
    key: number,
    iv: number,
    encrypt: number,
  ) => number;
  /** If `type` is 0, it does the same as `EVP_EncryptInit_ex`, but takes one argument less. */
  EVP_EncryptInit: (context: number, type: number, key: number, iv: number) => number;
  /** For a stream cipher, returns the number of bytes, or a negative number for failure. */
  EVP_Cipher: (context: number, out: number, input: number, length: number) => number;
  EVP_CipherUpdate: (
    context: number,
    out: number,
    outLength: number,
    input: number,
    length: number,
  ) => number;
  EVP_CipherFinal_ex: (context: number, out: number, outLength: number) => number;
  EVP_CIPHER_CTX_ctrl: (context: number, type: number, argument: number, pointer: number) => number;
  EVP_MAC_fetch: (context: number, name: string, properties: null) => number;
  EVP_MAC_free: (mac: number) => void;
  EVP_MAC_CTX_new: (mac: number) => number;
  EVP_MAC_CTX_free: (context: number) => void;
  EVP_MAC_init: (context: number, key: number, keyLength: number, parameters: number) => number;
  EVP_MAC_update: (context: number, data: number, length: number) => number;
  EVP_MAC_final: (context: number, out: number, outLength: number, outSize: number) => number;
  EVP_MD_fetch: (context: number, name: string, properties: null) => number;
  EVP_MD_free: (digest: number) => void;
  // oxlint-disable-next-line max-params -- a function of C
  EVP_Digest: (
    data: number,
    length: number,
    out: number,
    outLength: number,
    type: number,
    engine: number,
  ) => number;
  EVP_PKEY_CTX_new_from_name: (context: number, name: string, properties: null) => number;
  EVP_PKEY_fromdata_init: (context: number) => number;
  EVP_PKEY_fromdata: (
    context: number,
    key: number,
    selection: number,
    parameters: number,
  ) => number;
  EVP_PKEY_new_raw_public_key_ex: (
    context: number,
    type: string,
    properties: null,
    key: number,
    length: number,
  ) => number;
  EVP_PKEY_set1_encoded_public_key: (key: number, publicKey: number, length: number) => number;
  EVP_PKEY_get_raw_public_key: (key: number, out: number, length: number) => number;
  EVP_PKEY_get_octet_string_param: (
    key: number,
    name: string,
    out: number,
    size: number,
    length: number,
  ) => number;
  EVP_PKEY_free: (key: number) => void;
  EVP_PKEY_CTX_new_from_pkey: (context: number, key: number, properties: null) => number;
  EVP_PKEY_CTX_free: (context: number) => void;
  EVP_PKEY_derive_init: (context: number) => number;
  EVP_PKEY_derive_set_peer_ex: (context: number, peer: number, validate: number) => number;
  EVP_PKEY_derive: (context: number, out: number, length: number) => number;
  ERR_clear_error: () => void;
}

/**
 * Returns all functions, loaded on first use.
 *
 * @throws {Error} a required function is missing in this process: another runtime, or OpenSSL
 *   before 3.0
 * @throws {WireGuardError} as `libc` of `@litz/sys` does
 */
export function libcrypto(): LibCrypto {
  return (loaded ??= load());
}

let loaded: LibCrypto | undefined;

function load(): LibCrypto {
  const library = koffi().load(null);
  const functions: Record<string, unknown> = {};
  for (const [name, signature] of Object.entries(SIGNATURES)) {
    functions[name] = library.func(signature);
  }
  return functions as unknown as LibCrypto;
}

const SIGNATURES: Record<keyof LibCrypto, string> = {
  EVP_CIPHER_fetch: 'uintptr_t EVP_CIPHER_fetch(uintptr_t context, str name, str properties)',
  EVP_CIPHER_free: 'void EVP_CIPHER_free(uintptr_t cipher)',
  EVP_CIPHER_CTX_new: 'uintptr_t EVP_CIPHER_CTX_new()',
  EVP_CIPHER_CTX_reset: 'int EVP_CIPHER_CTX_reset(uintptr_t context)',
  EVP_CIPHER_CTX_free: 'void EVP_CIPHER_CTX_free(uintptr_t context)',
  EVP_CipherInit_ex:
    'int EVP_CipherInit_ex(uintptr_t context, uintptr_t type, uintptr_t engine, uintptr_t key, uintptr_t iv, int encrypt)',
  EVP_EncryptInit:
    'int EVP_EncryptInit(uintptr_t context, uintptr_t type, uintptr_t key, uintptr_t iv)',
  EVP_Cipher: 'int EVP_Cipher(uintptr_t context, uintptr_t out, uintptr_t input, uint length)',
  EVP_CipherUpdate:
    'int EVP_CipherUpdate(uintptr_t context, uintptr_t out, uintptr_t outLength, uintptr_t input, int length)',
  EVP_CipherFinal_ex:
    'int EVP_CipherFinal_ex(uintptr_t context, uintptr_t out, uintptr_t outLength)',
  EVP_CIPHER_CTX_ctrl:
    'int EVP_CIPHER_CTX_ctrl(uintptr_t context, int type, int argument, uintptr_t pointer)',
  EVP_MAC_fetch: 'uintptr_t EVP_MAC_fetch(uintptr_t context, str name, str properties)',
  EVP_MAC_free: 'void EVP_MAC_free(uintptr_t mac)',
  EVP_MAC_CTX_free: 'void EVP_MAC_CTX_free(uintptr_t context)',
  EVP_MAC_CTX_new: 'uintptr_t EVP_MAC_CTX_new(uintptr_t mac)',
  EVP_MAC_init:
    'int EVP_MAC_init(uintptr_t context, uintptr_t key, ulong keyLength, uintptr_t parameters)',
  EVP_MAC_update: 'int EVP_MAC_update(uintptr_t context, uintptr_t data, ulong length)',
  EVP_MAC_final:
    'int EVP_MAC_final(uintptr_t context, uintptr_t out, uintptr_t outLength, ulong outSize)',
  EVP_MD_fetch: 'uintptr_t EVP_MD_fetch(uintptr_t context, str name, str properties)',
  EVP_MD_free: 'void EVP_MD_free(uintptr_t digest)',
  EVP_Digest:
    'int EVP_Digest(uintptr_t data, ulong length, uintptr_t out, uintptr_t outLength, uintptr_t type, uintptr_t engine)',
  EVP_PKEY_CTX_new_from_name:
    'uintptr_t EVP_PKEY_CTX_new_from_name(uintptr_t context, str name, str properties)',
  EVP_PKEY_fromdata_init: 'int EVP_PKEY_fromdata_init(uintptr_t context)',
  EVP_PKEY_fromdata:
    'int EVP_PKEY_fromdata(uintptr_t context, uintptr_t key, int selection, uintptr_t parameters)',
  EVP_PKEY_new_raw_public_key_ex:
    'uintptr_t EVP_PKEY_new_raw_public_key_ex(uintptr_t context, str type, str properties, uintptr_t key, ulong length)',
  EVP_PKEY_set1_encoded_public_key:
    'int EVP_PKEY_set1_encoded_public_key(uintptr_t key, uintptr_t publicKey, ulong length)',
  EVP_PKEY_get_raw_public_key:
    'int EVP_PKEY_get_raw_public_key(uintptr_t key, uintptr_t out, uintptr_t length)',
  EVP_PKEY_get_octet_string_param:
    'int EVP_PKEY_get_octet_string_param(uintptr_t key, str name, uintptr_t out, ulong size, uintptr_t length)',
  EVP_PKEY_free: 'void EVP_PKEY_free(uintptr_t key)',
  EVP_PKEY_CTX_new_from_pkey:
    'uintptr_t EVP_PKEY_CTX_new_from_pkey(uintptr_t context, uintptr_t key, str properties)',
  EVP_PKEY_CTX_free: 'void EVP_PKEY_CTX_free(uintptr_t context)',
  EVP_PKEY_derive_init: 'int EVP_PKEY_derive_init(uintptr_t context)',
  EVP_PKEY_derive_set_peer_ex:
    'int EVP_PKEY_derive_set_peer_ex(uintptr_t context, uintptr_t peer, int validate)',
  EVP_PKEY_derive: 'int EVP_PKEY_derive(uintptr_t context, uintptr_t out, uintptr_t length)',
  ERR_clear_error: 'void ERR_clear_error()',
};
