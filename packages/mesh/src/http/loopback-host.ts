/**
 * `isLoopbackHost`: whether a header `Host` names the loopback interface.
 *
 * A server on loopback refuses requests for other hosts. If it answered them, a page of a foreign
 * website could read its answers through DNS rebinding: the name of the website would resolve to a
 * loopback address.
 *
 * @module
 */

/**
 * Returns whether the host is localhost, 127.0.0.0/8 or [::1]. Any port is allowed, because the
 * user may have forwarded another port to the server.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && LOOPBACK_HOST.test(host);
}

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
