/**
 * The certificates for etcd, out of their files, and what is wrong where a connection fails because of them.
 *
 * @module
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { EtcdError, GRPC_CODES } from './etcd-error.ts';
import type { GrpcTls } from './grpc-connection.ts';

/** Files, which are read with each connection: whoever renews them need not restart anything. */
export interface EtcdTlsFiles {
  /** Of the server's authority; without it those that the system trusts. */
  readonly ca?: string;
  /** Certificate and key of the client. */
  readonly certificate?: string;
  readonly key?: string;
}

/** @throws {EtcdError} a file can't be read, or doesn't hold what it is to hold; the message names it */
export function readTlsFiles({ ca, certificate, key }: EtcdTlsFiles): GrpcTls {
  const authority = ca === undefined ? undefined : readCertificate('--etcd-ca', ca);
  if (certificate === undefined || key === undefined)
    return { ...(authority && { ca: authority }) };
  const cert = readCertificate('--etcd-cert', certificate);
  const text = readText(key);
  if (!new X509Certificate(cert).checkPrivateKey(parseKey(text, key))) {
    throw unusable(`--etcd-key ${key} is not the key of --etcd-cert ${certificate}`);
  }
  return { ...(authority && { ca: authority }), cert, key: text };
}

/** Why a connection with TLS could not be made, and what to do. */
export function explainTls(error: EtcdError, files: EtcdTlsFiles): EtcdError {
  const { cause } = error;
  if (!(cause instanceof Error)) return error;
  const { code = '' } = cause as NodeJS.ErrnoException;
  const said = adviceOf(cause, code, files);
  return said === undefined ? error : new EtcdError(error.code, `${said} (${code})`, { cause });
}

/** Whom etcd takes a client for that shows its certificate; undefined where that isn't known. */
export function commonName({ certificate }: EtcdTlsFiles = {}): string | undefined {
  if (certificate === undefined) return undefined;
  return /^CN=(.+)$/m.exec(new X509Certificate(readText(certificate)).subject)?.[1];
}

/** A file as text. @throws {EtcdError} */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw unusable(`${path} can't be read: ${(cause as Error).message}`, cause);
  }
}

interface TlsTrouble extends Error {
  readonly cert?: { readonly subjectaltname?: string };
  readonly host?: string;
}

function adviceOf(error: TlsTrouble, code: string, files: EtcdTlsFiles): string | undefined {
  if (REFUSED.test(code)) return refusedCertificate(files);
  if (/SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|DEPTH_ZERO/.test(code)) {
    const what = "the CA that signed the server's certificate is not ";
    if (files.ca === undefined) return `${what}known here: name its certificate by --etcd-ca`;
    return `${what}the one of --etcd-ca ${files.ca}`;
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const when = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return `the server's certificate ${when}: etcd's --cert-file needs another, or a clock is wrong`;
  }
  if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return undefined;
  const names = error.cert?.subjectaltname;
  if (names === undefined) return "the server's certificate has no subjectAltName";
  return `the server's certificate is for another name or address, for ${names}: name it so in --registry`;
}

/** The server says only that it doesn't like it. */
function refusedCertificate({ certificate }: EtcdTlsFiles): string {
  if (certificate === undefined) {
    return 'the server wants a client certificate: --etcd-cert and --etcd-key';
  }
  const refused = `the server refuses the client certificate of --etcd-cert ${certificate}`;
  const { validFrom, validTo, keyUsage } = new X509Certificate(readText(certificate));
  const now = Date.now();
  if (Date.parse(validTo) < now) return `${refused}: it has expired, ${validTo}`;
  if (Date.parse(validFrom) > now) return `${refused}: it is valid only from ${validFrom} on`;
  // The list is of the extended usage; without one every use is allowed.
  if (keyUsage && !keyUsage.includes(CLIENT_AUTHENTICATION)) {
    return `${refused}: it is not for clients, extendedKeyUsage lacks clientAuth`;
  }
  return `${refused}: its CA is not that of etcd's --trusted-ca-file`;
}

/** Node passes over a CA that is none. */
function readCertificate(flag: string, path: string): string {
  const text = readText(path);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const block of blocks) void new X509Certificate(block);
  } catch (cause) {
    const message = `${flag} ${path} holds a certificate that can't be read`;
    throw unusable(`${message}: ${(cause as Error).message}`, cause);
  }
  if (blocks.length === 0) throw unusable(`${flag} ${path} holds no certificate (PEM)`);
  return text;
}

function parseKey(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    const isLocked = (cause as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
    const what = isLocked
      ? 'a key with a passphrase, which nobody can give'
      : 'no private key (PEM)';
    throw unusable(`--etcd-key ${path} holds ${what}`, cause);
  }
}

function unusable(message: string, cause?: unknown): EtcdError {
  return new EtcdError(GRPC_CODES.unavailable, message, { cause });
}

/** What a server answers to a client certificate, by the words of OpenSSL. */
const REFUSED =
  /ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_(EXPIRED|REQUIRED|UNKNOWN|REVOKED)|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)|CERTIFICATE_REQUIRED/;
/** id-kp-clientAuth, RFC 5280 4.2.1.12 */
const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2';
