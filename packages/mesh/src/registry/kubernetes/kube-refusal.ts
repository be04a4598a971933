/**
 * `refusalOf`: an answer that says no, as an error that says what gives the missing right, credential
 * or kind of object.
 *
 * @module
 */
import type { KubeAccess } from './kube-access.ts';
import { KubeError } from './kube-error.ts';
import { fieldsOf, fullNameOf, type KubeResource } from './kube-resource.ts';

/** What was asked for, in RBAC's words. */
export interface Action {
  readonly verb: 'get' | 'list' | 'watch' | 'patch' | 'delete';
  readonly resource: KubeResource;
  readonly subresource?: string;
}

export interface Answer {
  /** Of HTTP; the `Status` object's own code stands above it. */
  readonly status: number;
  readonly retryAfter: number;
  /** The `Status` object, or whatever came. */
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
    const source = access.token?.source ?? access.certificate?.source ?? 'none is given';
    return `the credential is not accepted (${source}): it has ended, or was taken back`;
  }
  if (status === 403) {
    const name = subresource ? `${resource.plural}/${subresource}` : resource.plural;
    return `the rule that gives the right: apiGroups: ["${resource.group}"], resources: ["${name}"], verbs: ["${verb}"]`;
  }
  if (status === 404 && resource.missing) {
    return `${fullNameOf(resource)} is not known there: ${resource.missing}`;
  }
  return '';
}

/** Whoever wrote an object may have a part in this text: one line of bounded length. */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, 500);
}
