/**
 * Makes certificates for an etcd on loopback with openssl.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { programRequirement, type Requirement } from '@litz/testkit';

export const opensslProgram: Requirement = programRequirement('openssl', ['version']);

/** The settings of a certificate. */
export interface CertificateOptions {
  /** `subjectAltName=IP:127.0.0.1` */
  readonly extension: string;
  /** `ca` or `other-ca`. */
  readonly authority?: string;
  /** Days of validity from now; 0: the certificate expires within a second. */
  readonly days?: number;
}

/**
 * Makes two authorities, `ca` and `other-ca`. `ca` signs certificates of a `server` on loopback and
 * of a client `n1`.
 */
export function makeCertificates(folder: string): void {
  for (const authority of ['ca', 'other-ca']) {
    const files = ['-keyout', `${authority}.key`, '-out', `${authority}.crt`];
    openssl(folder, 'req', '-x509', ...KEY, ...files, '-subj', `/CN=${authority}`, '-days', '2');
  }
  makeCertificate(folder, 'server', { extension: 'subjectAltName=IP:127.0.0.1' });
  makeCertificate(folder, 'n1', { extension: 'extendedKeyUsage=clientAuth' });
}

/** Makes `NAME.crt` and `NAME.key` with that common name. */
export function makeCertificate(
  folder: string,
  name: string,
  { extension, authority = 'ca', days = 2 }: CertificateOptions,
): void {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.csr`];
  openssl(folder, 'req', ...KEY, ...files, '-subj', `/CN=${name}`);
  writeFileSync(join(folder, 'extension'), extension);
  const signer = ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
  const made = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', 'extension'];
  openssl(folder, 'x509', '-req', ...made, ...signer, '-days', String(days));
}

function openssl(folder: string, ...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
