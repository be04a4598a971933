/**
 * `refusalOf`: turns a response with an error status into a `KubeError` that names the missing
 * right, credential or resource.
 *
 * @module
 */
import type { KubeAccess } from './kube-access.ts';
import { KubeError } from './kube-error.ts';
import { fieldsOf, fullNameOf, type KubeResource } from './kube-resource.ts';

/** The action that was requested, in RBAC's terms. */
export interface Action {
  readonly verb: 'get' | 'list' | 'watch' | 'patch' | 'delete';
  readonly resource: KubeResource;
  readonly subresource?: string;
}

export interface Answer {
  /** The HTTP status. The code in the `Status` object takes precedence. */
  readonly status: number;
  readonly retryAfter: number;
  /** The parsed body: a `Status` object, or anything else. */
  readonly said: unknown;
}

export function refusalOf(action: Action, answer: Answer, access: KubeAccess): KubeError {
  const said = fieldsOf(answer.said);
  const status = typeof said?.['code'] === 'number' ? said['code'] : answer.status;
  const reason = typeof said?.['reason'] === 'string' ? said['reason'] : '';
  const message = typeof said?.['message'] === 'string' ? oneLine(said['message']) : '';
  const parts = [message || `status ${status}`, adviceFor(status, action, access)];
  const text = parts.filter((part) => part !== '').join('; ');
  return new KubeError(`API server ${access.server.origin}: ${text}`, {
    status,
    reason,
    retryAfter: answer.retryAfter,
  });
}

function adviceFor(status: number, action: Action, access: KubeAccess): string {
  const { resource, subresource, verb } = action;
  if (status === 401) {
    const source = access.token?.source ?? access.certificate?.source;
    if (source === undefined) return 'the API server wants a credential, and none is configured';
    return `the credential is not accepted (${source}): it may have expired or been revoked`;
  }
  if (status === 403) {
    const name = subresource ? `${resource.plural}/${subresource}` : resource.plural;
    return `this RBAC rule grants it: apiGroups: ["${resource.group}"], resources: ["${name}"], verbs: ["${verb}"]`;
  }
  if (status === 404 && resource.missing) {
    return `${fullNameOf(resource)} is not known to the API server: ${resource.missing}`;
  }
  return '';
}

/**
 * Returns the text as one line of at most 500 characters. The API server may quote parts of an
 * object. The writer of the object chose these parts, so they may be long or contain control
 * characters.
 */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are removed here
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, 500);
}
