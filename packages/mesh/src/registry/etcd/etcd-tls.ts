/**
 * Reads the certificates for etcd from their files. If the certificates prevent a connection,
 * explains the error.
 *
 * @module
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readInputFile } from '@litz/config/uapi';
import { EtcdError, GRPC_CODES } from './etcd-error.ts';
import type { GrpcTls } from './grpc-connection.ts';

/**
 * The certificate files. They are read for each connection, so renewed certificates need no
 * restart.
 */
export interface EtcdTlsFiles {
  /** The CA of the server's certificate. Default: the CAs of the system. */
  readonly ca?: string;
  /** The certificate of the client. */
  readonly certificate?: string;
  readonly key?: string;
}

/**
 * Reads the files.
 *
 * @throws {EtcdError} a file cannot be read or has the wrong content; the message names the file
 */
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

/** Returns an error that says why a TLS connection could not be made, and what to do. */
export function explainTls(error: EtcdError, files: EtcdTlsFiles): EtcdError {
  const { cause } = error;
  if (!(cause instanceof Error)) return error;
  const { code = '' } = cause as NodeJS.ErrnoException;
  const said = adviceOf(cause, code, files);
  return said === undefined ? error : new EtcdError(error.code, `${said} (${code})`, { cause });
}

/**
 * Returns the CN of the client certificate, which etcd takes as the user name. Undefined if there
 * is no CN.
 */
export function commonName({ certificate }: EtcdTlsFiles = {}): string | undefined {
  if (certificate === undefined) return undefined;
  return /^CN=(.+)$/m.exec(new X509Certificate(readText(certificate)).subject)?.[1];
}

/**
 * Returns a file as text.
 *
 * @throws {EtcdError} the file cannot be read
 */
export function readText(path: string): string {
  try {
    return readInputFile(path, { refusesPipes: true });
  } catch (cause) {
    throw unusable(`${path} cannot be read: ${(cause as Error).message}`, cause);
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
    if (files.ca === undefined) return `${what}known here: give its certificate with --etcd-ca`;
    return `${what}the one in --etcd-ca ${files.ca}`;
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const when = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return `the server's certificate ${when}: etcd's --cert-file needs a new one, or a clock is wrong`;
  }
  if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return undefined;
  const names = error.cert?.subjectaltname;
  if (names === undefined) return "the server's certificate has no subjectAltName";
  return `the server's certificate is not for this name or address, but for ${names}: use one of these in --registry`;
}

/**
 * Returns why the server may have refused the client certificate. The server itself gives no
 * reason.
 */
function refusedCertificate({ certificate }: EtcdTlsFiles): string {
  if (certificate === undefined) {
    return 'the server requires a client certificate: use --etcd-cert and --etcd-key';
  }
  const refused = `the server refuses the client certificate of --etcd-cert ${certificate}`;
  const { validFrom, validTo, keyUsage } = new X509Certificate(readText(certificate));
  const now = Date.now();
  if (Date.parse(validTo) < now) return `${refused}: it expired on ${validTo}`;
  if (Date.parse(validFrom) > now) return `${refused}: it is not valid before ${validFrom}`;
  // In Node.js, `keyUsage` is the list of extended key usages. A certificate without this list
  // allows every use.
  if (keyUsage && !keyUsage.includes(CLIENT_AUTHENTICATION)) {
    return `${refused}: it is not a certificate for clients, because its extendedKeyUsage lacks clientAuth`;
  }
  return `${refused}: its CA is not in etcd's --trusted-ca-file`;
}

/**
 * Reads and checks a certificate file, because Node.js silently skips a CA that is not a
 * certificate.
 */
function readCertificate(flag: string, path: string): string {
  const text = readText(path);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const block of blocks) void new X509Certificate(block);
  } catch (cause) {
    const message = `${flag} ${path} contains a certificate that cannot be read`;
    throw unusable(`${message}: ${(cause as Error).message}`, cause);
  }
  if (blocks.length === 0) throw unusable(`${flag} ${path} contains no certificate (PEM)`);
  return text;
}

function parseKey(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    const isLocked = (cause as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
    const what = isLocked
      ? 'a key with a passphrase, which is not supported'
      : 'no private key (PEM)';
    throw unusable(`--etcd-key ${path} contains ${what}`, cause);
  }
}

function unusable(message: string, cause?: unknown): EtcdError {
  return new EtcdError(GRPC_CODES.unavailable, message, { cause });
}

/** The OpenSSL error codes with which a server refuses a client certificate. */
const REFUSED =
  /ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_(EXPIRED|REQUIRED|UNKNOWN|REVOKED)|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)|CERTIFICATE_REQUIRED/;
/** The object identifier id-kp-clientAuth (RFC 5280, section 4.2.1.12). */
const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2';
