/**
 * A self-signed certificate for tests of TLS, for the name `server.test`.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a key and a certificate with the program openssl. Both are PEM. */
export function createCertificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'litz-certificate-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    execFileSync(
      'openssl',
      `req -x509 -nodes -days 1 -subj /CN=server.test -newkey ec -pkeyopt ec_paramgen_curve:prime256v1
        -addext subjectAltName=DNS:server.test,IP:10.0.0.2 -keyout ${key} -out ${cert}`.split(
        /\s+/,
      ),
      { stdio: 'pipe', timeout: 10_000 },
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
